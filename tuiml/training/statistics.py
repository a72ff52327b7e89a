"""Statistics of a layer from its arrays, cheap enough to compute several times a second.

Fractions, means and histograms of large arrays are those of an even subsample of :data:`SAMPLE` values; norms
and dead units are those of the whole array. Nothing is remembered here: constant limits of axes and units
that are silent for long are found by :mod:`tuiml.training.statistics_tracker`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from tuiml.backends.engine import LayerView
from tuiml.nn.activations import Activation
from tuiml.training.layer_statistics import HISTOGRAMS, NAN, Histogram

Array = np.ndarray[Any, Any]
SAMPLE = 8192
BINS = 40
SIDE = 22
"""Bins of a gradients' histogram on either side of 0: two a power of ten."""
FLOOR, CEILING = 1e-10, 10.0
"""Ends of either side: a gradient that vanishes is seen moving to the middle of an axis that never moves."""
OUTSIDE = 0.005
"""Fraction of the values that may lie beyond either end of an axis."""
Limits = tuple[float, float]
Bounds = tuple[float | None, float | None]
UNBOUNDED: Bounds = (None, None)
NEVER = -20.0
"""The update ratio of weights that did not move at all, and the least there is."""


def sample(values: Array) -> Array:
    """At most :data:`SAMPLE` of the values, evenly spaced in memory order, flat; no copy where possible."""
    rows = values.T if values.flags.f_contiguous else values
    stride = max(1, -(-rows.size // SAMPLE))
    while stride > 1 and math.gcd(stride, rows.shape[-1]) > 1:  # else some columns would never be visited
        stride += 1
    return rows.reshape(-1)[::stride]


class Values:
    """A sample of an array: its moments, and what of it is finite."""

    def __init__(self, array: Array) -> None:
        self.raw = sample(array)
        self.flat = self.raw.astype(np.float64)  # float32 has no room for the ends of its own range
        with np.errstate(invalid="ignore"):
            self.mean = float(self.flat.sum()) / self.flat.size
        self.finite = self.flat if math.isfinite(self.mean) else _finite(self.flat)

    @cached_property
    def std(self) -> float:
        """Standard deviation."""
        around = self.flat - self.mean
        return math.sqrt(float(around.dot(around)) / around.size)

    def fraction_outside(self, low: float, high: float) -> float:
        """Fraction below ``low`` or above ``high``."""
        return _fraction(self.raw < low) + _fraction(self.raw > high)


def histogram(values: Array, low: float, high: float) -> Histogram:
    """Counts of the finite values of a flat array in :data:`BINS` equal bins, the last one closed."""
    values = _finite(values)
    places = (values - low) * (BINS / (high - low))
    # Clipped before the cast: a huge value has no integer.
    np.floor(_clipped(places, -1.0, BINS), places)
    counts = np.bincount(places.astype(np.intp) + 1, minlength=BINS + 2)
    above = int(np.count_nonzero(values > high))
    counts[-2] += counts[-1] - above
    return Histogram(low, high, tuple(counts[1:-1].tolist()), int(counts[0]), above)


def logarithmic(values: Array) -> Histogram:
    """Counts of the finite values of a flat array by sign and power of ten, as gradients are shown."""
    values = _finite(values)
    sizes = _clipped(np.abs(values), 0.1 * FLOOR, 10 * CEILING)
    places = np.log10((sizes / FLOOR).astype(np.float32))
    places *= SIDE / math.log10(CEILING / FLOOR)
    np.floor(_clipped(places, -1.0, SIDE), places)
    places += 1.0  # 0: the middle; SIDE + 1: outside
    counts = np.bincount(np.copysign(places, values).astype(np.intp) + SIDE + 1, minlength=2 * SIDE + 3)
    below, above = (int(np.count_nonzero(beyond)) for beyond in (values < -CEILING, values > CEILING))
    counts[1] += counts[0] - below
    counts[-2] += counts[-1] - above
    return Histogram(-CEILING, CEILING, tuple(counts[1:-1].tolist()), below, above, FLOOR)


def limits(values: Array, bounds: Bounds = UNBOUNDED) -> Limits | None:
    """The ends of an axis: the known bounds, else round numbers around 99 % of the finite values.

    Round (1, 2 or 5 times a power of ten), so that the axis does not change while values drift.
    """
    if bounds[0] is not None and bounds[1] is not None:
        return bounds[0], bounds[1]
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    cut = max(1, int(finite.size * OUTSIDE))
    ends = np.partition(finite, (cut - 1, finite.size - cut))
    low, high = float(ends[cut - 1]), float(ends[finite.size - cut])
    low = -round_up(-low) if low < 0 else 0.0
    high = round_up(high) if high > 0 else 0.0
    if bounds[0] is not None:
        low = bounds[0]
    if high > low:
        return low, high
    return low - (bounds[0] is None), high + 1.0


def round_up(value: float) -> float:
    """The least 1, 2 or 5 times a power of ten that is at least ``value`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1.0, 2.0, 5.0) if m * power >= value * (1 - 1e-9)), 10.0 * power)


def samples_of(view: LayerView) -> dict[str, Values]:
    """A sample of each of a layer's arrays, by the field of the statistics that shows its histogram."""
    arrays = {
        "activations": view.output,
        "inputs": view.inputs,
        "weights": view.weights,
        "biases": view.biases,
        "gradients": view.gradients,
    }
    with np.errstate(all="ignore"):
        return {kind: Values(array) for kind, array in arrays.items() if array is not None}


def numbers(view: LayerView, activation: Activation | None, samples: Mapping[str, Values]) -> dict[str, Any]:
    """The fields of the statistics that are numbers, all but ``dead``."""
    output, inputs, weights = (samples.get(kind) for kind in ("activations", "inputs", "weights"))
    assert output is not None
    with np.errstate(all="ignore"):
        bounds = activation.saturation if activation else None
        return {
            "mean": output.mean,
            "std": output.std,
            "zeros": _fraction(output.flat == 0.0),
            "saturated": output.fraction_outside(*bounds) if bounds else NAN,
            "weight_mean": weights.mean if weights else NAN,
            "weight_std": weights.std if weights else NAN,
            "gradient_norm": NAN if view.gradients is None else _norm(view.gradients),
            "input_mean": inputs.mean if inputs else NAN,
            "input_std": inputs.std if inputs else NAN,
            "weight_norm": NAN if view.weights is None else _norm(view.weights),
            "update_ratio": _update_ratio(view, weights),
            **_slopes(view.slopes),
        }


def histograms(samples: Mapping[str, Values], axes: Mapping[str, Limits | None]) -> dict[str, Any]:
    """The fields of the statistics that are histograms, on the axes given."""
    found: dict[str, Any] = dict.fromkeys(HISTOGRAMS)
    for kind, values in samples.items():
        ends = axes.get(kind)
        if not values.finite.size:
            continue
        if kind == "gradients":
            found[kind] = logarithmic(values.finite)
        elif ends:
            found[kind] = histogram(values.finite, *ends)
    return found


def silent_units(view: LayerView, activation: Activation | None) -> Array | None:
    """Which units pass no gradient whatever the example; ``None`` where an activation always passes some."""
    if activation is None or activation.silent is None:
        return None
    with np.errstate(invalid="ignore"):
        silent: Array = view.output.max(axis=1) <= activation.silent
    return silent


def _update_ratio(view: LayerView, weights: Values | None) -> float:
    if weights is None or view.weights is None or view.before is None:
        return NAN
    # Differences of float32 are exact where they are small, and taken before anything is rounded.
    moved = Values(np.subtract(sample(view.weights), sample(view.before), dtype=np.float64)).std
    if not (math.isfinite(moved) and weights.std > 0.0):
        return NAN
    return max(NEVER, math.log10(moved / weights.std)) if moved > 0.0 else NEVER


def _slopes(values: Array | None) -> dict[str, float]:
    if values is None:
        return {}
    found = values.astype(np.float64)
    least, mean, most = float(found.min()), float(found.mean()), float(found.max())
    return {"slope_min": least, "slope_mean": mean, "slope_max": most}


def _norm(values: Array) -> float:
    flat = values.ravel(order="K")
    square = float(np.dot(flat, flat))
    if not 1e-30 < square < 1e38:  # float32's squares may have vanished or overflowed
        flat = flat.astype(np.float64)
        square = float(np.dot(flat, flat))
    return math.sqrt(square)


def _finite(values: Array) -> Array:
    """The finite ones, in float64."""
    values = values.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        total = values.sum()
    return values if math.isfinite(total) else values[np.isfinite(values)]


def _clipped(values: Array, low: float, high: float) -> Array:
    """The values no less than ``low`` and no more than ``high``, in place; ``np.clip`` is twice as slow."""
    np.maximum(values, low, out=values)
    return np.minimum(values, high, out=values)


def _fraction(mask: Array) -> float:
    return float(np.count_nonzero(mask)) / mask.size
