"""What is going on in a layer, from its arrays: cheap enough to take ten times a second.

Large arrays are read through an even subsample of at most :data:`SAMPLE` values; shares, means and histograms
are of that sample, norms of the whole array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuiml.backends.engine import LayerView
from tuiml.nn.activations import Activation

Array = np.ndarray[Any, Any]
SAMPLE = 8192
BINS = 40
NAN = float("nan")
NEVER = -20.0
"""The update ratio of weights that did not move at all, and the least there is."""


@dataclass(frozen=True)
class Histogram:
    """Counts of values in bins from ``low`` to ``high``; ``below`` and ``above`` lie outside.

    The bins are equal; or, with a ``floor`` above 0, the axis is logarithmic on both sides of a middle bin
    for what is nearer to 0 than the floor: ``low`` is ``-high``, and each side has equally many bins, equal
    in log₁₀|v| from the floor to ``high``.
    """

    low: float
    high: float
    counts: tuple[int, ...]
    below: int
    above: int
    floor: float = 0.0

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

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Histogram:
        """Read one back."""
        counts = tuple(value["counts"])
        return cls(
            value["low"], value["high"], counts, value["below"], value["above"], value.get("floor", 0.0)
        )


@dataclass(frozen=True)
class LayerStatistics:
    """One layer at one step. Shares are 0 to 1; what a layer does not have is NaN or ``None``."""

    mean: float
    std: float
    """Mean and standard deviation of the outputs."""
    zeros: float
    """Share of outputs that are exactly 0."""
    saturated: float
    """Share of outputs beyond the activation's saturation bounds; NaN where it has none."""
    dead: float
    """Share of units (a picture's channels) silent on every example looked at; in training those of the last
    pictures too. NaN for activations never silent."""
    weight_mean: float
    weight_std: float
    gradient_norm: float
    """Euclidean norm of the weights' gradient in the last step."""
    activations: Histogram | None
    weights: Histogram | None
    gradients: Histogram | None
    input_mean: float = NAN
    input_std: float = NAN
    """Mean and standard deviation of what goes into the activation; NaN for a layer without one."""
    weight_norm: float = NAN
    """Euclidean norm of the weights."""
    update_ratio: float = NAN
    """log₁₀ of std(Δw) / std(w) in the last step; :data:`NEVER` where nothing moved, NaN before the first."""
    inputs: Histogram | None = None
    """Of what goes into the activation."""
    biases: Histogram | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LayerStatistics:
        """Read one back; ``None`` for a number is NaN, as is one that older files lack."""
        found: dict[str, Any] = {}
        for name, field in cls.__dataclass_fields__.items():
            part = value.get(name)
            if field.type == "float":
                found[name] = NAN if part is None else part
            else:
                found[name] = Histogram.from_json(part) if part else None
        return cls(**found)


def sample(values: Array) -> Array:
    """At most :data:`SAMPLE` of the values, evenly spaced in memory order, flat; no copy where possible."""
    rows = values.T if values.flags.f_contiguous else values
    stride = max(1, -(-rows.size // SAMPLE))
    while math.gcd(stride, rows.shape[1]) > 1:  # else only some of the columns would ever be visited
        stride += 1
    return rows.reshape(-1)[::stride]


def histogram(values: Array, low: float, high: float) -> Histogram:
    """Counts of the finite values of a flat array in :data:`BINS` equal bins."""
    values = values[np.isfinite(values)].astype(
        np.float64
    )  # float32 has no room for the ends of its own range
    places = (values - low) * (BINS / (high - low))
    # The last bin is closed: an output of exactly 1 belongs to 0…1.
    np.minimum(places, BINS - 0.5, out=places, where=values <= high)
    # Clipped before the cast: a huge value has no integer.
    bins = np.floor(np.clip(places, -1, BINS, out=places), out=places).astype(np.int64) + 1
    counts = np.bincount(bins, minlength=BINS + 2)
    return Histogram(low, high, tuple(counts[1:-1].tolist()), int(counts[0]), int(counts[-1]))


def limits(
    values: Array, bounds: tuple[float | None, float | None] = (None, None)
) -> tuple[float, float] | None:
    """The ends of a histogram: the known bounds, else round numbers around 99 % of the finite values.

    Round (1, 2 or 5 times a power of ten), so that the axis stands still while values drift.
    """
    if bounds[0] is not None and bounds[1] is not None:
        return bounds[0], bounds[1]
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    cut = max(1, finite.size // 200)
    ends = np.partition(finite, (cut - 1, finite.size - cut))
    low, high = float(ends[cut - 1]), float(ends[finite.size - cut])
    low = -round_up(-low) if low < 0 else 0.0
    high = round_up(high) if high > 0 else 0.0
    if bounds[0] is not None:
        low = bounds[0]
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def round_up(value: float) -> float:
    """The least 1, 2 or 5 times a power of ten that is at least ``value`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= value * (1 - 1e-9)), 10.0 * power)


def layer_statistics(view: LayerView, activation: Activation | None) -> LayerStatistics:
    """Statistics of a layer from its arrays as they are now."""
    output = sample(view.output)
    with np.errstate(all="ignore"):
        mean, std = _moments(output)
        weight_mean, weight_std = _moments(sample(view.weights)) if view.weights is not None else (NAN, NAN)
        saturated = dead = NAN
        if activation is not None and activation.saturation is not None:
            low, high = activation.saturation
            saturated = _share(output < low) + _share(output > high)
        if activation is not None and activation.silent is not None:
            dead = _share(view.output.max(axis=1) <= activation.silent)
        norm = NAN
        if view.gradients is not None:
            norm = _norm(view.gradients.reshape(-1))
    return LayerStatistics(
        mean=mean,
        std=std,
        zeros=_share(output == 0.0),
        saturated=saturated,
        dead=dead,
        weight_mean=weight_mean,
        weight_std=weight_std,
        gradient_norm=norm,
        activations=_histogram_of(view.output, activation.range if activation else (None, None)),
        weights=_histogram_of(view.weights),
        gradients=_histogram_of(view.gradients),
    )


def _histogram_of(
    values: Array | None, bounds: tuple[float | None, float | None] = (None, None)
) -> Histogram | None:
    if values is None:
        return None
    flat = sample(values)
    with np.errstate(all="ignore"):
        ends = limits(flat, bounds)
    return histogram(flat, *ends) if ends else None


def _moments(values: Array) -> tuple[float, float]:
    values = values.astype(np.float64)
    return float(values.mean()), float(values.std())


def _norm(values: Array) -> float:
    square = float(np.dot(values, values))
    if not 1e-30 < square < 1e38:  # float32's squares may have vanished or overflowed
        values = values.astype(np.float64)
        square = float(np.dot(values, values))
    return math.sqrt(square)


def _share(mask: Array) -> float:
    return float(np.count_nonzero(mask)) / mask.size
