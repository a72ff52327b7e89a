"""Answers inspection requests about a past run, with its newest checkpoint; trains and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

from tuiml.runs import library
from tuiml.runs.errors import RunError
from tuiml.runs.folder import steps_in
from tuiml.runs.preparation import prepare_run
from tuiml.runs.session import preset_of
from tuiml.training.events import Event
from tuiml.training.inspector import MANY, InspectionService
from tuiml.training.run_control import RunControl


def view(word: str | Path, control: RunControl, *, backend: str = "auto") -> Generator[Event]:
    """Answer the requests of ``control`` about a run until it says that no more will come.

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
        inspection, step = (
            InspectionService(control, prepared.network, prepared.engine, time.perf_counter),
            found.step,
        )
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
