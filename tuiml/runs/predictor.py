"""Answers of a run's network for new examples: probabilities of classes, or numbers in the data's units."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tuiml.data.datasets import Dataset
from tuiml.data.own import image_folders, location, new_examples, new_table
from tuiml.data.own.entries import Arrays, Images, Table, format_named
from tuiml.data.own.new_examples import NewExamples
from tuiml.runs import checkpoints, library
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.preparation import PreparedRun, prepare_run
from tuiml.runs.session import preset_of
from tuiml.training.events import Event
from tuiml.training.inspections.network import InspectedNetwork
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
        self._network = InspectedNetwork(prepared.network, prepared.engine)

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
            Wrong: they cannot be read, or are not such as the run was trained on.
        """
        shape, dataset = self.dataset.shape, self.dataset
        if path.is_dir() or path.name.lower().endswith(image_folders.ENDINGS):
            return new_examples.pictures(path, shape)
        start = location.first_bytes(path, 6)
        if start[:2] == b"PK" or start == b"\x93NUMPY" or format_named(path.name) == Arrays.name:
            return new_examples.arrays(path, shape)
        if isinstance(dataset, Table):
            return new_table.read(path, dataset, dataset.facts.how)
        features = math.prod(shape)
        names = dataset.feature_names if len(dataset.feature_names) == features else ()
        return new_table.read(path, Table(path=str(path)), new_table.plan_of(features, names))

    def answer(self, examples: NewExamples) -> Answers:
        """The predictions, in the order of the examples."""
        raw = examples.inputs
        if examples.pixels and not isinstance(self.dataset, Images):
            raw = self._network.pixels(raw / 255.0)
        parts = [self._some(raw[start : start + ROWS]) for start in range(0, len(raw), ROWS)]
        return Answers(self.columns, np.concatenate(parts), self._network.regression)

    def _some(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        inputs = self._network.data.entered(raw)
        with np.errstate(all="ignore"):
            if self._network.regression:
                return self._network.numbers(inputs)
            found: NDArray[np.float64] = self._network.probabilities(inputs).T.astype(np.float64)
        return found

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
        raise RunError("this run has no sound checkpoint to predict with")
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
