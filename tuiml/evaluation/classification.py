"""How well classes are predicted; every example counts 1, whatever the class weights of the training.

Sources: van Rijsbergen 1979, Information retrieval, ch. 7 (precision, recall, F); Hanley & McNeil 1982, The
meaning and use of the area under a ROC curve (as Mann and Whitney's statistic).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.evaluation.calibration import Calibration, are_probabilities, calibration
from tuiml.evaluation.intervals import Array, Interval, mean, wilson
from tuiml.evaluation.mcnemar import McNemar, split

TOP = {3: 5, 5: 10}
"""The k of top-k accuracy, and the classes from which on it tells something."""


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class against the others, or their average over the classes."""

    name: str
    precision: float
    """Of the examples predicted as it, the fraction that is; NaN where none is predicted."""
    recall: float
    """Of its examples, the fraction predicted as it; NaN where there is none."""
    f1: float
    """Their harmonic mean."""
    auc: float
    """The probability that an example of it has a higher output for it than one of another class."""
    support: int
    """Its examples."""


@dataclass(frozen=True)
class Baseline:
    """What always predicting the most frequent class comes to."""

    name: str
    accuracy: float
    mcnemar: McNemar
    """The network against it."""

    @property
    def is_beaten(self) -> bool:
        """Whether the network is better by more than chance."""
        return self.mcnemar.sure and self.mcnemar.only_first > self.mcnemar.only_second


@dataclass(frozen=True)
class Classification:
    """All figures."""

    examples: int
    accuracy: Interval
    top: tuple[tuple[int, Interval], ...]
    """k and the fraction of examples whose class has one of the k highest outputs."""
    loss: Interval
    baseline: Baseline
    classes: tuple[ClassFigures, ...]
    macro: ClassFigures
    """The mean over the classes that are there or are predicted; what is not defined counts 0."""
    weighted: ClassFigures
    """The same mean, each class weighted by its examples."""
    confusion: tuple[tuple[int, ...], ...]
    """True class × predicted class."""
    calibration: Calibration | None
    """``None`` where the outputs are no probabilities."""


def classification(
    outputs: Array, labels: Array, losses: Array, names: Sequence[str], predicted: Array | None = None
) -> Classification:
    """The figures of a network's outputs.

    Args:
        outputs: (n, classes), finite; n ≥ 1.
        labels: (n,), from 0.
        losses: (n,), one for each example.
        names: of the classes.
        predicted: (n,); default: the class of the highest output, the first of equal ones.
    """
    labels = labels.astype(np.intp)
    predicted = outputs.argmax(axis=1) if predicted is None else predicted
    count, n = len(labels), len(names)
    confusion = np.bincount(labels * n + predicted, minlength=n * n).reshape(n, n)
    support = confusion.sum(axis=1)
    most, hits = int(support.argmax()), int(np.trace(confusion))
    both = int(confusion[most, most])
    against = split(hits - both, int(support[most]) - both)
    figures = tuple(_figures(k, name, confusion, outputs, labels) for k, name in enumerate(names))
    there = [one for k, one in enumerate(figures) if support[k] or confusion[:, k].any()]
    ranks = _ranks(outputs, labels)
    return Classification(
        examples=count,
        accuracy=wilson(hits, count),
        top=tuple((k, wilson(int((ranks < k).sum()), count)) for k, least in TOP.items() if n >= least),
        loss=mean(losses),
        baseline=Baseline(names[most], float(support[most] / count), against),
        classes=figures,
        macro=_average("macro average", there, [1] * len(there)),
        weighted=_average("weighted average", there, [one.support for one in there]),
        confusion=tuple(map(tuple, confusion.tolist())),
        calibration=calibration(outputs, labels) if are_probabilities(outputs) else None,
    )


def _ranks(outputs: Array, labels: Array) -> Array:
    """How many classes are before the true one, by their outputs and, of equal ones, by their order."""
    own = outputs[np.arange(len(labels)), labels][:, None]
    before = np.arange(outputs.shape[1]) < labels[:, None]
    ranks: Array = ((outputs > own) | ((outputs == own) & before)).sum(axis=1)
    return ranks


def _figures(k: int, name: str, confusion: Array, outputs: Array, labels: Array) -> ClassFigures:
    hits, support, predicted = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
    return ClassFigures(
        name,
        precision=hits / predicted if predicted else math.nan,
        recall=hits / support if support else math.nan,
        f1=2 * hits / (support + predicted) if support + predicted else math.nan,
        auc=auc(outputs[:, k], labels == k),
        support=support,
    )


def auc(scores: Array, positive: Array) -> float:
    """The area under the ROC curve; an equal score counts ½. NaN where one of the two kinds is missing."""
    own, others = scores[positive], np.sort(scores[~positive])
    if not len(own) or not len(others):
        return math.nan
    below = np.searchsorted(others, own, "left").sum() + np.searchsorted(others, own, "right").sum()
    return float(below / 2 / len(own) / len(others))


def _average(name: str, figures: Sequence[ClassFigures], weights: Sequence[int]) -> ClassFigures:
    total = sum(weights)

    def mean_of(values: Sequence[float]) -> float:
        known = [0.0 if math.isnan(value) else value for value in values]
        return sum(w * value for w, value in zip(weights, known, strict=True)) / total if total else math.nan

    areas = [(w, one.auc) for w, one in zip(weights, figures, strict=True) if not math.isnan(one.auc)]
    below = sum(w for w, _ in areas)
    return ClassFigures(
        name,
        mean_of([one.precision for one in figures]),
        mean_of([one.recall for one in figures]),
        mean_of([one.f1 for one in figures]),
        sum(w * area for w, area in areas) / below if below else math.nan,
        sum(one.support for one in figures),
    )
