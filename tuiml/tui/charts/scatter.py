"""Points and lines over any x: a fit over its data, or predictions against targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import LARGEST, Range, bottom_axis, framed, left_axis, rounded, widened
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.series import Values, as_floats
from tuiml.tui.charts.text import Line, notice


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points, or a line through them.

    Args:
        colour: a name of :data:`~tuiml.tui.charts.palette.COLOURS`; empty: the terminal's own.
        joined: whether it is a line; its points are sorted by x.
        sign: the character for it if there is no Unicode, and for points also if there is no colour.
    """

    x: Values
    y: Values
    colour: str = ""
    joined: bool = False
    faint: bool = False
    sign: str = "."


def scatter(
    clouds: Sequence[Cloud],
    width: int,
    height: int,
    look: Look,
    *,
    x_label: str = "",
    x_range: Range | None = None,
    y_range: Range | None = None,
) -> list[Line]:
    """``height`` lines of ``width`` cells; the last cloud is drawn on top.

    Args:
        x_range, y_range: the limits of the axes; absent: those of the points, y rounded outwards. Points
            beyond them are drawn at the edge.
    """
    if width < 1 or height < 1:
        return []
    below = 0 if height < 5 else 1 if height < 9 else 2
    points = [(cloud, *_finite(cloud)) for cloud in clouds]
    all_x, all_y = (np.concatenate([p[i] for p in points] or [np.empty(0)]) for i in (1, 2))
    if not len(all_x):
        return notice("", width, height, look)
    across = widened(*(x_range or (float(all_x.min()), float(all_x.max()))))
    up = rounded(float(all_y.min()), float(all_y.max()), height - below, "number")
    up = widened(*(y_range or up))
    frame, labels = framed(across, up, width, height - below, look)
    strokes = []
    for cloud, x, y in points:
        style, marker = look.style(cloud.colour, faint=cloud.faint), _marker(cloud, len(x), look)
        if len(x):
            strokes.append(plot.Stroke(frame.across(x), frame.up(y), style, marker, cloud.joined))
    body = plot.draw(strokes, frame.columns, frame.rows, dots=frame.dots)
    return left_axis(body, labels, frame, look) + bottom_axis(frame, below, x_label, (), look)


FEW = 60
"""Maximum number of points that are drawn large: a few single dots would be overlooked."""


def _marker(cloud: Cloud, count: int, look: Look) -> str:
    if not look.unicode or (not look.colour and not cloud.joined and cloud.sign != "."):
        return cloud.sign
    return look.glyphs.dot if not cloud.joined and count <= FEW else plot.BRAILLE


def _finite(cloud: Cloud) -> tuple[np.ndarray, np.ndarray]:
    """Its finite points."""
    x, y = as_floats(cloud.x), as_floats(cloud.y)
    placed = np.isfinite(x) & np.isfinite(y)
    return np.clip(x[placed], -LARGEST, LARGEST), np.clip(y[placed], -LARGEST, LARGEST)
