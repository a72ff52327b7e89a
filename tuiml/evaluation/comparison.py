"""Whether the difference of two networks on the same examples is more than chance.

Accuracies are compared by McNemar's test (:mod:`.mcnemar`), all else by paired bootstrap intervals: the same
resampled examples for both (Efron & Tibshirani 1993, ch. 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.intervals import Array, Interval, bootstrap, mean, paired_difference
from tuiml.evaluation.mcnemar import mcnemar
from tuiml.evaluation.regression import FIGURES, columns_of, figures_of


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
