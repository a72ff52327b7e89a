"""Histograms through time as a heat map: one column a moment, one row a bin, in half cells where possible."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import SPIKE, glyphs_at, rebin, shared
from tuiml.tui.charts.columns import column, in_columns
from tuiml.tui.charts.numbers import place
from tuiml.tui.charts.palette import HEAT, QUIET, Look, heat_style
from tuiml.tui.charts.series import Floats, Values, as_floats
from tuiml.tui.charts.text import clean, fit, notice, strip


def heat_map(
    rows: Sequence[Values] | Floats,
    width: int,
    height: int,
    *,
    low: float = math.nan,
    high: float = math.nan,
    title: str = "",
    x_labels: tuple[str, str] = ("", ""),
    steps: Values | None = None,
    marks: Iterable[tuple[float, str]] | None = None,
    cursor: tuple[float, str] | None = None,
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Strip]:
    """Time to the right, values upwards: ``height`` strips of ``width`` cells; none if either is below 1.

    Each moment is shown in parts of its own greatest bin, under a square root, so that tails are seen beside
    a spike. More moments than columns are averaged; a column without any shows the one before.

    Args:
        rows: one histogram a moment, oldest first, all over the same range.
        low, high: the ends of that range, shown at the left if finite.
        x_labels: what to call the oldest and the newest moment.
        steps: when each was, rising; absent: evenly spaced.
        marks: places from the bottom, 0 to 1, and their labels, the most important first; absent: the ends
            of the range, and zero.
        cursor: a step that is marked, and what to call it.
        empty: what to say where nothing was counted.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = [strip([(clean(title, look), look.style(bold=True))], width)] if title and height > 2 else []
    tall = height - len(head) - (1 if any(x_labels) and height > 3 else 0)
    labels = _labels(low, high, tall, look) if marks is None else _placed(marks, tall)
    margin = max(map(len, labels)) + 1 if labels else 0
    if margin and width - margin < max(8, width // 2):
        labels, margin = [], 0
    when = as_floats(steps) if steps is not None else np.arange(float(len(rows)))
    foot = []
    if any(x_labels) and height > 3:
        at = None if cursor is None else (margin + column(cursor[0], when, width - margin), cursor[1])
        foot = [_foot(x_labels, width, look, margin, at)]
    halves = 2 if look.colour and look.unicode else 1
    grid = _grid(rows, when, width - margin, tall * halves)
    if not grid.any():
        return head + notice(clean(empty, look), width, tall, look) + foot
    body = _coloured(grid, look) if halves == 2 else _shaded(grid, look)
    for segments, label in zip(body, labels, strict=False):
        segments.insert(0, Segment(label.rjust(margin - 1) + look.glyphs.vertical, look.style(QUIET)))
    return head + [Strip(segments, width) for segments in body] + foot


def _grid(rows: Sequence[Values] | Floats, steps: Floats, width: int, height: int) -> Floats:
    """Parts of each moment's greatest bin, 0 to 1: (height, width), the highest bins first."""
    bins = max(map(len, rows), default=0)
    if not bins:
        return np.zeros((height, width))
    if isinstance(rows, np.ndarray):
        table = rows.astype(np.float64)
    else:
        table = np.stack([as_floats(row if len(row) == bins else rebin(row, bins)) for row in rows])
    table[~(table > 0)] = 0
    table = shared(_of_greatest(table), height)
    return in_columns(np.sqrt(_of_greatest(table)), steps, width).T[::-1]


def without_spike(table: Floats, zero: int | None) -> Floats:
    """Histograms, (moments, bins), with a bin at zero that towers over all others cut to their height."""
    if zero is None:
        return table
    others = table.copy()
    others[:, zero] = 0
    highest = others.max(axis=1)
    spike = table[:, zero]
    others[:, zero] = np.where((highest > 0) & (spike > SPIKE * highest), highest, spike)
    return others


def _of_greatest(table: Floats) -> Floats:
    """Each row as parts of its greatest number."""
    greatest = table.max(axis=1, keepdims=True)
    return table / np.where(greatest > 0, greatest, 1.0)


def _levels(grid: Floats, count: int) -> NDArray[np.intp]:
    return np.ceil(grid * count - 1e-9).astype(np.intp)


def _coloured(grid: Floats, look: Look) -> list[list[Segment]]:
    levels = _levels(grid, len(HEAT))
    glyphs = look.glyphs
    lines = []
    for upper, lower in zip(levels[::2].tolist(), levels[1::2].tolist(), strict=True):
        segments: list[Segment] = []
        before, run = (-1, -1), 0
        for pair in [*zip(upper, lower, strict=True), (-2, -2)]:
            if pair != before:
                if run:
                    glyph = glyphs.upper if before[0] else glyphs.lower if before[1] else " "
                    segments.append(Segment(glyph * run, heat_style(*before, look.dark)))
                before, run = pair, 0
            run += 1
        lines.append(segments)
    return lines


def _shaded(grid: Floats, look: Look) -> list[list[Segment]]:
    shades = look.glyphs.shades
    style = look.style("yellow") if look.colour else Style()
    width = grid.shape[1]
    text = glyphs_at(_levels(grid, len(shades) - 1), shades)
    return [[Segment(text[row * width : (row + 1) * width], style)] for row in range(grid.shape[0])]


def _labels(low: float, high: float, rows: int, look: Look) -> list[str]:
    """A label for each row: the ends of the range, and zero where it is inside; none if they are unknown."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return []
    labels = [""] * rows
    labels[-1] = compact(low)
    labels[0] = compact(high)
    if low < 0 < high:
        at = rows - 1 - int(place(0.0, low, high) * rows)
        if 0 < at < rows - 1:
            labels[at] = "0"
    return labels


def _placed(marks: Iterable[tuple[float, str]], rows: int) -> list[str]:
    """A label for each row, with a free one between two."""
    labels = [""] * rows
    for place_, label in marks:
        at = rows - 1 - min(rows - 1, int(place_ * rows))
        if not any(labels[max(0, at - 1) : at + 2]):
            labels[at] = label
    return labels


def _foot(
    x_labels: tuple[str, str], width: int, look: Look, margin: int, cursor: tuple[int, str] | None
) -> Strip:
    ruler, quiet = Ruler(width), look.style(QUIET)
    first, last = (clean(label, look) for label in x_labels)
    if cursor is not None:
        text = look.glyphs.up + clean(cursor[1], look)
        ruler.put(max(0, min(cursor[0], width - len(text))), text, look.style(bold=True))
    margin = margin if margin + len(first) + len(last) + 2 <= width else 0
    ruler.put(margin, fit(first, min(len(first), width - margin), look.glyphs.more), quiet)
    ruler.put(max(0, width - len(last)), last, quiet)
    return ruler.strip()
