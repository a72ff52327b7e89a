"""The axis of a histogram, linear or logarithmic on both sides of zero; counts moved from one to another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.formatting import compact
from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import zero_bin
from tuiml.tui.charts.numbers import place
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.text import Line

FINEST = 400
"""Bins of a common axis at most."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Bins from ``low`` to ``high``.

    Args:
        floor: above 0, ``low`` is ``-high``, the middle bin holds what is nearer to 0 than it, and the bins
            on either side are equal in log₁₀ of the distance from 0.
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

    def place(self, value: float) -> float:
        """Where a value lies between the left end, 0, and the right end, 1; beyond them, at the end."""
        if not self.floor:
            return min(1.0, max(0.0, place(value, self.low, self.high)))
        if abs(value) <= self.floor:
            return 0.5
        half = 0.5 / self.bins  # of the middle bin
        share = math.log(min(abs(value), self.high) / self.floor) / math.log(self.high / self.floor)
        return 0.5 + math.copysign(half + share * (0.5 - half), value)

    @property
    def zero(self) -> int | None:
        """The bin that zero is in."""
        if self.floor:
            return self.bins // 2
        return zero_bin(self.low, self.high, self.bins)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Values worth a label and their labels, the most important first: ends, zero, powers of ten."""
        yield self.low, compact(self.low)
        yield self.high, compact(self.high)
        if self.low < 0 < self.high:
            yield 0.0, "0"
        elif not self.floor:
            middle = self.low / 2 + self.high / 2
            yield middle, compact(middle)
        if self.floor:
            last = math.floor(math.log10(self.high) + 1e-9)
            for power in range(last, math.ceil(math.log10(self.floor) - 1e-9), -1):
                if 10.0**power < self.high * 0.999:
                    yield from ((sign * 10.0**power, compact(sign * 10.0**power)) for sign in (1, -1))


def common(scales: Sequence[Scale]) -> Scale | None:
    """One axis that holds all of them, as fine as the finest as far as that is sensible."""
    kinds = set(scales)
    if len(kinds) <= 1:
        return next(iter(kinds), None)
    low, high = min(s.low for s in kinds), max(s.high for s in kinds)
    if all(s.floor for s in kinds):
        return Scale(low, high, max(s.bins for s in kinds), min(s.floor for s in kinds))
    finest = min((s.high - s.low) / s.bins for s in kinds)
    bins = max(max(s.bins for s in kinds), min(FINEST, round((high - low) / finest)))
    return Scale(low, high, bins)


def moved(counts: Floats, source: Scale, target: Scale) -> tuple[Floats, Floats, Floats]:
    """Counts, (…, bins), in the bins of another axis, by how far bins overlap; those below, those above it.

    What the target's bins, below and above hold together is what was counted.
    """
    if source == target:
        nothing = np.zeros(counts.shape[:-1])
        return counts, nothing, nothing
    until = np.zeros((*counts.shape[:-1], source.bins + 1))
    np.cumsum(counts, axis=-1, out=until[..., 1:])
    # where each new edge lies among the old ones, in bins: the same for all rows
    edges = source.edges()
    at = np.interp(target.edges(), edges, np.arange(len(edges)))
    whole = np.minimum(at.astype(np.intp), source.bins - 1)
    held = until[..., whole] + (at - whole) * counts[..., whole]
    return np.diff(held, axis=-1), held[..., 0], until[..., -1] - held[..., -1]


def axis(scale: Scale, width: int, look: Look, *, below: bool = False, above: bool = False) -> Line:
    """A line with labels where there is room; arrows at its ends where something lies beyond."""
    glyphs, quiet, bold = look.glyphs, look.style(QUIET), look.style(bold=True)
    ruler = Ruler(width)
    left, right = glyphs.left if below else "", glyphs.right if above else ""
    for number, (value, label) in enumerate(scale.ticks()):
        if number == 0:
            ruler.put(0, f"{left}{label} ", quiet)
        elif number == 1:
            ruler.put(width - len(label) - 1 - len(right), f" {label}{right}", quiet)
        else:
            at = min(width - 1, int(scale.place(value) * width))
            ruler.centre(at, f" {label} ", bold if value == 0 else quiet)
    return ruler.strip((glyphs.horizontal, quiet))
