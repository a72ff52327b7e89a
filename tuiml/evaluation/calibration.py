"""Whether predicted probabilities are those with which the network is right.

Sources: Guo, Pleiss, Sun & Weinberger 2017, On calibration of modern neural networks, eq. 2 to 5 (reliability
bins, expected calibration error); Brier 1950, Verification of forecasts expressed in terms of probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.intervals import Array, Interval, wilson

BINS = 10
SUMS_TO_ONE = 1e-3
"""How far the probabilities of an example may be from 1 in all."""


@dataclass(frozen=True)
class Bin:
    """The examples whose confidence (the probability of the predicted class) is above low, up to high."""

    low: float
    high: float
    examples: int
    confidence: float
    """Their mean confidence; NaN where there are none."""
    accuracy: Interval


@dataclass(frozen=True)
class Calibration:
    """Reliability bins, and what they come to."""

    bins: tuple[Bin, ...]
    ece: float
    """Expected calibration error: the mean of a bin's |accuracy - confidence|, weighted by its examples."""
    brier: float
    """The mean of Σ (p - o)² over the classes, where o is 1 at the label: from 0 to 2."""
    overconfidence: float
    """Mean confidence - accuracy."""


def are_probabilities(outputs: Array) -> bool:
    """Whether each example's outputs, (n, classes), are fractions that sum to 1."""
    inside = bool(((outputs >= 0) & (outputs <= 1 + SUMS_TO_ONE)).all())
    return inside and bool((np.abs(outputs.sum(axis=1) - 1) <= SUMS_TO_ONE).all())


def calibration(probabilities: Array, labels: Array, bins: int = BINS) -> Calibration:
    """The calibration of the predicted classes.

    Args:
        probabilities: (n, classes), n ≥ 1.
        labels: (n,), from 0.
        bins: of equal width, from 0 to 1.
    """
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = predicted == labels
    edges = np.linspace(0, 1, bins + 1)
    places = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    hits = np.bincount(places, correct, bins)
    sums = np.bincount(places, confidence, bins)
    found = [
        Bin(low, high, n, total / n if n else float("nan"), wilson(round(right), n))
        for low, high, n, total, right in zip(
            edges[:-1].tolist(),
            edges[1:].tolist(),
            counts.tolist(),
            sums.tolist(),
            hits.tolist(),
            strict=True,
        )
    ]
    p = probabilities.astype(np.float64)
    brier = ((p * p).sum(axis=1) - 2 * p[np.arange(len(p)), labels] + 1).mean()
    ece = float(np.abs(hits - sums).sum() / len(p))
    return Calibration(tuple(found), ece, float(brier), float(confidence.mean() - correct.mean()))
