"""Bars of block characters, in eighths of a cell, for histograms, sparklines and progress."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.formatting import Number, as_float
from tuiml.tui.charts.numbers import position
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.series import Floats, Values, as_floats

SPIKE = 2.0
"""A bar at zero that is more than this many times as high as all others is cut: it would flatten them."""


def positive(counts: Values) -> Floats:
    """Counts as floats; NaN, infinity and negative ones are 0."""
    values = as_floats(counts)
    values[~(values > 0)] = 0
    return values


def shared(counts: Floats, width: int) -> Floats:
    """Bins, (…, bins), resampled by area to ``width`` equal ones: (…, width). None is below 0."""
    return np.fmax(by_area(counts, width), 0.0)


def by_area(values: Floats, width: int) -> Floats:
    """Values of equal bins, (…, bins), shared out by area among ``width`` equal ones: (…, width)."""
    bins = values.shape[-1]
    below = np.zeros((*values.shape[:-1], bins + 1))
    np.cumsum(values, axis=-1, out=below[..., 1:])
    edges = np.arange(width + 1) * (bins / width)
    whole = np.minimum(edges.astype(np.intp), bins - 1)
    until: Floats = below[..., whole] + (edges - whole) * values[..., whole]
    return until[..., 1:] - until[..., :-1]


def spread(counts: Floats, width: int) -> Floats:
    """Bins resampled to columns; with enough columns each shows a single bin, for sharp edges."""
    bins = len(counts)
    if width < bins:
        return shared(counts, width)
    return counts[(2 * np.arange(width) + 1) * bins // (2 * width)]


def zero_bin(low: float, high: float, bins: int) -> int | None:
    """Index of the bin that contains zero, of ``bins`` equal ones from ``low`` to ``high``, or None."""
    if bins < 1 or not (math.isfinite(low) and math.isfinite(high)) or not low <= 0 <= high or low == high:
        return None
    return min(bins - 1, int(position(0.0, low, high) * bins))


def heights(counts: Sequence[Floats], width: int, zero: int | None) -> tuple[list[Floats], NDArray[np.bool_]]:
    """Columns of histograms, 0 to 1, and which are cut; a spike in the bin ``zero`` is cut."""
    columns = [spread(part, width) for part in counts]
    greatest = max((float(part.max(initial=0.0)) for part in columns), default=0.0)
    if zero is not None and 0 <= zero < min(map(len, counts), default=0):
        others = [np.where(np.arange(len(part)) == zero, 0.0, part) for part in counts]
        highest = max(float(spread(part, width).max(initial=0.0)) for part in others)
        if 0 < SPIKE * highest < greatest:
            greatest = highest
    if greatest <= 0:
        return columns, np.zeros(width, dtype=np.bool_)
    cut = np.any([part > greatest * (1 + 1e-9) for part in columns], axis=0)
    return [np.minimum(part / greatest, 1.0) for part in columns], cut


def levels_of(columns: Floats, rows: int, full: int) -> Floats:
    """Levels from 0 to ``full`` in each cell for columns of 0 to 1: (rows, columns), the top row first.

    A column above 0 has at least level 1 in the lowest cell.
    """
    filled = np.ceil(columns * rows * full - 1e-9)
    levels: Floats = np.clip(filled - np.arange(rows - 1, -1, -1)[:, None] * full, 0, full)
    return levels


def glyph_lines(levels: NDArray[np.number[Any]], ramp: str) -> list[str]:
    """The characters of ``ramp`` at ``levels``, (rows, columns): a text for each row."""
    return ["".join([ramp[level] for level in row]) for row in levels.astype(np.intp).tolist()]


def mini(counts: Values, width: int, *, zero: int | None = None, look: Look | None = None) -> str:
    """A histogram in one line, ``█▂▁▁▂█``, blank without counts; a spike in the bin ``zero`` is cut."""
    ramp, values = (look or Look()).glyphs.bars, positive(counts)
    if width < 1 or not values.any():
        return ramp[0] * max(0, width)
    (columns,), _ = heights([values / values.max()], width, zero)
    return glyph_lines(levels_of(columns, 1, len(ramp) - 1), ramp)[0]


def progress(fraction: Number, width: int, look: Look | None = None) -> str:
    """A progress bar of ``width`` cells, full only at 1: ``▰▰▰▱▱``."""
    glyphs = (look or Look()).glyphs
    part = as_float(fraction)
    done = 0 if math.isnan(part) else int(max(0.0, min(1.0, part)) * width + 1e-9)
    return glyphs.done * done + glyphs.ahead * (width - done)
