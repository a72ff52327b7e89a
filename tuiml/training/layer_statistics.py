"""Statistics of a layer at one step, as events carry them; :mod:`tuiml.training.statistics` computes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from tuiml.training.codec import Count, Finite, Number, Optional

NAN = math.nan
LARGEST_LIMIT = 1e39
"""Beyond what float32 holds."""
MOST_BINS = 1000
HISTOGRAMS = ("activations", "weights", "gradients", "inputs", "biases")
"""The fields of :class:`LayerStatistics` that are histograms."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values in bins from ``low`` to ``high``; ``below`` and ``above`` lie outside.

    The bins are equal; or, with a ``floor`` above 0, the axis is logarithmic on both sides of a middle bin
    for what is nearer to 0 than the floor: ``low`` is ``-high``, and each side has equally many bins, equal
    in log₁₀|v| from the floor to ``high``.
    """

    low: Finite
    high: Finite
    counts: Annotated[tuple[Count, ...], Field(min_length=1, max_length=MOST_BINS)]
    below: Count
    above: Count
    floor: Finite = 0.0

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts) + self.below + self.above

    def edges(self) -> tuple[float, ...]:
        """The ends of the bins, rising: one more than there are bins."""
        bins = len(self.counts)
        if not self.floor:
            width = (self.high - self.low) / bins
            return (*(self.low + width * i for i in range(bins)), self.high)
        side = bins // 2
        ratio = self.high / self.floor
        rising = (*(self.floor * ratio ** (i / side) for i in range(side)), self.high)
        return (*(-v for v in reversed(rising)), *rising)


def _drawable(found: Histogram) -> Histogram:
    """Raise ValueError unless the axis has a length, and one with a floor is symmetric."""
    if not -LARGEST_LIMIT <= found.low < found.high <= LARGEST_LIMIT:
        raise ValueError("no axis")
    symmetric = found.low == -found.high and len(found.counts) % 2 == 1 and len(found.counts) > 1
    if found.floor and not (symmetric and 1e-300 <= found.floor < found.high):
        raise ValueError("no logarithmic axis")
    return found


Drawable = Annotated[Histogram, AfterValidator(_drawable)]


@dataclass(frozen=True)
class LayerStatistics:
    """One layer at one step. Fractions are 0 to 1; what a layer does not have is NaN or ``None``."""

    mean: Number = NAN
    std: Number = NAN
    """Mean and standard deviation of the outputs."""
    zeros: Number = NAN
    """Fraction of outputs that are exactly 0."""
    saturated: Number = NAN
    """Fraction of outputs beyond the activation's saturation bounds; NaN where it has none."""
    dead: Number = NAN
    """Fraction of units (an image's channels) silent on every example of the batch; in training those of the
    last snapshots too. NaN for activations that are never silent."""
    weight_mean: Number = NAN
    weight_std: Number = NAN
    gradient_norm: Number = NAN
    """Euclidean norm of the weights' gradient in the last step."""
    activations: Drawable | None = None
    weights: Drawable | None = None
    gradients: Drawable | None = None
    input_mean: Number = NAN
    input_std: Number = NAN
    """Mean and standard deviation of the pre-activations; NaN for a layer without an activation."""
    weight_norm: Number = NAN
    """Euclidean norm of the weights."""
    update_ratio: Number = NAN
    """log₁₀ of std(Δw) / std(w) in the last step; NaN before the first."""
    inputs: Drawable | None = None
    """Of the pre-activations."""
    biases: Drawable | None = None
    slope_min: Optional = NAN
    slope_mean: Optional = NAN
    slope_max: Optional = NAN
    """Of the slopes that the activation learns (PReLU), one a unit; NaN for any other, and in older files."""
