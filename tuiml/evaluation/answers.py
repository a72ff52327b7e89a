"""What a run's network answers for examples whose labels are known: those of its data, or of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.arrays import Part
from tuiml.data.datasets import Own
from tuiml.nn.losses import Loss
from tuiml.runs.errors import RunError
from tuiml.runs.predictor import Predictor
from tuiml.text import plain_text

Array = NDArray[Any]
_COMPARED = 50_000_000
"""Values up to which examples are looked up among those that a run was trained on."""


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Outputs of a network for labelled examples."""

    run: str
    checkpoint: str
    """Which weights, in words."""
    examples: str
    """Which examples, in words: ``test part``, or the name of a file."""
    kind: str
    """What the names are: ``row``, ``example`` or ``file``."""
    names: tuple[int | str, ...]
    columns: tuple[str, ...]
    """Names of the classes, or of the numbers that are predicted."""
    regression: bool
    labels: Array
    """(n,) classes from 0; or (n, outputs) numbers in the units of the data."""
    outputs: Array
    """(n, classes), finite; or (n, outputs) predictions in the units of the data."""
    losses: Array
    """(n,), without class weights and penalties."""
    loss: Loss
    scale: Array
    """(outputs,) of a regression: what a number is multiplied by for training; else empty."""
    notes: tuple[str, ...]
    unseen: int = 0
    """Examples left out because training never had their class."""
    inputs: Array = field(default_factory=lambda: np.empty(0))
    """(n, features) of the run's own data, else empty: what two runs are compared by."""
    source: str = ""
    """The file that a test part is from, which is the same for every seed; else empty."""

    @property
    def predicted(self) -> Array:
        """The class of the highest output, (n,)."""
        found: Array = self.outputs.argmax(axis=1)
        return found

    @property
    def correct(self) -> Array:
        """Whether it is the label, (n,)."""
        found: Array = self.predicted == self.labels
        return found


def of_own_part(predictor: Predictor, run: str) -> Evaluated:
    """The answers for the run's test part, or its validation part if it has none.

    Raises:
        RunError: it has neither.
    """
    data, dataset = predictor.prepared.data, predictor.dataset
    name, part, notes = "test part", data.test, []
    if not len(part):
        name, part = "validation part", data.validation
        notes.append("the run has no test part: the validation part is evaluated, which chose the best epoch")
    if not len(part):
        raise RunError("this run has neither a test nor a validation part: give a FILE with labels")
    regression = data.target == "regression"
    labels = data.original(part.labels).astype(np.float64) if regression else part.labels.astype(np.int64)
    source = str(dataset.path) if isinstance(dataset, Own) and name == "test part" else ""
    names = tuple(range(len(part)))
    return _evaluated(
        *(predictor, run, name, "example", names, labels, part, notes),
        inputs=data.raw(part.inputs),
        source=source,
    )


def of_file(predictor: Predictor, run: str, path: Path) -> Evaluated:
    """The answers for the labelled examples of a file, or a folder of images.

    Raises:
        DataError: as :meth:`~tuiml.runs.predictor.Predictor.read_labelled`.
    """
    examples = predictor.read_labelled(path)
    assert examples.labels is not None
    labels, names, notes = examples.labels, examples.names, list(examples.notes)
    part, unseen = predictor.part_of(examples), 0
    if predictor.prepared.data.target == "classes":
        unseen = int((labels < 0).sum())
        names = tuple(name for name, code in zip(names, labels.tolist(), strict=True) if code >= 0)
        labels = labels[labels >= 0]
    trained = _trained_on(predictor, part)
    if trained:
        notes.append(f"{trained:,} of the {len(part):,} examples are among those that it was trained on")
    title = plain_text(path.name)[:80]
    return _evaluated(predictor, run, title, examples.kind, names, labels, part, notes, unseen=unseen)


def _evaluated(
    predictor: Predictor,
    run: str,
    title: str,
    kind: str,
    names: tuple[int | str, ...],
    labels: Array,
    part: Part,
    notes: list[str],
    **more: Any,
) -> Evaluated:
    data = predictor.prepared.data
    regression = data.target == "regression"
    outputs, losses = predictor.evaluate(part)
    odd = int((~np.isfinite(outputs).all(axis=1)).sum())
    if odd:
        notes.append(f"of {odd:,} examples the outputs are not finite")
    if not regression:
        outputs = np.nan_to_num(outputs, nan=0.0)
    loss = predictor.prepared.preset.training.loss
    scale = data.target_scale.astype(np.float64)
    rest = (predictor.columns, regression, labels, outputs, losses, loss, scale, tuple(notes))
    return Evaluated(run, predictor.said, title, kind, names, *rest, **more)


def _trained_on(predictor: Predictor, part: Part) -> int:
    """How many of the examples have the inputs of one of the training part."""
    train = predictor.prepared.data.train
    if train.inputs.size + part.inputs.size > _COMPARED:
        return 0
    known = {row.tobytes() for row in train.inputs}
    return sum(row.tobytes() in known for row in part.inputs)
