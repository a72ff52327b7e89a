"""Whether the difference of two networks on the same examples is more than chance.

Sources: McNemar 1947, Note on the sampling error of the difference between correlated proportions, in its
exact form (a sign test of the examples that only one of the two got right); Efron & Tibshirani 1993, ch. 14,
for paired bootstrap intervals: the same resampled examples for both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.classification import mean
from tuiml.evaluation.intervals import LEVEL, Array, Interval, bootstrap, paired_difference
from tuiml.evaluation.regression import FIGURES, columns_of, figures_of


@dataclass(frozen=True)
class McNemar:
    """The examples on which two networks differ."""

    only_first: int
    """Examples that the first alone got right."""
    only_second: int
    p: float
    """The probability of such a difference, or a larger one, if both were equally good (two-sided)."""

    @property
    def sure(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < 1 - LEVEL


@dataclass(frozen=True)
class Difference:
    """A figure of the first network minus that of the second."""

    name: str
    """``accuracy``, ``loss``, or the target of a regression and ``R²``, ``MAE``, ``RMSE``."""
    first: float
    second: float
    interval: Interval
    """Tango's for the accuracy; of a paired bootstrap for all else."""
    more_than_chance: bool


def mcnemar(first: Array, second: Array) -> McNemar:
    """The exact test.

    Args:
        first, second: (n,) bool, which examples each of them got right.
    """
    only_first = int(np.count_nonzero(first & ~second))
    only_second = int(np.count_nonzero(second & ~first))
    return McNemar(only_first, only_second, sign_test(only_first, only_second))


def sign_test(first: int, second: int) -> float:
    """The two-sided probability of so unequal a split of ``first + second`` throws of a fair coin."""
    n, least = first + second, min(first, second)
    k = np.arange(1, least + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - k + 1) / k))])  # of the binomial coefficients
    return min(1.0, 2 * float(np.exp(logs - n * math.log(2)).sum()))


def accuracy_difference(first: Array, second: Array) -> Difference:
    """The difference in accuracy; McNemar's test says whether it is more than chance.

    Args:
        first, second: (n,) bool, n ≥ 1, which examples each of them got right.
    """
    found = mcnemar(first, second)
    interval = paired_difference(found.only_first, found.only_second, len(first))
    return Difference("accuracy", float(first.mean()), float(second.mean()), interval, found.sure)


def mean_difference(name: str, first: Array, second: Array) -> Difference:
    """The difference of the means of a value for each example, (n,)."""
    interval = mean(first.astype(np.float64) - second)
    return Difference(name, float(first.mean()), float(second.mean()), interval, interval.excludes_zero)


def regression_differences(
    first: Array, second: Array, targets: Array, names: Sequence[str]
) -> tuple[Difference, ...]:
    """The differences in R², MAE and RMSE of each target.

    Args:
        first, second, targets: (n, targets) predictions of both and what is true.
    """
    own, other = columns_of(first, targets), columns_of(second, targets)
    half = own.shape[1]

    def difference(means: Array) -> Array:
        return figures_of(means[..., :half]) - figures_of(means[..., half:])

    intervals = bootstrap(np.concatenate([own, other], axis=1), difference)
    with np.errstate(all="ignore"):
        own_value, other_value = (figures_of(columns.mean(axis=0)).tolist() for columns in (own, other))
    words = ("R²", "MAE", "RMSE")
    return tuple(
        Difference(
            f"{name}: {word}" if len(names) > 1 else word,
            own_value[at],
            other_value[at],
            intervals[at],
            intervals[at].excludes_zero,
        )
        for target, name in enumerate(names)
        for at, word in enumerate(words, FIGURES * target)
    )
