"""Answers of a run's network for new examples: probabilities of classes, or numbers in the data's units."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tuiml.backends.engine import as_part
from tuiml.data.arrays import Part
from tuiml.data.datasets import Dataset
from tuiml.data.own import new_examples, new_labels, new_range, new_table
from tuiml.data.own.entries import Arrays, Idx, Images, Table
from tuiml.data.own.new_examples import NewExamples
from tuiml.runs import checkpoints, library
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.preparation import PreparedRun, prepare_run
from tuiml.runs.session import preset_of
from tuiml.training.events import Event
from tuiml.training.inspections.network import InspectedNetwork, clipped
from tuiml.training.run_control import RunControl

Which = Literal["newest", "best"]
ROWS = 4096
"""Examples evaluated at a time."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The predictions for some examples."""

    columns: tuple[str, ...]
    """The names of the classes, or of the numbers that are predicted."""
    values: NDArray[np.float64]
    """(n, columns): each class's probability, or the numbers in the units of the data."""
    regression: bool

    def predicted(self) -> tuple[str, ...]:
        """The most probable class of each example; none of a regression."""
        if self.regression:
            return ()
        return tuple(self.columns[best] for best in self.values.argmax(axis=1))


class Predictor:
    """A run's network with the weights of one of its checkpoints, and the scaling of its data."""

    def __init__(self, prepared: PreparedRun, step: int, said: str) -> None:
        self.prepared, self.step = prepared, step
        self.said = said
        """Which checkpoint it is, in words."""
        self._network = InspectedNetwork(prepared.network, prepared.engine, prepared.preset.data)

    @property
    def dataset(self) -> Dataset:
        """What the run was trained on."""
        return self.prepared.preset.data

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the classes, or of the numbers that are predicted."""
        if not self._network.regression:
            return self.dataset.classes
        if self.dataset.target_names:
            return self.dataset.target_names
        outputs = self._network.outputs
        return ("prediction",) if outputs == 1 else tuple(f"output {k + 1}" for k in range(outputs))

    def read(self, path: Path) -> NewExamples:
        """The examples in a file, or a folder of images.

        Raises:
            DataError: they cannot be read, or are not such as the run was trained on.
        """
        dataset, kind = self.dataset, new_examples.kind_of(path)
        if kind == Table.name:
            return self.in_its_units(new_table.read(path, dataset))
        readers = {
            Images.name: new_examples.pictures,
            Arrays.name: new_examples.arrays,
            Idx.name: new_examples.idx_file,
        }
        return self.in_its_units(readers[kind](path, dataset.shape))

    def in_its_units(self, examples: NewExamples) -> NewExamples:
        """The examples with pixels scaled as those that the run was trained on, which a note says.

        Raises:
            DataError: they are no such pixels.
        """
        return new_range.in_units_of(self.prepared.data, self.dataset.top, examples)

    def read_labelled(self, path: Path) -> NewExamples:
        """The examples that have a label in a file, or in a folder of IDX files or of folders of images.

        Raises:
            DataError: as :meth:`read`, or none has a label.
        """
        dataset, texts = self.dataset, None
        if isinstance(dataset, Table):
            texts = dataset.facts.how.classes
        elif isinstance(dataset, Arrays):
            texts = new_labels.texts_of(dataset.facts.how.coding)
        regression = self._network.regression
        targets = new_labels.Targets(dataset.classes, self._network.outputs if regression else 1, texts)
        return self.in_its_units(new_labels.read(path, dataset, targets))

    def answer(self, examples: NewExamples) -> Answers:
        """The predictions, in the order of the examples."""
        raw = self._raw(examples)
        parts = [self._network.answers(raw[start : start + ROWS]) for start in range(0, len(raw), ROWS)]
        return Answers(self.columns, np.concatenate(parts), self._network.regression)

    def part_of(self, examples: NewExamples) -> Part:
        """Examples with labels as the engine takes them; those of an unknown class are left out."""
        data, raw, labels = self.prepared.data, self._raw(examples), examples.labels
        assert labels is not None, "they were read without labels"
        if self._network.regression:
            targets = (labels.astype(np.float32) - data.target_shift) * data.target_scale
        else:
            raw, labels = raw[labels >= 0], labels[labels >= 0]
            targets = labels.astype(data.train.labels.dtype)
        return Part(as_part(data.entered(raw), data.train).inputs, targets)

    def evaluate(self, part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each example's outputs and its loss, (n,), without class weights and penalties.

        Outputs are those of the last layer, (n, classes), or numbers in the units of the data.
        """
        with np.errstate(all="ignore"):
            found, losses = self.prepared.engine.evaluate_each(part)
            outputs = found.T.astype(np.float64)
            if self._network.regression:
                outputs = clipped(self.prepared.data.original(found.T))
            elif outputs.shape[1] == 1:
                outputs = np.concatenate([1.0 - outputs, outputs], axis=1)
        return outputs, losses.astype(np.float64)

    def _raw(self, examples: NewExamples) -> NDArray[Any]:
        """Inputs as the data set has them."""
        if examples.pixels and not isinstance(self.dataset, Images):
            return self._network.pixels(examples.inputs / 255.0)
        return examples.inputs

    @property
    def network(self) -> InspectedNetwork:
        """What inspections of these weights are computed from."""
        return self._network

    def close(self) -> None:
        """Free the engine."""
        self.prepared.engine.close()


def open_run(
    word: str | Path, *, which: Which = "newest", backend: str = "auto", control: RunControl
) -> Generator[Event, None, Predictor]:
    """Prepare the network of a run with the weights of a checkpoint; yields how far a download is.

    Raises:
        SpecError, DataError, Cancelled: as :func:`~tuiml.runs.preparation.prepare_run`.
        RunError: there is no such run, or it has no such checkpoint.
    """
    folder = library.find(str(word))
    prepared = yield from prepare_run(preset_of(folder), backend=backend, control=control, shards=1)
    try:
        found, said = _checkpoint(folder, prepared, which)
        prepared.load(found)
    except BaseException:
        prepared.engine.close()
        raise
    return Predictor(prepared, found.step, f"{folder.name}, {said}")


def _checkpoint(folder: Path, prepared: PreparedRun, which: Which) -> tuple[Checkpoint, str]:
    newest = prepared.newest_checkpoint(folder)
    if newest is None:
        raise RunError("this run has no sound checkpoint: there are no weights to use")
    best = prepared.position(newest).best_step
    if which == "newest" or best == newest.step:
        if best == newest.step:
            return newest, f"step {newest.step:,} (the newest checkpoint, and the best)"
        other = f"; the best is of step {best:,}" if best > 0 else ""
        return newest, f"step {newest.step:,} (the newest checkpoint{other})"
    if best <= 0:
        raise RunError("this run has no best epoch yet: use --checkpoint newest")
    try:
        found = checkpoints.load_of(
            folder, best, prepared.network, prepared.preset.training.optimizer, prepared.batches
        )
    except CheckpointError as error:
        raise RunError(f"the best checkpoint cannot be used: {error}", code=1) from None
    return found, f"step {best:,} (the best by its epochs; the newest is of step {newest.step:,})"
