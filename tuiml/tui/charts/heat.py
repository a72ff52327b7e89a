"""Histograms over time as a heat map: a column per snapshot, a row per bin (two per cell in colour)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment

from tuiml.tui.charts.axes import label_margin, time_axis
from tuiml.tui.charts.bars import SPIKE, glyph_lines, shared
from tuiml.tui.charts.palette import HEAT, QUIET, Look, heat_style
from tuiml.tui.charts.pixels import halves
from tuiml.tui.charts.series import Floats, Values, as_floats, in_columns
from tuiml.tui.charts.text import PLAIN, Line, clean, notice, runs, strip


def heat_map(
    table: Floats,
    width: int,
    height: int,
    *,
    title: str = "",
    x_labels: tuple[str, str] = ("", ""),
    steps: Values | None = None,
    marks: Iterable[tuple[float, str]] = (),
    cursor: tuple[float, str] | None = None,
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Line]:
    """Time to the right, values upwards: ``height`` lines of ``width`` cells; none if either is below 1.

    Shows the square root of each count, divided by the greatest of its snapshot, so that tails are visible
    beside a spike. A column is the mean of its snapshots; one without any repeats the column before.

    Args:
        table: histograms over the same bins, oldest first: (snapshots, bins).
        x_labels: labels of the oldest and the newest snapshot.
        steps: the steps of the snapshots, rising; absent: evenly spaced.
        marks: positions from the bottom, 0 to 1, and their labels, the most important first.
    """
    if width < 1 or height < 1:
        return []
    look, has_foot = look or Look(), any(x_labels) and height > 3
    head = [_head(title, width, look)] if title and height > 2 else []
    rows = height - len(head) - has_foot
    labels = _row_labels(marks, rows)
    margin = label_margin(labels, width)
    when = as_floats(steps) if steps is not None else np.arange(float(len(table)))
    foot = [time_axis(x_labels, when, (margin, width - margin), width, cursor, look)] if has_foot else []
    grid = _grid(table, when, width - margin, rows * halves(look))
    if not grid.any():
        return head + notice(clean(empty, look), width, rows, look) + foot
    body = _coloured(grid, look) if halves(look) == 2 else _shaded(grid, look)
    for segments, label in zip(body, labels if margin else (), strict=False):
        segments.insert(0, Segment(label.rjust(margin - 1) + look.glyphs.vertical, look.style(QUIET)))
    return head + [Line(segments, width) for segments in body] + foot


def _head(title: str, width: int, look: Look) -> Line:
    """The title and, as far as there is room, the scale of the shades."""
    quiet, glyphs = look.style(QUIET), look.glyphs
    if halves(look) == 2:
        shades = [("█", heat_style(level, 0, look.dark)) for level in range(1, len(HEAT) + 1)]
    else:
        style = look.style("yellow") if look.colour else PLAIN
        shades = [(shade * 2, style) for shade in glyphs.shades[1:]]
    half = len(shades) // 2
    full = [("  0 ", quiet), *shades[:half], (" 25 % ", quiet), *shades[half:]]
    full.append((" 100 % of the fullest bin", quiet))
    short = [("  0 ", quiet), *shades, (" 100 %", quiet)]
    name = clean(title, look)
    room = width - cell_len(name)
    scale = next((parts for parts in (full, short) if sum(len(text) for text, _ in parts) <= room), [])
    return strip([(name, look.style(bold=True)), *scale], width)


def _grid(table: Floats, steps: Floats, width: int, height: int) -> Floats:
    """Fractions of the greatest bin of each snapshot, 0 to 1: (height, width), the highest bins first."""
    if not table.size:
        return np.zeros((height, width))
    table = shared(_of_greatest(np.where(np.isfinite(table) & (table > 0), table, 0.0)), height)
    return in_columns(np.sqrt(_of_greatest(table)), steps, width).T[::-1]


def without_spike(table: Floats, zero: int | None) -> Floats:
    """Histograms, (snapshots, bins), with a spike at zero cut to the height of the other bins."""
    if zero is None:
        return table
    others = table.copy()
    others[:, zero] = 0
    highest = others.max(axis=1)
    spike = table[:, zero]
    others[:, zero] = np.where((highest > 0) & (spike > SPIKE * highest), highest, spike)
    return others


def _of_greatest(table: Floats) -> Floats:
    """Each row as fractions of its greatest number."""
    greatest = table.max(axis=1, keepdims=True)
    return table / np.where(greatest > 0, greatest, 1.0)


def _levels(grid: Floats, count: int) -> NDArray[np.intp]:
    return np.ceil(grid * count - 1e-9).astype(np.intp)


def _coloured(grid: Floats, look: Look) -> list[list[Segment]]:
    levels, glyphs, base = _levels(grid, len(HEAT)), look.glyphs, len(HEAT) + 1
    lines = []
    for pairs in (levels[::2] * base + levels[1::2]).tolist():
        segments = []
        for pair, start, end in runs(pairs):
            upper, lower = divmod(pair, base)
            glyph = glyphs.upper if upper else glyphs.lower if lower else " "
            segments.append(Segment(glyph * (end - start), heat_style(upper, lower, look.dark)))
        lines.append(segments)
    return lines


def _shaded(grid: Floats, look: Look) -> list[list[Segment]]:
    shades = look.glyphs.shades
    style = look.style("yellow") if look.colour else PLAIN
    return [[Segment(text, style)] for text in glyph_lines(_levels(grid, len(shades) - 1), shades)]


def _row_labels(marks: Iterable[tuple[float, str]], rows: int) -> list[str]:
    """For each row a label or none, with a free row between two labels."""
    labels = [""] * rows
    for place, label in marks:
        at = rows - 1 - min(rows - 1, int(place * rows))
        if not any(labels[max(0, at - 1) : at + 2]):
            labels[at] = label
    return labels
