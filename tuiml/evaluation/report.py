"""All figures of an evaluation, and of two runs on the same examples."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tuiml.evaluation.answers import Evaluated
from tuiml.evaluation.classification import Classification, classification
from tuiml.evaluation.comparison import (
    Difference,
    accuracy_difference,
    mean_difference,
    regression_differences,
)
from tuiml.evaluation.intervals import LEVEL, RESAMPLES, SEED
from tuiml.evaluation.mcnemar import McNemar, mcnemar
from tuiml.evaluation.regression import Regression, regression
from tuiml.runs.errors import RunError

Figures = Classification | Regression


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same examples."""

    examples: int
    mcnemar: McNemar | None
    """``None`` of a regression."""
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def figures(found: Evaluated) -> Figures:
    """The figures of a run."""
    if found.regression:
        return regression(found.outputs, found.labels, found.losses, found.columns, found.scale)
    return classification(found.outputs, found.labels, found.losses, found.columns)


def compare(first: Evaluated, second: Evaluated) -> Comparison:
    """Whether two runs differ by more than chance.

    Raises:
        RunError: they do not predict the same, or were not evaluated on the same examples.
    """
    _refuse_others(first, second)
    notes = []
    if first.names != second.names:
        both = set(first.names) & set(second.names)
        if not both:
            raise RunError("there is no example that both runs can be evaluated on")
        first, second = _only(first, both), _only(second, both)
        notes.append(f"the runs are compared on the {len(both):,} examples that both can be evaluated on")
    if not np.array_equal(first.labels, second.labels):
        raise RunError(f"{first.run} and {second.run} predict other columns: they cannot be compared")
    test, differences = None, []
    if not first.regression:
        test = mcnemar(first.correct, second.correct)
        differences.append(accuracy_difference(first.correct, second.correct))
    if first.loss != second.loss:
        notes.append(f"losses are not compared: one is {first.loss.name}, the other {second.loss.name}")
        notes[-1] += " with other options" * (first.loss.name == second.loss.name)
    elif not np.array_equal(first.scale, second.scale):
        notes.append("losses are not compared: the targets were scaled differently for training")
    else:
        differences.append(mean_difference("loss", first.losses, second.losses))
    if first.regression:
        differences += regression_differences(first.outputs, second.outputs, first.labels, first.columns)
    return Comparison(len(first.labels), test, tuple(differences), tuple(notes))


def _refuse_others(first: Evaluated, second: Evaluated) -> None:
    """Refuse runs that cannot be compared."""
    if first.regression != second.regression:
        classes, numbers = (first, second) if second.regression else (second, first)
        raise RunError(f"{classes.run} predicts classes and {numbers.run} numbers: they cannot be compared")
    if first.columns != second.columns:
        kind = "numbers" if first.regression else "classes"
        raise RunError(f"{first.run} and {second.run} predict other {kind}: they cannot be compared")
    if len(first.inputs) and not _same_examples(first, second):
        text = "other data, or another draw of it, so they have other test examples"
        raise RunError(f"{first.run} and {second.run} have {text}: give a FILE with labels")


def _same_examples(first: Evaluated, second: Evaluated) -> bool:
    if first.examples != second.examples or not np.array_equal(first.labels, second.labels):
        return False
    if first.source and first.source == second.source:
        return True  # drawn with the file's own seed; columns may be left out, or scaled otherwise
    return np.array_equal(first.inputs, second.inputs)


def _only(found: Evaluated, names: Collection[int | str]) -> Evaluated:
    """The answers for the examples of these names."""
    rows = [at for at, name in enumerate(found.names) if name in names]
    return replace(
        found,
        names=tuple(found.names[at] for at in rows),
        labels=found.labels[rows],
        outputs=found.outputs[rows],
        losses=found.losses[rows],
    )


# -- as data ----------------------------------------------------------------------------------------------


def evaluation_data(found: Evaluated, all_figures: Figures) -> dict[str, Any]:
    """An evaluation as plain data; intervals are a value with its low and high end."""
    data = {
        "run": found.run,
        "checkpoint": found.checkpoint,
        "evaluated": found.examples,
        "target": "regression" if found.regression else "classes",
        "unseen": found.unseen,
        "level": LEVEL,
        "bootstrap": {"method": "BCa", "resamples": RESAMPLES, "seed": SEED},
        "loss_name": found.loss.name,
        **asdict(all_figures),
        "notes": list(found.notes),
    }
    if isinstance(all_figures, Classification):
        data["top"] = {str(k): asdict(interval) for k, interval in all_figures.top}
    return data
