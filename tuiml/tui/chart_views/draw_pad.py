"""The pad: a small image to draw on, with a cursor and pens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PENS: dict[str, tuple[tuple[float, ...], ...]] = {
    "fine": ((0.0, 0.25, 0.0), (0.25, 1.0, 0.25), (0.0, 0.25, 0.0)),
    "soft": ((0.3, 0.65, 0.3), (0.65, 1.0, 0.65), (0.3, 0.65, 0.3)),
    "broad": (
        (0.0, 0.35, 0.5, 0.35, 0.0),
        (0.35, 0.9, 1.0, 0.9, 0.35),
        (0.5, 1.0, 1.0, 1.0, 0.5),
        (0.35, 0.9, 1.0, 0.9, 0.35),
        (0.0, 0.35, 0.5, 0.35, 0.0),
    ),
}
"""Ink of each pixel around the middle of a pen, 0 to 1."""
LARGE = 20
"""Minimum side of an image, in pixels, that is drawn as in MNIST: with a soft pen, centred by mass."""


class Pad:
    """An image being drawn; ``ink`` is (height, width), 0 to 1."""

    def __init__(self) -> None:
        self.ink: NDArray[np.float64] = np.zeros((0, 0))
        self.version = 0
        """Incremented by every change."""
        self.x = self.y = 0
        self.pen = "soft"
        self.down = self.erasing = False
        """True if moving draws; true if the pen removes ink."""
        self.centred = False

    def fit(self, size: tuple[int, int]) -> None:
        """Use this height and width; an image of another size is discarded."""
        if self.ink.shape != size:
            self.ink = np.zeros(size)
            self.y, self.x = size[0] // 2, size[1] // 2
            large = min(size) >= LARGE
            self.pen, self.centred, self.down = "soft" if large else "fine", large, False
            self.version += 1

    @property
    def empty(self) -> bool:
        return not self.ink.any()

    def clear(self) -> None:
        """Remove all ink."""
        self.ink[:] = 0
        self.down = False
        self.version += 1

    def move(self, dx: int, dy: int, draw: bool = False) -> None:
        """Move the cursor within the image, drawing if the pen is down or ``draw`` is true."""
        self.go_to(self.x + dx, self.y + dy, draw or self.down)

    def toggle(self) -> None:
        """Put the pen down or lift it."""
        self.down = not self.down
        if self.down:
            self._touch(self.x, self.y)
        self.version += 1

    def go_to(self, x: int, y: int, draw: bool) -> None:
        """Move the cursor to a pixel, drawing a straight line if ``draw`` is true."""
        height, width = self.ink.shape
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        if draw:
            steps = max(abs(x - self.x), abs(y - self.y), 1)
            for i in range(steps + 1):
                self._touch(
                    round(self.x + (x - self.x) * i / steps), round(self.y + (y - self.y) * i / steps)
                )
        self.x, self.y = x, y
        self.version += 1

    def next_pen(self) -> None:
        """Use the next size of the pen."""
        names = list(PENS)
        self.pen = names[(names.index(self.pen) + 1) % len(names)]
        self.version += 1

    def _touch(self, x: int, y: int) -> None:
        brush = np.array(PENS[self.pen])
        r = len(brush) // 2
        height, width = self.ink.shape
        top, bottom, left, right = max(0, y - r), min(height, y + r + 1), max(0, x - r), min(width, x + r + 1)
        part = brush[top - y + r : bottom - y + r, left - x + r : right - x + r]
        under = self.ink[top:bottom, left:right]
        under[:] = np.minimum(under, 1 - part) if self.erasing else np.maximum(under, part)

    def centred_ink(self) -> NDArray[np.float64]:
        """The image for the network: if ``centred``, its centre of mass is in the middle."""
        if not self.centred or self.empty:
            return self.ink
        height, width = self.ink.shape
        ys, xs = np.nonzero(self.ink)
        weights = self.ink[ys, xs]
        down = round((height - 1) / 2 - float(np.average(ys, weights=weights)))
        right = round((width - 1) / 2 - float(np.average(xs, weights=weights)))
        moved = np.zeros_like(self.ink)
        to_y, to_x = ys + down, xs + right
        inside = (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
        moved[to_y[inside], to_x[inside]] = weights[inside]
        return moved

    def pixels(self) -> bytes:
        """The image for the network, one byte per pixel."""
        found: NDArray[np.uint8] = np.rint(self.centred_ink() * 255).astype(np.uint8)
        return found.tobytes()
