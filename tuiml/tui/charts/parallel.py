"""Parallel coordinates: an axis for each varied setting, a line for each configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import Frame, Ruler
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.tags import Tag, tagged
from tuiml.tui.charts.text import Line, blank, clean, fit, heading, notice

MOST_LABELS = 6
LABEL = 12


@dataclass(frozen=True)
class Coordinate:
    """An axis: its title, and the labels at places between its lower end, 0, and its upper end, 1."""

    title: str
    labels: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Path:
    """A configuration: its place on each axis (NaN: none), its colour, and a name or a marker for its end."""

    places: Sequence[float]
    colour: str
    name: str = ""
    quiet: bool = False


def parallel(
    axes: Sequence[Coordinate],
    paths: Sequence[Path],
    width: int,
    height: int,
    *,
    title: str = "",
    look: Look | None = None,
    empty: str = "no figure yet",
) -> list[Line]:
    """``height`` lines of ``width`` cells; the last path is on top."""
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = heading(title, width, height, look)
    rows = height - len(head) - 1
    shown = [path for path in paths if np.isfinite(path.places).sum() > 1]
    if not shown or rows < 2 or len(axes) < 2:
        return head + notice(clean(empty, look), width, height - len(head), look)
    dots = (2, 4) if look.unicode else (1, 1)
    margin = min(10, width // 6)
    room = max(2, width - margin - min(24, width // 4))
    frame = Frame(0, width, rows, (0.0, 1.0), (0.0, 1.0), dots)
    xs = [(margin + (room - 1) * at / (len(axes) - 1)) / max(1, width - 1) for at in range(len(axes))]
    strokes = [_stroke(path, xs, frame, look) for path in shown]
    rules = [(float(frame.across(np.array([x]))[0]), look.style(QUIET, faint=True)) for x in xs]
    canvas = plot.draw(strokes, width, rows, dots=dots, rules=rules, rule=look.glyphs.vertical)
    tags = [
        Tag(x, place, fit(text, min(LABEL, len(text)), look.glyphs.more), QUIET)
        for x, axis in zip(xs, axes, strict=True)
        for place, text in axis.labels
    ]
    canvas = tagged(canvas, tags, frame, look, _names(xs[-1], shown))
    ruler = Ruler(width)
    for x, axis in zip(xs, axes, strict=True):
        ruler.centre(frame.column(x), clean(axis.title, look), look.style(bold=True))
    lines = [*head, *(Line.of(row) for row in canvas), ruler.strip()]
    return (lines + [blank(width)] * height)[:height]


def _names(x: float, paths: Sequence[Path]) -> list[Tag]:
    """The names at the ends of the paths that reach the last axis."""
    named = [path for path in reversed(paths) if path.name and math.isfinite(path.places[-1])]
    return [Tag(x, float(path.places[-1]), f" {path.name}", path.colour) for path in named]


def _stroke(path: Path, xs: Sequence[float], frame: Frame, look: Look) -> plot.Stroke:
    places = np.asarray(path.places, dtype=np.float64)
    x, y = frame.across(np.asarray(xs)), frame.up(places)
    style = look.style(QUIET, faint=True) if path.quiet else look.style(path.colour)
    return plot.Stroke(
        x, np.where(np.isfinite(places), y, np.nan), style, plot.BRAILLE if look.unicode else "*"
    )
