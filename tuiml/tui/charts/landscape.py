"""Gradient norms by layer and step, as shades of their logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from tuiml.formatting import compact
from tuiml.tui.charts.axes import time_axis
from tuiml.tui.charts.palette import HEAT, QUIET, Look, heat_style, layer_colour
from tuiml.tui.charts.series import Floats, in_columns
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, heading, notice, runs, strip

DECADES = 3
"""Minimum number of powers of ten that the shades span."""
FIGURES = 7


@dataclass(frozen=True, slots=True)
class Depth:
    """Gradient norms of layers over time.

    Args:
        layers: numbers of the layers, the first at the top.
        norms: (steps, layers), at rising ``steps``; NaN if there was none.
        at: index of the step whose norms are shown at the right.
        selected: number of the layer to mark.
    """

    layers: Sequence[int]
    norms: Floats
    steps: Floats
    at: int = -1
    selected: int = -1


def limits(norms: Floats) -> tuple[int, int] | None:
    """The powers of ten that the shades span; None if no norm is a finite number above 0."""
    known = norms[np.isfinite(norms) & (norms > 0)]
    if not known.size:
        return None
    low, high = math.floor(math.log10(known.min())), math.ceil(math.log10(known.max()))
    return min(low, high - DECADES), high


def landscape(
    depth: Depth,
    width: int,
    height: int,
    *,
    title: str = "",
    cursor: bool = False,
    look: Look | None = None,
    empty: str = "no gradient yet",
) -> list[Line]:
    """Layers from top to bottom, steps to the right: ``height`` lines of ``width`` cells.

    0 has the lowest shade, infinity the highest; NaN is a gap. If there are more layers than rows, a row
    shows the mean logarithm of several layers.

    Args:
        cursor: mark the step ``at``.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    span = limits(depth.norms)
    if span is None:
        head = heading(title, width, height, look)
        return head + notice(clean(empty, look), width, height - len(head), look)
    head = [_head(title, span, width, look)] if height > 1 else []
    below = 1 if height > 3 else 0
    rows = height - len(head) - below
    digits = max(2, len(str(max(depth.layers))))
    left, right = (digits + 3, FIGURES) if width >= 30 else (0, 0)
    room = width - left - right
    drawn = _rows(depth, span, rows, (left, room, right), look)
    if below:
        drawn.append(foot(depth, width, left, room, cursor, look))
    return [*head, *drawn, *[strip([], width)] * (height - len(head) - len(drawn))]


def _rows(
    depth: Depth, span: tuple[int, int], rows: int, widths: tuple[int, int, int], look: Look
) -> list[Line]:
    """Rows of layers: number, shades and norm."""
    left, room, right = widths
    width = sum(widths)
    groups = _groups(len(depth.layers), rows)
    with np.errstate(all="ignore"):
        powers = np.clip(np.log10(depth.norms), *span)
    levels = _levels(in_columns(_grouped(powers, groups), depth.steps, room).T, span, look)
    drawn: list[Line] = []
    for number, (group, line) in enumerate(zip(groups, levels, strict=True)):
        tall = rows * (number + 1) // len(groups) - rows * number // len(groups)
        cells = _cells(line, look)
        labelled = [*_left(depth, group, left, look), *cells, *_right(depth, group, right, look)]
        plain = [Segment(" " * left, PLAIN), *cells, Segment(" " * right, PLAIN)]
        drawn += [Line(labelled, width), *[Line(plain, width)] * (tall - 1)]
    return drawn


def _groups(layers: int, rows: int) -> list[range]:
    """The layers of each row."""
    count = max(1, min(layers, rows))
    ends = [layers * i // count for i in range(count + 1)]
    return [range(a, b) for a, b in pairwise(ends)]


def _grouped(powers: Floats, groups: Sequence[range]) -> Floats:
    if all(len(group) == 1 for group in groups):
        return powers
    known = np.isfinite(powers)
    sums = [np.where(known, powers, 0.0)[:, list(g)].sum(axis=1) for g in groups]
    counts = np.stack([known[:, list(g)].sum(axis=1) for g in groups], axis=1)
    found: Floats = np.divide(
        np.stack(sums, axis=1), counts, out=np.full(counts.shape, np.nan), where=counts > 0
    )
    return found


def _levels(shown: Floats, span: tuple[int, int], look: Look) -> NDArray[np.intp]:
    """Levels of shades: 0 for a gap, else 1 to the number of shades."""
    shades = len(HEAT) if look.colour and look.unicode else len(look.glyphs.shades) - 1
    fraction = (shown - span[0]) / (span[1] - span[0])
    levels = 1 + np.minimum(np.nan_to_num(fraction) * shades, shades - 1).astype(np.intp)
    return np.where(np.isnan(shown), 0, levels)


def _cells(levels: NDArray[np.intp], look: Look) -> list[Segment]:
    """A row of shades."""
    glyphs = look.glyphs
    found = []
    for level, start, end in runs(levels.tolist()):
        count = end - start
        if not level:
            found.append(Segment(" " * count, PLAIN))
        elif look.colour and look.unicode:
            found.append(Segment("█" * count, heat_style(level, 0, look.dark)))
        else:
            style = look.style("yellow") if look.colour else PLAIN
            found.append(Segment(glyphs.shades[level] * count, style))
    return found


def _left(depth: Depth, group: range, width: int, look: Look) -> list[Segment]:
    if not width:
        return []
    numbers = [depth.layers[i] for i in group]
    marked = depth.selected in numbers
    mark = look.glyphs.right if marked else " "
    number = depth.selected if marked else numbers[0]
    more = "+" if len(numbers) > 1 else " "
    text = f"{mark}{number:>{width - 3}}{more}"
    bar = "▌" if look.unicode else "|"
    return [
        Segment(text, look.style(bold=marked)),
        Segment(bar.rjust(width - len(text)), look.style(layer_colour(number))),
    ]


def _right(depth: Depth, group: range, width: int, look: Look) -> list[Segment]:
    """The norm, at the selected step, of the layer whose number the row has."""
    if not width:
        return []
    numbers = [depth.layers[i] for i in group]
    own = group[numbers.index(depth.selected)] if depth.selected in numbers else group[0]
    norm = float(depth.norms[depth.at, own])
    return [Segment(fit(f" {compact(norm, 2, look.glyphs.missing)}", width, look.glyphs.more), PLAIN)]


def _head(title: str, span: tuple[int, int], width: int, look: Look) -> Line:
    """The title and a legend of the shades."""
    low, high = span
    powers = np.linspace(low, high, high - low + 1) if high - low < 16 else np.linspace(low, high, 16)
    levels = _levels(powers[None, :], span, look)[0]
    quiet = look.style(QUIET)
    legend = [Segment(f"1e{low} ", quiet), *_cells(levels, look), Segment(f" 1e{high}", quiet)]
    cells = sum(segment.cell_length for segment in legend)
    name = clean(title, look)
    room = width - cells - 2
    if room < 8:
        return strip([(name, look.style(bold=True))], width)
    shown = Segment(fit(name, min(room, len(name)), look.glyphs.more) + "  ", look.style(bold=True))
    return Line.of([shown, *legend]).resized(width)


def foot(depth: Depth, width: int, left: int, room: int, cursor: bool, look: Look) -> Line:
    """The first step, the last, and the selected one."""
    step = float(depth.steps[depth.at])
    ends = f"step {depth.steps[0]:,.0f}", f"{depth.steps[-1]:,.0f}"
    return time_axis(ends, depth.steps, (left, room), width, (step, f"{step:,.0f}") if cursor else None, look)


def decades(norms: Sequence[float]) -> float:
    """By how many powers of ten the last of the known norms is greater than the first; NaN if unknown."""
    known = [norm for norm in norms if math.isfinite(norm) and norm > 0]
    return math.log10(known[-1]) - math.log10(known[0]) if len(known) > 1 else math.nan
