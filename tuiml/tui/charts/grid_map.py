"""A figure of every combination of two settings, as shaded cells with their numbers in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.confusion import distinct
from tuiml.tui.charts.palette import HEAT, QUIET, Look
from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.text import PLAIN, Line, blank, clean, fit, heading, notice, strip

WIDEST, TALLEST = 16, 5
"""Cells of a combination at most."""
NARROWEST = 5


@dataclass(frozen=True)
class Grid:
    """Values and their labels; NaN where a combination has none yet.

    Args:
        values: (rows, columns).
        better: 1 where the greatest is the best, -1 where the least is.
        chosen: the combination under the cursor, if there is one.
    """

    values: Floats
    rows: Sequence[str]
    columns: Sequence[str]
    row_title: str = ""
    column_title: str = ""
    better: int = 1
    chosen: tuple[int, int] | None = None


def grid_map(
    grid: Grid,
    width: int,
    height: int,
    *,
    title: str = "",
    text: Callable[[float], str] = str,
    look: Look | None = None,
    empty: str = "no figure yet",
) -> list[Line]:
    """``height`` lines of ``width`` cells: the best combination is the brightest, and has a sign."""
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = heading(title, width, height, look)
    room = height - len(head)
    if not np.isfinite(grid.values).any():
        return head + notice(clean(empty, look), width, room, look)
    labels = [clean(label, look) for label in grid.rows]
    margin = min(max(map(cell_len, labels), default=0) + 1, max(4, width // 3))
    count = len(grid.columns)
    wide = max(NARROWEST, min(WIDEST, (width - margin) // max(1, count)))
    fits = max(1, (width - margin) // wide)
    first = _first(grid.chosen[1] if grid.chosen else 0, count, fits)
    columns = range(first, min(count, first + fits))
    tall = max(1, min(TALLEST, (room - 2) // max(1, len(labels))))
    most = max(1, (room - 2) // tall)
    top = _first(grid.chosen[0] if grid.chosen else 0, len(labels), most)
    lines = [*head, *_names(grid, columns, margin, wide, width, look)]
    for row in range(top, min(len(labels), top + most)):
        lines += _row(grid, row, columns, (margin, wide, tall, width), text, look)
    return (lines + [blank(width)] * height)[:height]


def _first(at: int, count: int, room: int) -> int:
    return max(0, min(at - room // 2, count - room))


def _names(grid: Grid, columns: range, margin: int, wide: int, width: int, look: Look) -> list[Line]:
    """The titles of both settings, and the labels of the columns."""
    quiet, more = look.style(QUIET), look.glyphs.more
    down, right = ("↓", "→") if look.unicode else ("v", ">")
    titles = f"{down} {clean(grid.row_title, look)}   {right} {clean(grid.column_title, look)}"
    parts: list[tuple[str, Style]] = [(" " * margin, PLAIN)]
    labels = distinct([clean(label, look) for label in grid.columns], wide - 1, more)
    parts += [(fit(" " + labels[column], wide, more), quiet) for column in columns]
    return [strip([(titles, quiet)], width), strip(parts, width)]


def _row(
    grid: Grid,
    row: int,
    columns: range,
    size: tuple[int, int, int, int],
    text: Callable[[float], str],
    look: Look,
) -> list[Line]:
    margin, wide, tall, width = size
    best = np.nanargmax(grid.values * grid.better)
    lines = []
    for line in range(tall):
        middle = line == (tall - 1) // 2
        label = fit(clean(grid.rows[row], look), margin, look.glyphs.more) if middle else " " * margin
        segments = [Segment(label, look.style(QUIET))]
        for column in columns:
            value = float(grid.values[row, column])
            style = _shade(grid, value, look)
            told = ""
            if middle:
                told = f"{text(value)}" if np.isfinite(value) else look.glyphs.missing
                told += f" {look.glyphs.varied}" if row * grid.values.shape[1] + column == best else ""
            chosen = grid.chosen == (row, column)
            edges = ("▐", "▌") if look.unicode else ("[", "]")
            inside = fit(f" {told}" if told else "", wide - 2 if chosen else wide - 1, look.glyphs.more)
            cell = f"{edges[0]}{inside}{edges[1]}" if chosen else inside + " "
            segments.append(Segment(cell, style + (look.style(bold=True) if chosen else PLAIN)))
        lines.append(Line.of(segments).resized(width))
    return lines


def _shade(grid: Grid, value: float, look: Look) -> Style:
    """The brighter, the better; the text on it dark or light."""
    if not np.isfinite(value):
        return look.style(QUIET)
    values = grid.values[np.isfinite(grid.values)] * grid.better
    low, high = float(values.min()), float(values.max())
    share = (value * grid.better - low) / (high - low) if high > low else 0.5
    if not look.colour:
        return look.style(bold=share > 0.8)
    ramp = HEAT if look.dark else HEAT[::-1]
    level = min(len(ramp) - 1, int(share * len(ramp)))
    light = level >= len(ramp) // 2 if look.dark else level < len(ramp) // 2
    return Style(color="#000000" if light else "#ffffff", bgcolor=ramp[level])
