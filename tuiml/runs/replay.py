"""Replays a run from its folder, with manual changes at the same steps, and compares the bits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tuiml.runs import library
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import RunError
from tuiml.runs.folder import METRICS, refuse_taken, runs_folder
from tuiml.runs.folder_names import NAME_BYTES
from tuiml.runs.last_session import last_session
from tuiml.runs.metrics import lines_having, parse
from tuiml.runs.preparation import prepare_run
from tuiml.runs.run import differing, new_run
from tuiml.runs.session import preset_of, shards_of
from tuiml.spec.preset import Preset
from tuiml.text import plain_text
from tuiml.training.events import Event, Replayed, Start
from tuiml.training.interventions import SETTINGS, at_first, in_force
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position

Array = np.ndarray[Any, Any]
NAMED = 3
"""The most arrays to name that differ."""


def replay(
    word: str | Path, *, name: str | None = None, control: RunControl | None = None, live: bool = False
) -> Generator[Event]:
    """Train a run anew up to its newest checkpoint and compare; the last event is :class:`Replayed`.

    It uses the backend and the threads of the run's last session, and a new folder. Changes that were undone
    by going back are left out: they left no trace in the weights.

    Args:
        word: the run's name or its folder.
        name: of the new run.

    Raises:
        SpecError: this machine lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: there is no such run, it has no sound checkpoint, or its backend is not available.
        Cancelled: it was stopped before it began.
    """
    path = library.find(str(word))
    if name is not None:
        refuse_taken(name)
    preset, before = preset_of(path), last_session(path).start
    control, backend = control or RunControl(rewindable=False), str(before.get("backend", "auto"))
    prepared = yield from prepare_run(preset, backend=backend, control=control, shards=shards_of(before))
    found = prepared.newest_checkpoint(path)
    if found is None:
        raise RunError("this run has no sound checkpoint to compare with")
    where = prepared.position(found)
    prepared = replace(prepared, preset=as_it_began(preset, where))
    run = plain_text(path.name)
    note = f"does '{run}' again up to step {where.step:,}"
    name = name or _free(f"{path.name[:NAME_BYTES]}-replay")
    new = new_run(prepared, control, name, live=live, note=note, script=where.changes, until=where.step)
    yield from new.events()
    differences = _differences(found, prepared.newest_checkpoint(new.folder.path))
    differs = (*differences, *_conditions(path, new.start))
    yield Replayed(run, new.folder.name, where.step, len(where.changes), not differences, differs)


def as_it_began(preset: Preset, where: Position) -> Preset:
    """The preset that a run began with, before later sessions changed it."""
    now = in_force(preset.training, [change for change in where.changes if change.what == SETTINGS])
    return preset.model_copy(update={"training": at_first(now, where.changes)})


def _free(name: str) -> str:
    names = [name, *(f"{name}-{number}" for number in range(2, 10_000))]
    return next(one for one in names if not (runs_folder() / one).exists())


def _differences(found: Checkpoint, again: Checkpoint | None) -> list[str]:
    """The differences of two checkpoints, in words."""
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
    """What the bits depend on and differed in some session of the run."""
    lines = filter(None, map(parse, lines_having(path / METRICS, b'"start"')))
    starts = (line for line in lines if line.get("event") == "start")
    return list(dict.fromkeys(text for line in starts for text in differing(line, start)))
