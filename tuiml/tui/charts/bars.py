"""Histograms and progress as characters of our own: in eighths of a cell, and a hundred times as fast."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tuiml.formatting import Number, as_float, compact, percent
from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.numbers import place
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats, Values, as_floats
from tuiml.tui.charts.text import clean, fit, notice, strip

SPIKE = 2.0
"""A bar at zero that is so many times as high as all others is cut, for it would flatten them."""


def rebin(counts: Values, width: int) -> Floats:
    """Counts shared out by area over ``width`` bins, as parts of the greatest of ``counts``.

    NaN, infinity and negative counts are 0, and so is everything where no count is positive.
    """
    parts = _parts(counts)
    if width < 1 or not len(parts):
        return np.zeros(max(0, width))
    return parts if width == len(parts) else shared(parts, width)


def _parts(counts: Values) -> Floats:
    values = as_floats(counts)
    values[~(values > 0)] = 0
    greatest = values.max(initial=0.0)
    return values / greatest if greatest > 0 else values


def shared(parts: Floats, width: int) -> Floats:
    """Share out bins, (…, bins), over ``width`` equal ones by area: (…, width)."""
    bins = parts.shape[-1]
    below = np.zeros((*parts.shape[:-1], bins + 1))
    np.cumsum(parts, axis=-1, out=below[..., 1:])
    edges = np.arange(width + 1) * (bins / width)
    whole = np.minimum(edges.astype(np.intp), bins - 1)
    until: Floats = below[..., whole] + (edges - whole) * parts[..., whole]
    return np.fmax(until[..., 1:] - until[..., :-1], 0.0)


def zero_bin(low: float, high: float, bins: int) -> int | None:
    """The bin that counts zero, of ``bins`` equal ones from ``low`` to ``high``; None if it is outside."""
    if bins < 1 or not (math.isfinite(low) and math.isfinite(high)) or not low <= 0 <= high or low == high:
        return None
    return min(bins - 1, int(place(0.0, low, high) * bins))


def mini(counts: Values, width: int, *, zero: int | None = None, look: Look | None = None) -> str:
    """A histogram in one line: ``█▂▁▁▂█``. Blank where nothing was counted.

    Args:
        zero: the bin (:func:`zero_bin`) that, if it towers over the others, is cut to their height.
    """
    ramp = (look or Look()).glyphs.bars
    columns = _columns(counts, width, zero)[0]
    return glyphs_at(np.ceil(columns * (len(ramp) - 1) - 1e-9), ramp)


def _columns(counts: Values, width: int, zero: int | None) -> tuple[Floats, NDArray[np.bool_]]:
    """Heights from 0 to 1 of ``width`` columns, and which of them are cut.

    With at least as many columns as bins each shows one bin, so that bars keep their edges; with fewer,
    each has its share of the bins it covers.
    """
    parts = _parts(counts)
    if width < 1 or not len(parts):
        return np.zeros(max(0, width)), np.zeros(max(0, width), dtype=np.bool_)
    shown = spread(parts, width)
    if zero is not None and 0 <= zero < len(parts):
        others = parts.copy()
        others[zero] = 0
        highest = spread(others, width).max()
        if highest > 0 and shown.max() > SPIKE * highest:
            return np.minimum(shown / highest, 1.0), shown > highest * (1 + 1e-9)
    greatest = shown.max()
    return (shown / greatest if greatest > 0 else shown), np.zeros(width, dtype=np.bool_)


def spread(parts: Floats, width: int) -> Floats:
    """Bins over columns: with room each column shows one bin, so that bars keep their edges."""
    bins = len(parts)
    if width < bins:
        return shared(parts, width)
    return parts[(2 * np.arange(width) + 1) * bins // (2 * width)]


def glyphs_at(levels: NDArray[np.number[Any]], ramp: str) -> str:
    """The characters of ``ramp`` at ``levels``, row after row."""
    return "".join([ramp[level] for level in levels.astype(np.intp).ravel().tolist()])


def histogram(
    counts: Values,
    low: float,
    high: float,
    width: int,
    height: int,
    *,
    title: str = "",
    colour: str = "blue",
    zero_share: Number = None,
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Strip]:
    """Bars over an axis: ``height`` strips of ``width`` cells; none if either is below 1.

    A bar at zero that towers over the others, as ReLU's does, is cut and marked with an arrow on its top.

    Args:
        counts: of equal bins from ``low`` to ``high``.
        zero_share: the part of values that are zero, 0 to 1, told beside the title.
        empty: what to say where nothing was counted.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    zero = zero_bin(low, high, len(counts))
    heights, cut = _columns(counts, width, zero)
    share = as_float(zero_share)
    told = height > 2 and bool(title or not math.isnan(share))
    head = [_head(title, share, bool(cut.any()), width, look)] if told else []
    axis = [_axis(low, high, width, look)] if height > 1 else []
    rows = height - len(head) - len(axis)
    if not heights.any():
        return head + notice(clean(empty, look), width, rows + len(axis), look)
    style = look.style(colour)
    body = _bar_rows(heights, cut, rows, look)
    return head + [Strip([Segment(text, style)], width) for text in body] + axis


def _bar_rows(heights: Floats, cut: NDArray[np.bool_], rows: int, look: Look) -> list[str]:
    glyphs = look.glyphs
    full = len(glyphs.bars) - 1
    # whatever was counted is seen: at least the lowest glyph
    filled = np.ceil(heights * rows * full - 1e-9)
    base = np.arange(rows - 1, -1, -1)[:, None] * full
    levels = np.clip(filled - base, 0, full)
    if cut.any():
        levels[0, cut] = full + 1
    text = glyphs_at(levels, glyphs.bars + glyphs.up)
    width = len(heights)
    return [text[row * width : (row + 1) * width] for row in range(rows)]


def _head(title: str, zero_share: float, cut: bool, width: int, look: Look) -> Strip:
    share = ""
    if not math.isnan(zero_share):
        arrow = f"{look.glyphs.up} " if cut else ""
        share = f"{arrow}zeros {percent(zero_share, missing=look.glyphs.missing)}"
    room = width - cell_len(share)
    if share and room < 4:
        return strip([(fit(share, width, look.glyphs.more), look.style(QUIET))], width)
    name = clean(title, look)
    shown = fit(name, room - 1, look.glyphs.more) + " "
    return strip([(shown, look.style(bold=True)), (share, look.style(QUIET))], width)


def _axis(low: float, high: float, width: int, look: Look) -> Strip:
    """A line with the limits at its ends, and zero at its place, or the middle if zero is not inside."""
    quiet = look.style(QUIET)
    ruler = Ruler(width)
    missing = look.glyphs.missing
    ends = [compact(value, 2, missing) for value in (low, high)]
    ruler.put(0, f"{ends[0]} ", quiet)
    ruler.put(width - len(ends[1]) - 1, f" {ends[1]}", quiet)
    if math.isfinite(low) and math.isfinite(high) and low < high:
        middle = 0.0 if low < 0 < high else low / 2 + high / 2
        at = int(place(middle, low, high) * width)
        ruler.centre(min(at, width - 1), f" {compact(middle)} ", quiet if middle else look.style(bold=True))
    return ruler.strip((look.glyphs.horizontal, quiet))


def progress(fraction: Number, width: int, look: Look | None = None) -> str:
    """A bar of ``width`` cells, full only when all is done: ``▰▰▰▱▱``."""
    glyphs = (look or Look()).glyphs
    share = as_float(fraction)
    done = 0 if math.isnan(share) else int(max(0.0, min(1.0, share)) * width + 1e-9)
    return glyphs.done * done + glyphs.ahead * (width - done)
