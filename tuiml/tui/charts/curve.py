"""A curve of a line chart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from tuiml.tui.charts.series import Series, Values, as_floats, value_at
from tuiml.tui.charts.strokes import Dash

Points: TypeAlias = Series | tuple[Values, Values]


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve of a chart.

    Args:
        label: its name in the title; empty: not shown there.
        points: a :class:`Series`, or x and y.
        colour: a name of :data:`~tuiml.tui.charts.palette.COLOURS`.
        style: distinguishes it from the others, also without colour.
        raw: the points before smoothing, as faint dots behind all curves.
    """

    label: str
    points: Points
    colour: str = "blue"
    style: Dash = "solid"
    raw: Points | None = None
    shown: float | None = None
    """The value shown in the title; absent: that at the cursor, or the last one."""
    marker: str = ""
    """A character on the curve and before its name at the end."""
    end: str = ""
    """Its name beside its end, where there is room."""
    aside: bool = False
    """It does not count for the limits of the axes, as what a run has left behind."""

    def value(self, at: float | None) -> float:
        """The value shown, at ``at`` or the last one."""
        if self.shown is not None or at is None:
            return _last(self.points) if self.shown is None else self.shown
        x, y = self.points.points() if isinstance(self.points, Series) else map(as_floats, self.points)
        return value_at(x, y, at)


def _last(points: Points) -> float:
    if isinstance(points, Series):
        return points.last
    values = as_floats(points[1][-1:])
    return float(values[0]) if len(values) else math.nan
