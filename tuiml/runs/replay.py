"""A run done again from its folder: its preset, what was changed by hand at its steps, and the same bits."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tuiml.runs import checkpoints, library, memory_estimate
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import RunError
from tuiml.runs.folder import NAME_BYTES, RunFolder, last_start, read_metrics, refuse_taken, runs_folder
from tuiml.runs.loading import load
from tuiml.runs.run import Run, cannot_write, differing
from tuiml.runs.session import choose, preset_of, shares_of
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.text import plain_text
from tuiml.training.events import Event, Replayed, Start
from tuiml.training.interventions import SETTINGS, at_first, in_force
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position, ScheduleState

Array = np.ndarray[Any, Any]
NAMED = 3
"""Arrays that are named where they differ."""


def replay(
    word: str | Path,
    *,
    name: str | None = None,
    control: RunControl | None = None,
    watched: bool = False,
) -> Generator[Event]:
    """Train a run anew up to its newest checkpoint and compare; the last event is :class:`Replayed`.

    It is done on the backend and with the threads of the run's last session, into a folder of its own. What
    was taken back by going back is left out: it left no trace in the weights.

    Args:
        word: the run's name or its folder.
        name: of the new run.

    Raises:
        SpecError: this machine lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: there is no such run, it has no sound checkpoint, or its backend is not here.
        Cancelled: it was stopped before it began.
    """
    path = library.find(str(word))
    if name is not None:
        refuse_taken(name)
    preset = preset_of(path)
    network, before = network_of(preset), last_start(path)
    chosen = choose(str(before.get("backend", "auto")))
    memory_estimate.refuse_if_short(preset, network, chosen=chosen)
    control = control or RunControl()
    data = yield from load(preset, control)
    batches = -(-len(data.train) // preset.training.batch_size)
    found = checkpoints.newest(path, network, preset.training.optimizer, batches)
    if found is None:
        raise RunError("this run has no sound checkpoint to compare with")
    where = ScheduleState(preset.training, len(data.train), False).complete(found.position)
    first = as_it_began(preset, where)
    made = Run(
        *(first, network, data, chosen, control, watched, shares_of(before)),
        script=where.changes,
        until=where.step,
    )
    folder = RunFolder.create(first, name or _free(f"{path.name[:NAME_BYTES]}-replay"))
    try:
        made.begin(folder)
    except OSError as error:
        folder.discard()
        raise cannot_write(folder, error) from None
    made.start = replace(made.start, note=f"does '{plain_text(path.name)}' again up to step {where.step:,}")
    yield from made.events()
    again = checkpoints.newest(folder.path, network, first.training.optimizer, batches)
    differs = [*_differences(found, again), *_conditions(path, made.start)]
    same = again is not None and not _differences(found, again)
    run = plain_text(path.name)
    yield Replayed(run, folder.name, where.step, len(where.changes), same, tuple(differs))


def as_it_began(preset: Preset, where: Position) -> Preset:
    """The preset that a run began with: later sessions may have lengthened it."""
    now = in_force(preset.training, [change for change in where.changes if change.what == SETTINGS])
    return preset.model_copy(update={"training": at_first(now, where.changes)})


def _free(name: str) -> str:
    names = [name, *(f"{name}-{number}" for number in range(2, 10_000))]
    return next(one for one in names if not (runs_folder() / one).exists())


def _differences(found: Checkpoint, again: Checkpoint | None) -> list[str]:
    """Where two checkpoints are not the same, in words; empty: nowhere."""
    if again is None or again.step != found.step:
        return [f"it got to step {again.step if again else 0:,}, not {found.step:,}"]
    old, new = found.tensors, again.tensors
    if set(old) != set(new):
        return ["the arrays are those of other optimizers"]
    unlike = [name for name in old if old[name].tobytes() != new[name].tobytes()]
    if not unlike:
        return []
    names = ", ".join(unlike[:NAMED]) + (" and others" if len(unlike) > NAMED else "")
    far = max(float(np.abs(old[name] - new[name]).max()) for name in unlike)
    return [f"{len(unlike)} of {len(old)} arrays, by {far:.2g} at most: {names}"]


def _conditions(path: Path, start: Start) -> list[str]:
    """What the bits depend on and was not the same in some session of the run."""
    lines: list[Mapping[str, Any]] = [
        line for line in read_metrics(path, pictures=False) if line.get("event") == "start"
    ]
    return list(dict.fromkeys(text for line in lines for text in differing(dict(line), start)))
