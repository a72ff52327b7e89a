"""McNemar's test: whether two networks get as many of the same examples right.

Source: McNemar 1947, Note on the sampling error of the difference between correlated proportions or
percentages, in its exact form: a sign test of the examples that only one of the two got right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.intervals import LEVEL, Array


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


def mcnemar(first: Array, second: Array) -> McNemar:
    """The exact test.

    Args:
        first, second: (n,) bool, which examples each of them got right.
    """
    return split(int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first)))


def split(only_first: int, only_second: int) -> McNemar:
    """The exact test, from the numbers of examples that one of the two alone got right."""
    return McNemar(only_first, only_second, sign_test(only_first, only_second))


def sign_test(first: int, second: int) -> float:
    """The two-sided probability of so unequal a split of ``first + second`` throws of a fair coin."""
    n, least = first + second, min(first, second)
    k = np.arange(1, least + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log((n - k + 1) / k))])  # of the binomial coefficients
    return min(1.0, 2 * float(np.exp(logs - n * math.log(2)).sum()))
