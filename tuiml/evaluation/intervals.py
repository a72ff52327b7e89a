"""Confidence intervals: of a fraction (Wilson), of two paired ones (Tango), of means (bootstrap).

Sources: Wilson 1927, Probable inference, the law of succession, and statistical inference; Tango 1998,
Equivalence test and confidence interval for the difference in proportions for the paired-sample design; Efron
1987, Better bootstrap confidence intervals (BCa), as in Efron & Tibshirani 1993, An introduction to the
bootstrap, ch. 14.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Statistics = Callable[[Array], Array]
"""From the means of some columns, (…, columns), to the values of some statistics, (…, statistics)."""
LEVEL = 0.95
"""How often such an interval contains the true value."""
RESAMPLES = 2000
SEED = 0
MOST_GROUPS = 20_000
"""Examples that are resampled; more are put together at random into as many groups first."""
FEWEST_GROUPS = 500
_VALUES = 4_000_000
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its confidence interval; NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference is more than chance, at the level of the interval."""
        return self.low > 0 or self.high < 0


def wilson(hits: int, count: int, level: float = LEVEL) -> Interval:
    """The fraction ``hits / count`` with Wilson's score interval, within 0…1; NaN of no example."""
    if not count:
        return Interval(math.nan)
    z = _NORMAL.inv_cdf((1 + level) / 2)
    p, spread = hits / count, z * z / count
    middle = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / count + spread / count / 4) / (1 + spread)
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def paired_difference(only_first: int, only_second: int, count: int) -> Interval:
    """The difference of two fractions of the same examples, with Tango's score interval.

    Args:
        only_first, only_second: examples that count for one of the two fractions alone.
        count: all examples, at least 1.
    """
    z, b, c = _NORMAL.inv_cdf((1 + LEVEL) / 2), only_first, only_second

    def score(difference: float) -> float:
        """How many standard errors the difference found is above this one (Tango 1998, section 2)."""
        linear = (2 * count - b + c) * difference - b - c
        root = math.sqrt(max(0.0, linear * linear + 8 * count * c * difference * (1 - difference)))
        variance = count * ((root - linear) / (2 * count) + difference * (1 - difference))
        distance = b - c - count * difference
        return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)

    value = (b - c) / count
    low = _solved(lambda d: score(d) < z, -1.0, value)
    high = _solved(lambda d: score(d) < -z, value, 1.0)
    return Interval(value, min(low, value), max(high, value))


def _solved(beyond: Callable[[float], bool], low: float, high: float) -> float:
    """The value between two from which on ``beyond`` holds, by halving."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2


def bootstrap(columns: Array, statistics: Statistics, *, resamples: int = RESAMPLES) -> list[Interval]:
    """Statistics of the means of columns, with their BCa intervals by resampling the examples.

    The same data give the same intervals. Of more than :data:`MOST_GROUPS` examples, random groups of equal
    size are resampled, which has the same distribution as far as a mean is normal.

    Args:
        columns: (n, columns), a row for each example.
        statistics: from means to values; one that is not finite in a resample is left out there.
    """
    wide = np.asarray(columns, np.float64)
    with np.errstate(all="ignore"):
        values = statistics(wide.mean(axis=0)) if len(wide) else np.full(len(statistics(wide.sum(0))), np.nan)
        if len(wide) < 2 or not np.isfinite(values).any():
            return [Interval(value) for value in values.tolist()]
        rng = np.random.Generator(np.random.PCG64(SEED))
        groups = _grouped(wide, rng)
        total = groups.sum(axis=0)
        left_out = total - groups
        found = statistics(_means(_resampled(groups, resamples, rng)))
        without_one = statistics(_means(left_out))
    return [_bca(*some) for some in zip(values.tolist(), found.T, without_one.T, strict=True)]


def mean(values: Array) -> Interval:
    """The mean of a value for each example, with its bootstrap interval."""
    return bootstrap(values[:, None], lambda means: means)[0]


def _grouped(columns: Array, rng: np.random.Generator) -> Array:
    """The sums of the columns over groups of examples, with a last column that counts them."""
    sums = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    most = max(FEWEST_GROUPS, min(MOST_GROUPS, _VALUES // sums.shape[1]))
    if len(sums) <= most:
        return sums
    starts = np.linspace(0, len(sums), most, endpoint=False).astype(np.intp)
    grouped: Array = np.add.reduceat(sums[rng.permutation(len(sums))], starts, axis=0)
    return grouped


def _resampled(groups: Array, resamples: int, rng: np.random.Generator) -> Array:
    """The sums of groups that are drawn with replacement, (resamples, columns)."""
    n, found = len(groups), np.empty((resamples, groups.shape[1]))
    step = max(1, _VALUES // n)
    for start in range(0, resamples, step):
        some = found[start : start + step]
        drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in some]
        some[:] = np.array(drawn, np.float64) @ groups
    return found


def _means(sums: Array) -> Array:
    return sums[..., :-1] / sums[..., -1:]


def _bca(value: float, found: Array, without_one: Array) -> Interval:
    """The bias-corrected and accelerated interval; the percentile interval where there is no correction."""
    found, without_one = found[np.isfinite(found)], without_one[np.isfinite(without_one)]
    if not math.isfinite(value) or not len(found):
        return Interval(value)
    below = float(np.mean(found < value) + np.mean(found == value) / 2)
    bias = acceleration = 0.0
    if 0 < below < 1 and len(without_one):
        bias = _NORMAL.inv_cdf(below)
        d = without_one.mean() - without_one
        scale = float((d * d).sum()) ** 1.5
        acceleration = float((d * d * d).sum()) / (6 * scale) if scale > 0 else 0.0
    ends = [_corrected(bias, acceleration, _NORMAL.inv_cdf(q)) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]
    low, high = np.quantile(found, sorted(ends)).tolist()
    return Interval(value, min(low, value), max(high, value))


def _corrected(bias: float, acceleration: float, z: float) -> float:
    """The fraction of the resamples below an end of the interval (Efron & Tibshirani 1993, eq. 14.10)."""
    below = 1 - acceleration * (bias + z)
    return _NORMAL.cdf(bias + (bias + z) / below) if below > 0 else _NORMAL.cdf(z)
