"""Lines of a chart in dots: solid, dashed, dotted."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from rich.style import Style

from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import Frame
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.series import Floats, decimate

Dash: TypeAlias = Literal["solid", "dashed", "dotted"]

_DASHES = {"dashed": (4.0, 4.0), "dotted": (0.0, 3.0)}
_ASCII_DASHES = {"dashed": (1.0, 2.0), "dotted": (0.0, 2.0)}
_ASCII_MARKERS = {"solid": "*", "dashed": "o", "dotted": "+"}


def dots(x: Floats, y: Floats, frame: Frame) -> tuple[Floats, Floats]:
    """Points in whole dots, without the inner ones of a level stretch."""
    x, y = decimate(x, y, frame.columns, frame.x)
    x, y = np.rint(frame.across(x)), np.rint(frame.up(y))
    if len(x) > 2:
        needed = np.ones(len(x), dtype=np.bool_)
        needed[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
        x, y = x[needed], y[needed]
    return x, y


def stroke(x: Floats, y: Floats, dash: Dash, style: Style, look: Look) -> plot.Stroke:
    """A line through points in dots."""
    if np.isfinite(y).sum() == 1:  # a single braille dot would be overlooked
        return plot.Stroke(x, y, style, look.glyphs.dot, joined=False)
    if dash != "solid":
        steep = 6.0 if look.unicode else 1.5
        x, y = _dashed(x, y, *(_DASHES if look.unicode else _ASCII_DASHES)[dash], steep)
    return plot.Stroke(x, y, style, plot.BRAILLE if look.unicode else _ASCII_MARKERS[dash])


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
