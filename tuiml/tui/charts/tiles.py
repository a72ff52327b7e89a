"""Small images side by side, each with a caption of a line or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.pixels import Row
from tuiml.tui.charts.text import PLAIN, Line, blank, fit

GAP = 2
SCALES = (6.0, 5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.75, 1.5, 1.25, 1.0, 0.875, 0.75, 0.5, 0.375, 0.25, 0.125)


@dataclass(frozen=True)
class Layout:
    """The number and size of tiles; ``height`` is in pixels, two per cell."""

    columns: int
    rows: int
    width: int
    height: int
    tile: int
    """Width of a tile in cells: that of the image, or of a wider caption."""

    @property
    def count(self) -> int:
        return self.columns * self.rows


def layout(
    size: tuple[int, int],
    width: int,
    height: int,
    *,
    caption: int = 1,
    least: int = 8,
    wanted: int = 1,
    largest: float = 6.0,
) -> Layout:
    """The largest tiles of which ``wanted`` fit into ``width`` × ``height`` cells, or else as many as fit.

    Args:
        size: height and width of an image, in pixels.
        caption: lines of a caption.
        least: minimum width of a caption, in cells.
    """
    best: Layout | None = None
    for scale in SCALES:
        if scale > largest:
            continue
        tall, wide = max(2, round(size[0] * scale)), max(1, round(size[1] * scale))
        tile = max(wide, least)
        each = -(-tall // 2) + caption
        columns, rows = (width + GAP) // (tile + GAP), (height + 1) // (each + 1)
        if not columns or not rows:
            continue
        found = Layout(columns, rows, wide, tall, tile)
        if best is None or found.count > best.count:
            best = found
        if found.count >= wanted:
            break
    return best or Layout(0, 0, 0, 0, 0)


def stretched(plan: Layout, shown: int, width: int, height: int, caption: int = 1) -> Layout:
    """A layout whose tiles fill ``width`` × ``height`` cells, for images that have no shape of their own.

    Args:
        shown: how many tiles there are.
    """
    if not plan.count or not shown:
        return plan
    columns = min(plan.columns, shown)
    rows = min(plan.rows, -(-shown // columns))
    wide = max(plan.width, (width + GAP) // columns - GAP)
    tall = max(plan.height, 2 * ((height + 1) // rows - 1 - caption))
    return Layout(columns, rows, wide, tall, wide)


Caption = tuple[str, Style]


def tiles(
    pictures: Sequence[tuple[list[Row], Sequence[Caption]]], plan: Layout, width: int, height: int, more: str
) -> list[Line]:
    """Images with captions, row by row: at most ``height`` lines of ``width`` cells."""
    strips: list[Line] = []
    for start in range(0, min(len(pictures), plan.count), max(1, plan.columns)):
        if strips:
            strips.append(blank(width))
        some = pictures[start : start + plan.columns]
        tall = -(-plan.height // 2)
        lines: list[list[Row]] = []
        for picture, captions in some:
            body = [_filled(row, plan.tile) for row in picture[:tall]]
            body += [[Segment(" " * plan.tile)] for _ in range(tall - len(body))]
            body += [[Segment(fit(text, plan.tile, more), style)] for text, style in captions]
            lines.append(body)
        for row in range(max(map(len, lines))):
            segments: Row = []
            for body in lines:
                segments += body[row] if row < len(body) else [Segment(" " * plan.tile)]
                segments.append(Segment(" " * GAP, PLAIN))
            strips.append(Line.of(segments).resized(width))
    return strips[:height]


def _filled(row: Row, width: int) -> Row:
    cells = sum(len(segment.text) for segment in row)  # glyphs here are one cell wide
    return [*row, Segment(" " * (width - cells), PLAIN)] if cells < width else row
