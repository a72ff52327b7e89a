"""Where a resumed run continues: finds its newest checkpoint, settles its settings and cuts its metrics."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuiml.runs import checkpoint_recovery, checkpoints, pretrained_layers
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import PRESET, RunFolder
from tuiml.runs.last_session import Session
from tuiml.runs.preparation import PreparedRun
from tuiml.runs.run import StartingPoint, cannot_write
from tuiml.spec.preset import Preset, Training
from tuiml.training.interventions import SETTINGS, Change, between, in_force
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position


def resume_point(
    prepared: PreparedRun,
    folder: RunFolder,
    control: RunControl,
    old: Preset,
    asked: Collection[str],
    last: Session,
    restored_from: str = "",
) -> tuple[PreparedRun, StartingPoint]:
    """The run with the settings in force, and its newest sound checkpoint (or its start) to continue from.

    The engine gets the checkpoint's state, and metrics of later steps are removed.

    Args:
        old: the preset in the folder; the prepared run's may differ from it in the settings ``asked``.
        last: the session before this one.
        restored_from: the checkpoint that ``old`` is from if the preset's own file was lost.

    Raises:
        RunError: all its epochs are done, or its folder cannot be written.
    """
    survey = checkpoint_recovery.survey(folder.path, prepared)
    found = survey.newest
    point = StartingPoint(survey.identity, spared=survey.spared, last=last.start)
    mended = checkpoint_recovery.mend_initial(folder.path, prepared, survey)
    if found:
        prepared, point = _from_checkpoint(prepared, folder, point, found, old, asked, last.ended)
    elif prepared.preset.pretraining is not None:
        point = replace(point, pretrainer=pretrained_layers.take_up(folder.path, prepared, control))
    position = point.position or Position()
    layers = point.pretrainer.layers_done if point.pretrainer else math.inf
    try:
        step, size = (found.step, found.metrics) if found else (0, None)
        folder.rewind(step, position.epoch, layers, known=size, interventions=position.interventions)
        if point.change is None and (restored_from or prepared.preset != old):
            folder.write_preset(prepared.preset)
    except OSError as error:
        raise cannot_write(folder, error) from None
    anew = f"{PRESET} was lost or damaged and is written anew from {restored_from}" if restored_from else ""
    return prepared, replace(point, note="; ".join(filter(None, (anew, survey.note, mended))))


def _from_checkpoint(
    prepared: PreparedRun,
    folder: RunFolder,
    point: StartingPoint,
    found: Checkpoint,
    old: Preset,
    asked: Collection[str],
    ended: bool,
) -> tuple[PreparedRun, StartingPoint]:
    """The run with the settings in force, and its starting point, from a checkpoint."""
    position = prepared.position(found)
    training, change = _settle(old.training, prepared.preset.training, position, asked)
    prepared = replace(prepared, preset=prepared.preset.model_copy(update={"training": training}))
    if position.epoch > training.epochs and ended:
        text = f"the {training.epochs} epochs of '{folder.name}' are done; lengthen it with"
        raise RunError(f"{text} --set training.epochs={training.epochs + 10}")
    sound, best = _load(prepared, folder.path, found, position)
    return prepared, replace(point, position=position, best=best, sound=sound, change=change)


def _settle(
    old: Training, new: Training, position: Position, asked: Collection[str]
) -> tuple[Training, Change | None]:
    """The settings in force from a checkpoint on, and the change to record.

    A session that was cut off may have changed the checkpoint's settings, but not yet the folder's preset.
    """
    before = in_force(old, [change for change in position.changes if change.what == SETTINGS])
    after = before.model_copy(update={name: getattr(new, name) for name in asked})
    return after, between(position.step, before, after, asked)


def _load(prepared: PreparedRun, folder: Path, found: Checkpoint, where: Position) -> tuple[list[int], Any]:
    """Load a checkpoint; the steps of the sound ones, and the best epoch's state if the run may need it."""
    best = where.best_step
    other = _checkpoint(prepared, folder, best) if best not in (0, found.step) else None
    state = None
    if prepared.preset.training.early_stopping.restores() and (other or best == found.step):
        prepared.load(other or found)
        state = prepared.engine.snapshot()
    prepared.load(found)
    return [found.step, *([best] if other else [])], state


def _checkpoint(prepared: PreparedRun, folder: Path, step: int) -> Checkpoint | None:
    """The checkpoint of a step, if it exists and is sound."""
    path = checkpoints.path_of(folder, step)
    try:
        return checkpoints.load(path, prepared.network, prepared.preset.training.optimizer)
    except CheckpointError:
        return None
