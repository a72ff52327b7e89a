"""The file of pretrained layers, which a run's folder has until training begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuiml.nn.optimizers import SGD
from tuiml.runs import checkpoints
from tuiml.runs.errors import CheckpointError
from tuiml.runs.folder import PRETRAINED, RunFolder
from tuiml.runs.preparation import PreparedRun
from tuiml.spec import pretraining
from tuiml.training.pretraining import Pretrainer
from tuiml.training.run_control import RunControl
from tuiml.training.trainer import Trainer

DONE = "layers_done"


class PretrainedLayers:
    """Writes layers when they are done; a layer that was cut off is pretrained anew."""

    def __init__(self, folder: RunFolder, trainer: Trainer, details: Mapping[str, Any]) -> None:
        self._folder = folder
        self._trainer = trainer
        self._details = details
        self._done = 0
        self._exists = True
        """True if the file may exist."""

    def lacks(self, pretrainer: Pretrainer) -> bool:
        """True if there are layers to write."""
        return pretrainer.layers_done > self._done

    def save(self, pretrainer: Pretrainer) -> None:
        """Write the layers that are not written yet.

        Raises:
            OSError: it could not be written; the file is as it was.
        """
        done = pretrainer.layers_done
        if self.lacks(pretrainer):
            tensors = {**self._trainer.engine.tensors(), **pretrainer.tensors()}
            details = {**self._details, DONE: done}
            # No optimizer has any arrays yet, whichever was chosen meanwhile.
            where = replace(self._trainer.state.position, changes=(), interventions=0)
            checkpoints.write(self._folder.path / PRETRAINED, tensors, 0, where, details)
            self._done = done

    def remove(self) -> None:
        """Remove the file: there is a checkpoint now."""
        if self._exists:
            (self._folder.path / PRETRAINED).unlink(missing_ok=True)
            self._exists = False


def take_up(folder: Path, prepared: PreparedRun, control: RunControl) -> Pretrainer:
    """Pretraining from the first layer that is not in the file; the bits are the same as from the start."""
    preset, network, data = prepared.preset, prepared.network, prepared.data
    try:
        found = checkpoints.load(folder / PRETRAINED, network, SGD())  # SGD: it adds no arrays of its own
    except CheckpointError:
        return Pretrainer(preset, network, data, control)
    done = found.details.get(DONE)
    if not isinstance(done, int) or not 0 <= done <= len(pretraining.nodes(network)):
        done = 0
    return Pretrainer(preset, network, data, control, done=found.tensors, layers_done=done)
