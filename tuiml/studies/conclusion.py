"""Whether the best configuration of a study differs from the others by more than chance.

Two configurations are compared by the mean of their values, two-sided at 5 %:

* with Welch's t-test (Welch 1947), which holds for three seeds as it does for thirty if the values are about
  normal; an exact permutation test of three against three has no p below 0.1, so it could never tell;
* paired by seed from six seeds on, if both have the same: a seed draws the same examples for both, and what
  they share cancels. The rule looks at the number of seeds only: the better of two tests, chosen by its
  result, would find differences that are none;
* of folds, with the paired test whose variance counts that their training parts overlap (Nadeau & Bengio
  2003, "Inference for the Generalization Error", section 3.1).

The best is compared with every other one. That it is better than all of them is said if each of the tests
says so: such a claim needs no correction (Berger 1982, the intersection-union test), and that the best was
chosen by its mean is paid for since the tests are two-sided. That it is better than some is said after Holm's
procedure (Holm 1979) over the pairs of those that are left, since any pair could have been looked at. Values
that lie on a grid, such as accuracies of a hundred examples, vary by at least the rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuiml.formatting import loss, percent
from tuiml.studies.results import Row, TrialResult

NAN = math.nan
LEVEL = 0.05
"""A difference is one if chance alone makes as great a one less often than that."""
PAIRED_FROM = 6
"""Seeds from which values are paired: with fewer, the degrees of freedom that this costs weigh more."""
FEW = 5
"""Seeds below which "not different" may well be for want of seeds."""
NAMED = 3
"""The most names in a list."""


@dataclass(frozen=True)
class Comparison:
    """The test of one configuration against another."""

    p: float
    """Two-sided; NaN: there are too few values for any test."""
    test: str = ""


def conclude(rows: Sequence[Row], metric: str, *, folds: bool = False, done: bool = True) -> str:
    """One sentence on what a ranked table shows, and one on trials that diverged.

    Args:
        rows: by rank; those that successive halving cut have trained less and are left out, and those of
            whose trials some have no figure, unless that holds for all.
        folds: the trials of a configuration are folds, not seeds.
        done: False while trials are still to come.
    """
    known = [row for row in rows if row.n and not any(r.state == "cut" for r in row.trials)]
    known = [row for row in known if not has_lost(row, metric)] or known
    lost = _lost(rows)
    if len(known) < 2:
        only = f"{known[0].configuration.name}: {_figure(known[0], metric)}; " if known else ""
        text = f"{only}nothing to compare{' with' if known else ''}{'' if done else ' yet'}."
        return " ".join(filter(None, [text[:1].upper() + text[1:] if not known else text, lost]))
    text = _sentence(known, metric, "fold" if folds else "seed")
    return " ".join(filter(None, ["" if done else "So far:", text, lost]))


def _sentence(rows: Sequence[Row], metric: str, kind: str) -> str:
    best, following, *_ = rows
    values = [values_of(row, metric) for row in rows]
    tests = [compare(values[0], other, folds=kind == "fold") for other in values[1:]]
    adjusted = corrected([test.p for test in tests])
    if all(test.p < LEVEL for test in tests):
        adjusted = [test.p for test in tests]
    alike = [row for row, p in zip(rows[1:], adjusted, strict=True) if not p < LEVEL]
    name, figures = best.configuration.name, f"{_figure(best, metric)} against {_figure(following, metric)}"
    first = alike[0] if alike else following
    place = rows.index(first) - 1
    how = _how(tests[place], adjusted[place], len(tests) if alike else 1)
    if not alike:
        others = "every other" if len(rows) > 2 else following.configuration.name
        next_best = f" of {following.configuration.name}, the next" if len(rows) > 2 else ""
        return f"{name} is better than {others}: {figures}{next_best} ({how})."
    few = min(best.n, *(row.n for row in alike)) < FEW
    if math.isnan(tests[place].p):
        figures = f"{_figure(best, metric)} against {_figure(first, metric)}"
        return f"Too few {kind}s to tell whether {name} is better than {_names(alike)}: {figures}."
    end = f"; too few {kind}s to tell" if few else ""
    apart = [row for row in rows[1:] if row not in alike]
    rest = f"; it is better than {_names(apart)}" if apart else ""
    more = f"{name} does not differ significantly from {_names(alike)}"
    return f"{more}: {_figure(best, metric)} against {_figure(first, metric)} ({how}){end}{rest}."


def _how(test: Comparison, adjusted: float, comparisons: int) -> str:
    p = "p < 0.001" if adjusted < 0.001 else f"p = {adjusted:.2g}"
    return f"{test.test}, {p}" + (f" with Holm's correction for {comparisons + 1}" if comparisons > 1 else "")


def _names(rows: Sequence[Row]) -> str:
    names = [row.configuration.name for row in rows[:NAMED]]
    more = len(rows) - len(names)
    if more:
        return f"{', '.join(names)} and {more} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _figure(row: Row, metric: str) -> str:
    """``97.10 % ± 0.21 % (n = 3)``."""
    show = (lambda value: percent(value, 2)) if metric.endswith("accuracy") else loss
    spread = "" if math.isnan(row.std) else f" ± {show(row.std)}"
    return f"{show(row.mean)}{spread} (n = {row.n})"


def _lost(rows: Sequence[Row]) -> str:
    """A sentence on the trials that diverged or failed; empty if none did."""
    parts = []
    for state, did in (("diverged", "diverged"), ("failed", "failed")):
        some = [(row, sum(r.state == state for r in counted(row))) for row in rows]
        some = [(row, count) for row, count in some if count]
        total = sum(count for _, count in some)
        if total:
            told = [
                f"{row.configuration.name} ({count} of {len(counted(row))})" for row, count in some[:NAMED]
            ]
            more = f" and {len(some) - NAMED} more" if len(some) > NAMED else ""
            parts.append(f"{total:,} trial{'s' * (total != 1)} {did}: {', '.join(told)}{more}.")
    return " ".join(parts)


# -- values -----------------------------------------------------------------------------------------------


def counted(row: Row) -> list[TrialResult]:
    """The trials of a row that count."""
    return [r for r in row.trials if r.trial.configuration.settings == row.configuration.settings]


def has_lost(row: Row, metric: str) -> bool:
    """True if a trial of a row diverged or failed before it had a value."""
    return any(r.state in ("diverged", "failed") and metric not in r.figures for r in counted(row))


def values_of(row: Row, metric: str) -> dict[int, float]:
    """The values of a configuration by seed, or by fold."""
    found = {}
    for result in counted(row):
        if metric in result.figures:
            key = result.trial.seed if result.trial.fold is None else result.trial.fold
            found[key] = result.figures[metric]
    return found


def compare(one: Mapping[int, float], other: Mapping[int, float], *, folds: bool = False) -> Comparison:
    """The test of two configurations, from their values by seed or fold."""
    step = _step([*one.values(), *other.values()])
    if folds or (one.keys() == other.keys() and len(one) >= PAIRED_FROM):
        shared = sorted(one.keys() & other.keys())
        return _paired([one[key] - other[key] for key in shared], step, folds)
    if min(len(one), len(other)) < 2:
        return Comparison(NAN)
    means, squares, degrees = [], [], []
    for values in (list(one.values()), list(other.values())):
        mean, std = moments(values)
        means.append(mean)
        squares.append(max(std**2, step**2 / 12) / len(values))
        degrees.append(len(values) - 1)
    total = sum(squares)
    if total == 0:
        return Comparison(1.0, "Welch's t-test")  # all values are the same
    freedom = total**2 / sum(square**2 / degree for square, degree in zip(squares, degrees, strict=True))
    return Comparison(two_sided((means[0] - means[1]) / math.sqrt(total), freedom), "Welch's t-test")


def _paired(differences: Sequence[float], step: float, folds: bool) -> Comparison:
    n = len(differences)
    if n < 2:
        return Comparison(NAN)
    name = "corrected paired t-test over folds" if folds else "t-test paired by seed"
    mean, std = moments(differences)
    square = max(std**2, step**2 / 6)
    if square == 0:
        return Comparison(1.0, name)
    overlap = 1 / (n - 1) if folds else 0.0  # test examples for each training example
    return Comparison(two_sided(mean / math.sqrt(square * (1 / n + overlap)), n - 1), name)


def _step(values: Sequence[float]) -> float:
    """The grid that values lie on: the least difference of two that differ; 0 if none do."""
    ordered = sorted(set(values))
    return min((b - a for a, b in itertools.pairwise(ordered)), default=0.0)


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and standard deviation with n - 1; NaN where there are too few values."""
    if not values:
        return NAN, NAN
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, NAN
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


# -- p-values ---------------------------------------------------------------------------------------------


def corrected(ps: Sequence[float]) -> list[float]:
    """p-values of the best against each other one, corrected step by step: the smallest is multiplied by the
    number of pairs, the next one by that of the pairs without the configuration of the first, and so on.
    NaN ones stay, and do not count."""
    order = sorted((p, i) for i, p in enumerate(ps) if not math.isnan(p))
    found, largest = list(ps), 0.0
    for rank, (p, index) in enumerate(order):
        left = len(order) - rank + 1  # configurations, the best among them
        largest = max(largest, min(1.0, p * left * (left - 1) / 2))
        found[index] = largest
    return found


def two_sided(t: float, freedom: float) -> float:
    """Probability that Student's t is at least as far from 0: I_{ν/(ν+t²)}(ν/2, 1/2)."""
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b), a and b above 0, x in [0, 1].

    DLMF 8.17.22, the continued fraction, evaluated by Lentz's method; 8.17.4 where it converges slowly.
    """
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    tiny = 1e-300
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1), tiny)
    fraction = d
    for m in range(1, 500):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d, tiny)
            c = _not_zero(1 + term / c, tiny)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(front) * fraction / a


def _not_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny
