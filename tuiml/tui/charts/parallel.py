"""Parallel coordinates: an axis for each varied setting, a line for each configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import Frame, Ruler
from tuiml.tui.charts.confusion import distinct
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.tags import Tag, tagged
from tuiml.tui.charts.text import Line, blank, clean, heading, notice

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
    names = max((len(path.name) + 1 for path in shown), default=0)
    room = max(2, width - margin - min(max(names, 6), width // 3))
    frame = Frame(0, width, rows, (0.0, 1.0), (0.0, 1.0), dots)
    xs = [(margin + (room - 1) * at / (len(axes) - 1)) / max(1, width - 1) for at in range(len(axes))]
    strokes = [_stroke(path, xs, frame, look) for path in shown]
    rules = [(float(frame.across(np.array([x]))[0]), look.style(QUIET, faint=True)) for x in xs]
    canvas = plot.draw(strokes, width, rows, dots=dots, rules=rules, rule=look.glyphs.vertical)
    tags = [tag for x, axis in zip(xs[:-1], axes, strict=False) for tag in _labels(x, axis, look)]
    for place, text in axes[-1].labels:  # left of it, for the names of the paths are on its right
        tags.append(Tag(max(0.0, xs[-1] - len(text) / max(1, width - 1)), place, text, QUIET))
    canvas = tagged(canvas, tags, frame, look, _names(xs[-1], shown))
    ruler = Ruler(width)
    for x, axis in zip(xs, axes, strict=True):
        ruler.centre(frame.column(x), clean(axis.title, look), look.style(bold=True))
    lines = [*head, *(Line.of(row) for row in canvas), ruler.strip()]
    return (lines + [blank(width)] * height)[:height]


def _labels(x: float, axis: Coordinate, look: Look) -> list[Tag]:
    if not axis.labels:
        return []
    texts = distinct([clean(text, look) for _, text in axis.labels], LABEL, look.glyphs.more)
    return [Tag(x, place, text, QUIET) for (place, _), text in zip(axis.labels, texts, strict=True)]


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
