"""How well numbers are predicted: R², mean absolute error and root mean squared error, in the data's units.

R² is 1 - Σ(y - ŷ)² / Σ(y - ȳ)² over the examples: 1 at best, 0 for always the mean (Wright 1921). Intervals
are BCa bootstrap intervals, see :mod:`.intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.intervals import Array, Interval, bootstrap, mean

FIGURES = 4
"""Of each target."""


@dataclass(frozen=True)
class TargetFigures:
    """The figures of one target column."""

    name: str
    r2: Interval
    """NaN where all targets are equal."""
    mae: Interval
    rmse: Interval
    bias: Interval
    """The mean of prediction - target."""


@dataclass(frozen=True)
class Regression:
    """All figures."""

    examples: int
    loss: Interval
    targets: tuple[TargetFigures, ...]
    r2: Interval
    """Of all targets together: their squared errors and variances are summed, as the loss sees them."""


def regression(
    predictions: Array, targets: Array, losses: Array, names: Sequence[str], scale: Array
) -> Regression:
    """The figures of a network's predictions.

    Args:
        predictions, targets: (n, targets), finite, in the units of the data; n ≥ 1.
        losses: (n,), one for each example.
        names: of the targets.
        scale: (targets,), what a target is multiplied by for training.
    """
    found = iter(bootstrap(columns_of(predictions, targets), figures_of))
    each = tuple(TargetFigures(name, *(next(found) for _ in range(FIGURES))) for name in names)
    r2 = each[0].r2 if len(names) == 1 else _together(predictions, targets, scale)
    return Regression(len(targets), mean(losses), each, r2)


def columns_of(predictions: Array, targets: Array) -> Array:
    """The columns whose means tell :func:`figures_of`, (n, 5 · targets)."""
    errors = predictions - targets
    middle = targets - targets.mean(axis=0)  # else the difference of the means below would have no digits
    found = np.stack([errors, np.abs(errors), errors * errors, middle, middle * middle], axis=2)
    return found.reshape(len(errors), -1)


def figures_of(means: Array) -> Array:
    """R², mean absolute error, root mean squared error and bias of each target, (…, 4 · targets)."""
    each = means.reshape(*means.shape[:-1], -1, 5)
    bias, absolute, squared, middle, spread = (each[..., k] for k in range(5))
    found = np.stack([_r2(squared, spread - middle * middle), absolute, np.sqrt(squared), bias], axis=-1)
    return found.reshape(*means.shape[:-1], -1)


def _together(predictions: Array, targets: Array, scale: Array) -> Interval:
    errors, middle = (predictions - targets) * scale, (targets - targets.mean(axis=0)) * scale
    columns = np.column_stack([(errors * errors).sum(axis=1), (middle * middle).sum(axis=1), middle])
    return bootstrap(columns, _r2_together)[0]


def _r2_together(means: Array) -> Array:
    return _r2(means[..., :1], means[..., 1:2] - (means[..., 2:] ** 2).sum(axis=-1, keepdims=True))


def _r2(squared: Array, variance: Array) -> Array:
    """NaN where the targets do not vary."""
    found: Array = np.where(variance > 0, 1 - squared / np.where(variance > 0, variance, 1), np.nan)
    return found
