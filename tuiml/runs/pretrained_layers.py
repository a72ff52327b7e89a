"""Layers that are pretrained already, kept in the run's folder until training begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.nn.optimizers import SGD
from tuiml.runs import checkpoints
from tuiml.runs.errors import CheckpointError
from tuiml.runs.folder import PRETRAINED, RunFolder
from tuiml.spec import pretraining
from tuiml.spec.preset import Preset
from tuiml.training.pretraining import Pretrainer
from tuiml.training.run_control import RunControl
from tuiml.training.trainer import Trainer

DONE = "layers_done"


class Kept:
    """Writes the layers that are done, once for each: a layer that was cut off begins anew."""

    def __init__(self, folder: RunFolder, trainer: Trainer, details: Mapping[str, Any]) -> None:
        self._path = folder.path / PRETRAINED
        self._trainer = trainer
        self._details = details
        self._done = 0
        self._there = True
        """Whether the file may be there."""

    def lacks(self, pretrainer: Pretrainer) -> bool:
        """Whether there is something to keep."""
        return pretrainer.layers_done > self._done

    def keep(self, pretrainer: Pretrainer) -> None:
        """Write what was not written yet.

        Raises:
            OSError: it could not be written; the layers kept before are as they were.
        """
        done = pretrainer.layers_done
        if self.lacks(pretrainer):
            tensors = {**self._trainer.engine.tensors(), **pretrainer.tensors()}
            details = {**self._details, DONE: done}
            # No optimizer has any arrays yet, whichever was chosen by hand meanwhile.
            where = replace(self._trainer.position, changes=(), interventions=0)
            checkpoints.write(self._path, tensors, 0, where, details)
            self._done = done

    def forget(self) -> None:
        """Training has a checkpoint of its own now."""
        if self._there:
            self._path.unlink(missing_ok=True)
            self._there = False


def take_up(folder: Path, preset: Preset, network: Network, data: Data, control: RunControl) -> Pretrainer:
    """Pretraining from the first layer that is not kept, or from the start: the same bits either way."""
    try:
        found = checkpoints.load(folder / PRETRAINED, network, SGD())  # SGD: it adds no arrays of its own
    except CheckpointError:
        return Pretrainer(preset, network, data, control)
    done = found.details.get(DONE)
    if not isinstance(done, int) or not 0 <= done <= len(pretraining.nodes(network)):
        done = 0
    return Pretrainer(preset, network, data, control, done=found.tensors, layers_done=done)
