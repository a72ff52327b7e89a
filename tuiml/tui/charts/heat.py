"""Histograms through time as a heat map: one column a moment, one row a bin, in half cells where possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import glyphs_at, rebin, shared
from tuiml.tui.charts.numbers import compact, place
from tuiml.tui.charts.palette import HEAT, QUIET, Look, heat_style
from tuiml.tui.charts.series import Floats, Values, as_floats
from tuiml.tui.charts.text import clean, fit, notice, strip


def heat_map(
    rows: Sequence[Values],
    width: int,
    height: int,
    *,
    low: float = math.nan,
    high: float = math.nan,
    title: str = "",
    x_labels: tuple[str, str] = ("", ""),
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Strip]:
    """Time to the right, values upwards: ``height`` strips of ``width`` cells; none if either is below 1.

    Each moment is shown in parts of its own greatest bin, under a square root, so that tails are seen beside
    a spike. More moments than columns are averaged.

    Args:
        rows: one histogram a moment, oldest first, all over the same range.
        low, high: the ends of that range, shown at the left if finite.
        x_labels: what to call the oldest and the newest moment.
        empty: what to say where nothing was counted.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = [strip([(clean(title, look), look.style(bold=True))], width)] if title and height > 2 else []
    foot = [_foot(x_labels, width, look)] if any(x_labels) and height > 3 else []
    tall = height - len(head) - len(foot)
    labels = _labels(low, high, tall, look)
    margin = max(map(len, labels)) + 1 if labels else 0
    if margin and width - margin < max(8, width // 2):
        labels, margin = [], 0
    halves = 2 if look.colour and look.unicode else 1
    grid = _grid(rows, width - margin, tall * halves)
    if not grid.any():
        return head + notice(clean(empty, look), width, tall, look) + foot
    body = _coloured(grid, look) if halves == 2 else _shaded(grid, look)
    for segments, label in zip(body, labels, strict=False):
        segments.insert(0, Segment(label.rjust(margin - 1) + look.glyphs.vertical, look.style(QUIET)))
    return head + [Strip(segments, width) for segments in body] + foot


def _grid(rows: Sequence[Values], width: int, height: int) -> Floats:
    """Parts of each moment's greatest bin, 0 to 1: (height, width), the highest bins first."""
    # only as many histograms are read as can be seen: four to a column are average enough
    rows = rows[:: max(1, len(rows) // (4 * width))]
    bins = max(map(len, rows), default=0)
    if not bins:
        return np.zeros((height, width))
    table = np.stack([as_floats(row if len(row) == bins else rebin(row, bins)) for row in rows])
    table[~(table > 0)] = 0
    table = shared(_of_greatest(table), height)
    table = np.sqrt(_of_greatest(table))
    count = len(table)
    if count <= width:
        table = table[np.arange(width) * count // width]
    else:
        starts = np.arange(width) * count // width
        lengths = np.diff(np.append(starts, count))
        table = np.add.reduceat(table, starts, axis=0) / lengths[:, None]
    return table.T[::-1]


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


def _foot(x_labels: tuple[str, str], width: int, look: Look) -> Strip:
    ruler, quiet = Ruler(width), look.style(QUIET)
    first, last = (clean(label, look) for label in x_labels)
    first = fit(first, min(len(first), width), look.glyphs.more)
    ruler.put(0, first, quiet)
    ruler.put(max(0, width - len(last)), last, quiet)
    return ruler.strip()
