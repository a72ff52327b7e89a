"""Line charts with rounded ticks, and the last values in the title, where they cover no curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import Format, compact, percent
from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import (
    LARGEST,
    Frame,
    Mark,
    Range,
    bottom_axis,
    framed,
    left_axis,
    rounded,
    widened,
)
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats, Series, Values, as_floats, decimate
from tuiml.tui.charts.tags import Tag, tagged
from tuiml.tui.charts.text import Line, clean, notice, strip

Points: TypeAlias = Series | tuple[Values, Values]

_DASHES = {"dashed": (4.0, 4.0), "dotted": (0.0, 3.0)}
_ASCII_DASHES = {"dashed": (1.0, 2.0), "dotted": (0.0, 2.0)}
_ASCII_MARKERS = {"solid": "*", "dashed": "o", "dotted": "+"}


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
    style: Literal["solid", "dashed", "dotted"] = "solid"
    raw: Points | None = None
    shown: float | None = None
    """The value shown in the title; absent: the last one."""


@dataclass(frozen=True, slots=True)
class Under:
    """Lines between the canvas of a chart and its x axis.

    Args:
        rows: the number of lines.
        draw: returns them, for the width of canvas and margin.
    """

    rows: int
    draw: Callable[[Frame, Look], list[Line]]


def line_chart(
    curves: Sequence[Curve],
    width: int,
    height: int,
    *,
    title: str = "",
    x_label: str = "",
    y_format: Format = "number",
    log: bool = False,
    x_range: Range | None = None,
    y_range: Range | None = None,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    marks: Sequence[Mark] = (),
    under: Under | None = None,
    tags: Sequence[Tag] = (),
    look: Look | None = None,
    empty: str = "waiting for the first batch",
) -> list[Line]:
    """Curves over a common x: ``height`` lines of ``width`` cells; none if either is below 1.

    Args:
        curves: the last is on top. NaN is a gap, and so is y ≤ 0 with ``log`` (logarithmic y).
        x_range, y_range: limits of the axes; absent: those of the points, y rounded outwards. Points
            beyond the limits of y are drawn at the edge; beyond those of x they are left out.
        x_ticks: x and label of the ticks; absent: rounded numbers. ``tags`` are drawn over the curves.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = [strip(_title(curves, title, y_format, width, look), width)][: height - 1]
    tall = height - len(head) - (under.rows if under else 0)
    below = 0 if tall < 5 else 1 if tall < 9 else 2
    drawn = [_Drawn.of(curve, width, log, _finite(x_range)) for curve in curves]
    limits = _limits(drawn, _finite(x_range), _log_range(_finite(y_range), log), log, y_format, tall - below)
    if limits is None:
        return head + notice(clean(empty, look), width, height - len(head), look)
    frame, labels = framed(*limits, width, tall - below, look, y_format, log)
    body = left_axis(tagged(_canvas(drawn, frame, marks, look), tags, frame, look), labels, frame, look)
    foot = bottom_axis(frame, below, x_label, marks, look, x_ticks)
    return head + body + (under.draw(frame, look) if under else []) + foot


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A curve's points to be drawn: decimated, y finite or NaN (a logarithm on a log axis), x in range."""

    curve: Curve
    x: Floats
    y: Floats
    raw_x: Floats
    raw_y: Floats

    @classmethod
    def of(cls, curve: Curve, columns: int, log: bool, x_range: Range | None) -> _Drawn:
        raw = curve.raw if curve.raw is not None else ((), ())
        return cls(
            curve, *_prepared(curve.points, columns, log, x_range), *_prepared(raw, columns, log, x_range)
        )


def _prepared(points: Points, columns: int, log: bool, x_range: Range | None) -> tuple[Floats, Floats]:
    x, y = decimate(*_within(points, x_range), 2 * columns)
    if log:
        return x, np.log10(y, where=y > 0, out=np.full(len(y), np.nan))
    return x, np.clip(y, -LARGEST, LARGEST)


def _within(points: Points, x_range: Range | None) -> tuple[Values, Values]:
    if isinstance(points, Series):
        points = points.points()
    if x_range is None:
        return points
    x, y = as_floats(points[0]), as_floats(points[1])
    count = min(len(x), len(y))
    inside = (x[:count] >= min(x_range)) & (x[:count] <= max(x_range))
    return x[:count][inside], y[:count][inside]


def _finite(limits: Range | None) -> Range | None:
    return limits if limits is not None and all(map(math.isfinite, limits)) else None


def _log_range(limits: Range | None, log: bool) -> Range | None:
    if limits is None or not log:
        return limits
    return (math.log10(limits[0]), math.log10(limits[1])) if min(limits) > 0 else None


def _limits(
    drawn: Sequence[_Drawn], x_range: Range | None, y_range: Range | None, log: bool, kind: Format, rows: int
) -> tuple[Range, Range] | None:
    """The limits of both axes, or None if there is nothing to draw."""
    parts = [x for d in drawn for x in (d.x[np.isfinite(d.y)], d.raw_x[np.isfinite(d.raw_y)])]
    x = np.concatenate([*parts, np.empty(0)])
    if not len(x):
        return None
    across = widened(*(x_range or (float(x.min()), float(x.max()))))
    if y_range is not None:
        return across, widened(*y_range)
    y = np.concatenate([_bulk(d) for d in drawn])
    low, high = float(y.min()), float(y.max())
    return across, widened(low, high) if log else rounded(low, high, rows, kind)


def _bulk(drawn: _Drawn) -> Floats:
    """The y values that the axis must contain: the curve, and the raw points without outliers."""
    y = drawn.y[np.isfinite(drawn.y)]
    raw = drawn.raw_y[np.isfinite(drawn.raw_y)]
    return np.concatenate([y, np.percentile(raw, (2, 98))]) if len(raw) else y


def _title(
    curves: Sequence[Curve], title: str, kind: Format, width: int, look: Look
) -> list[tuple[str, Style]]:
    """The title, and name, line sample and last value of each curve; without title or names if too long."""
    glyphs, quiet = look.glyphs, look.style(QUIET)
    head = [(f"{clean(title, look)}  ", look.style(bold=True))] if title else []
    full: list[tuple[str, Style]] = []
    short: list[tuple[str, Style]] = []
    for curve in filter(lambda curve: curve.label, curves):
        last = _last(curve.points) if curve.shown is None else curve.shown
        write = percent if kind == "percent" else partial(compact, digits=4)
        value = write(last, missing=glyphs.missing)
        sample = {"solid": glyphs.solid, "dashed": glyphs.dashed, "dotted": glyphs.dotted}[curve.style]
        shown = (f"{sample} {value}  ", look.style(curve.colour))
        full += [(f"{clean(curve.label, look)} ", quiet), shown]
        short.append(shown)
    for parts in (head + full, full, head + short):
        if sum(cell_len(text) for text, _ in parts) - 2 <= width:
            return parts
    return short or head


def _last(points: Points) -> float:
    if isinstance(points, Series):
        return points.last
    values = as_floats(points[1][-1:])
    return float(values[0]) if len(values) else math.nan


def _canvas(drawn: Sequence[_Drawn], frame: Frame, marks: Sequence[Mark], look: Look) -> list[list[Segment]]:
    behind, front = [], []
    for d in drawn:
        x, y = _dots(d.raw_x, d.raw_y, frame)
        if len(x):
            marker = plot.BRAILLE if look.unicode else "."
            behind.append(plot.Stroke(x, y, look.style(d.curve.colour, faint=True), marker, joined=False))
        x, y = _dots(d.x, d.y, frame)
        if len(x):
            front.append(_stroke(x, y, d.curve, look))
    rules = [
        (float(frame.across(np.array([mark.x]))[0]), look.style(mark.colour, faint=True))
        for mark in filter(frame.holds, marks)
    ]
    return plot.draw(
        behind + front, frame.columns, frame.rows, dots=frame.dots, rules=rules, rule=look.glyphs.vertical
    )


def _dots(x: Floats, y: Floats, frame: Frame) -> tuple[Floats, Floats]:
    """Points in whole dots, without the inner ones of a level stretch."""
    x, y = decimate(x, y, frame.columns, frame.x)
    x, y = np.rint(frame.across(x)), np.rint(frame.up(y))
    if len(x) > 2:
        needed = np.ones(len(x), dtype=np.bool_)
        needed[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
        x, y = x[needed], y[needed]
    return x, y


def _stroke(x: Floats, y: Floats, curve: Curve, look: Look) -> plot.Stroke:
    style = look.style(curve.colour)
    if np.isfinite(y).sum() == 1:  # a single braille dot would be overlooked
        return plot.Stroke(x, y, style, look.glyphs.dot, joined=False)
    if curve.style != "solid":
        steep = 6.0 if look.unicode else 1.5
        x, y = _dashed(x, y, *(_DASHES if look.unicode else _ASCII_DASHES)[curve.style], steep)
    return plot.Stroke(x, y, style, plot.BRAILLE if look.unicode else _ASCII_MARKERS[curve.style])


def _dashed(x: Floats, y: Floats, on: float, off: float, steep: float) -> tuple[Floats, Floats]:
    """Cut a line, in dots, into dashes at fixed x; jumps above ``steep`` remain, so no spike is lost."""
    period = on + off
    starts = np.arange(math.floor(x[0] / period), x[-1] / period + 1) * period
    edges = np.concatenate([starts, starts + on])
    edges = edges[(edges >= x[0]) & (edges <= x[-1])]
    jump = np.abs(np.diff(y, prepend=y[0], append=y[-1]))
    kept = (x % period <= on) | (np.fmax(jump[1:], jump[:-1]) > steep) | np.isnan(y)
    spaces = starts + on + off / 2
    xs = np.concatenate([x[kept], edges, spaces])
    ys = np.concatenate([y[kept], np.interp(edges, x, y), np.full(len(spaces), np.nan)])
    order = np.argsort(xs, kind="stable")
    return xs[order], ys[order]
