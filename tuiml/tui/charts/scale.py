"""The axis of a histogram, linear or logarithmic on both sides of zero; counts on another axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.formatting import compact
from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import zero_bin
from tuiml.tui.charts.numbers import position
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.text import Line

FINEST = 400
"""Maximum number of bins of a common axis."""
TAIL = 0.002
"""Fraction of the values that may lie beyond each end of an axis that is cropped to them."""
FEWEST = 6
"""Bins of a cropped axis, at least."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Bins from ``low`` to ``high``.

    Args:
        floor: if above 0, the axis is logarithmic: ``low`` is ``-high``, the middle bin contains the values
            nearer to 0 than ``floor``, and the other bins are equal in log₁₀ of the distance from 0.
    """

    low: float
    high: float
    bins: int
    floor: float = 0.0

    def edges(self) -> Floats:
        """The ends of the bins, rising."""
        if not self.floor:
            return np.linspace(self.low, self.high, self.bins + 1)
        rising = np.geomspace(self.floor, self.high, self.bins // 2 + 1)
        return np.concatenate([-rising[::-1], rising])

    def position(self, value: float) -> float:
        """Position of a value between the left end (0) and the right end (1), clipped to these."""
        if not self.floor:
            return min(1.0, max(0.0, position(value, self.low, self.high)))
        if abs(value) <= self.floor:
            return 0.5
        half = 0.5 / self.bins  # of the middle bin
        fraction = math.log(min(abs(value), self.high) / self.floor) / math.log(self.high / self.floor)
        return 0.5 + math.copysign(half + fraction * (0.5 - half), value)

    @property
    def zero(self) -> int | None:
        """Index of the bin that contains zero."""
        if self.floor:
            return self.bins // 2
        return zero_bin(self.low, self.high, self.bins)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Ticks and their labels, the most important first: ends, zero, powers of ten."""
        yield self.low, edge_label(self.low)
        yield self.high, edge_label(self.high)
        if self.low < 0 < self.high:
            yield 0.0, "0"
        elif not self.floor:
            middle = self.low / 2 + self.high / 2
            yield middle, edge_label(middle)
        if self.floor:
            last = math.floor(math.log10(self.high) + 1e-9)
            for power in range(last, math.ceil(math.log10(self.floor) - 1e-9), -1):
                if 10.0**power < self.high * 0.999:
                    yield from ((sign * 10.0**power, compact(sign * 10.0**power)) for sign in (1, -1))


def edge_label(value: float) -> str:
    """An end of an axis, with a third digit where two would move it."""
    return compact(value, 2 if math.isclose(float(f"{value:.1e}"), value, rel_tol=0.004) else 3)


def common(scales: Sequence[Scale]) -> Scale | None:
    """An axis that contains all of them, as fine as the finest, with at most :data:`MOST` bins."""
    kinds = set(scales)
    if len(kinds) <= 1:
        return next(iter(kinds), None)
    low, high = min(s.low for s in kinds), max(s.high for s in kinds)
    if all(s.floor for s in kinds):
        return Scale(low, high, max(s.bins for s in kinds), min(s.floor for s in kinds))
    finest = min((s.high - s.low) / s.bins for s in kinds)
    bins = max(max(s.bins for s in kinds), min(FINEST, round((high - low) / finest)))
    return Scale(low, high, bins)


def cropped(scale: Scale, fractions: Floats) -> Scale:
    """The part of an axis that holds the values, but for :data:`TAIL` of them at each end.

    Args:
        fractions: of all values, in each bin; what is missing to 1 lies beyond the ends.
    """
    until = np.cumsum(fractions)
    total = float(until[-1]) if len(until) else 0.0
    if total <= 0:
        return scale
    first = int(np.searchsorted(until, TAIL * total, side="right"))
    last = len(fractions) - int(np.searchsorted(np.cumsum(fractions[::-1]), TAIL * total, side="right"))
    if scale.floor:
        return _cropped_logarithmic(scale, fractions, max(scale.bins - last, 0), first)
    missing = max(0, FEWEST - (last - first))
    first = max(0, first - missing // 2)
    last = min(len(fractions), max(last, first + FEWEST))
    first = max(0, min(first, last - FEWEST))
    edges = scale.edges()
    return Scale(float(edges[first]), float(edges[last]), last - first)


def _cropped_logarithmic(scale: Scale, fractions: Floats, above: int, below: int) -> Scale:
    """The same bins left out on both sides, at the ends and, where these are empty, around zero."""
    side = scale.bins // 2
    outer = min(above, below, side - FEWEST // 2)
    inner = 0
    while inner < side - outer - FEWEST // 2 and not fractions[side - inner - 1 : side + inner + 2].any():
        inner += 1
    if outer <= 0 and not inner:
        return scale
    rising = np.geomspace(scale.floor, scale.high, side + 1)
    high = float(rising[side - max(0, outer)])
    return Scale(-high, high, scale.bins - 2 * max(0, outer) - 2 * inner, float(rising[inner]))


def moved(counts: Floats, source: Scale, target: Scale) -> tuple[Floats, Floats, Floats]:
    """Counts, (…, bins), in the bins of another axis, in proportion to the overlap; and those below, above.

    The sum of all these is the sum of the counts.
    """
    if source == target:
        nothing = np.zeros(counts.shape[:-1])
        return counts, nothing, nothing
    until = np.zeros((*counts.shape[:-1], source.bins + 1))
    np.cumsum(counts, axis=-1, out=until[..., 1:])
    # position of each new edge among the old ones, in bins: the same for all rows
    edges = source.edges()
    at = np.interp(target.edges(), edges, np.arange(len(edges)))
    whole = np.minimum(at.astype(np.intp), source.bins - 1)
    held = until[..., whole] + (at - whole) * counts[..., whole]
    return np.diff(held, axis=-1), held[..., 0], until[..., -1] - held[..., -1]


def axis(scale: Scale, width: int, look: Look, *, below: bool = False, above: bool = False) -> Line:
    """A line, labels if there is room, and arrows at ends beyond which there are values."""
    glyphs, quiet, bold = look.glyphs, look.style(QUIET), look.style(bold=True)
    ruler = Ruler(width)
    left, right = glyphs.left if below else "", glyphs.right if above else ""
    for number, (value, label) in enumerate(scale.ticks()):
        if number == 0:
            ruler.put(0, f"{left}{label} ", quiet)
        elif number == 1:
            ruler.put(width - len(label) - 1 - len(right), f" {label}{right}", quiet)
        else:
            at = min(width - 1, int(scale.position(value) * width))
            ruler.centre(at, f" {label} ", bold if value == 0 else quiet)
    return ruler.strip((glyphs.horizontal, quiet))
