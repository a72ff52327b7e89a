"""Answers inspection requests about a past run, with its newest checkpoint; trains and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

from tuiml.runs import library
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import RunError
from tuiml.runs.folder import steps_in
from tuiml.runs.preparation import PreparedRun, prepare_run
from tuiml.runs.session import preset_of
from tuiml.training.events import Event, Snapshot
from tuiml.training.inspector import MANY, InspectionService
from tuiml.training.run_control import RunControl
from tuiml.training.snapshot_maker import SnapshotMaker


def view(
    word: str | Path, control: RunControl, *, backend: str = "auto", statistics: bool = False
) -> Generator[Event]:
    """Answer the requests of ``control`` about a run until it says that no more will come.

    Args:
        statistics: first of all a snapshot of its layers, whose newest in the run's file is older.

    Raises:
        SpecError: its preset cannot be used, or this machine lacks the memory for it.
        DataError: its data is missing or damaged.
        RunError: there is no such run, or it has no sound checkpoint.
        Cancelled: it was stopped before the data was loaded.
    """
    folder = library.find(str(word))
    prepared = yield from prepare_run(preset_of(folder), backend=backend, control=control, shards=1)
    try:
        found = prepared.newest_checkpoint(folder)
        if found is None:
            raise RunError("this run has no sound checkpoint to look into")
        prepared.load(found)
        network, data, step = prepared.network, prepared.preset.data, found.step
        inspection = InspectionService(control, network, prepared.engine, time.perf_counter, data)
        if statistics:
            yield _snapshot(prepared, found, control)
        yield from inspection.answer_new(MANY, again=True)
        while control.wait_for_request():
            if steps_in(folder)[:1] not in ([], [step]):  # another process trains it
                newer = prepared.newest_checkpoint(folder)
                if newer is not None and newer.step != step:
                    prepared.load(newer)
                    step = newer.step
            yield from inspection.answer_new(MANY)
    except OSError:
        raise RunError("the run's folder is gone; it was renamed or deleted elsewhere") from None
    finally:
        prepared.engine.close()


def _snapshot(prepared: PreparedRun, found: Checkpoint, control: RunControl) -> Snapshot:
    """The layers as they are in the checkpoint that was loaded."""
    at = prepared.position(found)
    maker = SnapshotMaker(prepared.network, prepared.engine, control, time.perf_counter)
    return maker.current(max(1, at.epoch - (at.batch == 0)))
