"""Looking into a past run: an engine with its newest checkpoint answers what is asked, and trains nothing."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

from tuiml.backends.choice import build
from tuiml.runs import checkpoints, library, memory_estimate
from tuiml.runs.errors import RunError
from tuiml.runs.folder import steps_in
from tuiml.runs.loading import load
from tuiml.runs.session import choose, preset_of
from tuiml.spec import network_of
from tuiml.training.events import Event
from tuiml.training.inspector import MANY, InspectionService
from tuiml.training.run_control import RunControl


def view(word: str | Path, control: RunControl, *, backend: str = "auto") -> Generator[Event]:
    """Answer what ``control`` is asked about a run, until nobody is there any more. Nothing is written.

    Raises:
        SpecError: its preset cannot be used, or this machine lacks the memory for it.
        DataError: its data is missing or damaged.
        RunError: there is no such run, or it has no sound checkpoint.
        Cancelled: nobody was there any more before the data was loaded.
    """
    chosen = choose(backend)
    folder = library.find(str(word))
    preset = preset_of(folder)
    network, training = network_of(preset), preset.training
    memory_estimate.refuse_if_short(preset, network, chosen=chosen)
    data = yield from load(preset, control)
    batches = -(-len(data.train) // training.batch_size)
    found = checkpoints.newest(folder, network, training.optimizer, batches)
    if found is None:
        raise RunError("this run has no sound checkpoint to look into")
    engine = build(chosen, network, training.optimizer, data, training.seed, training.penalties, 1)
    try:
        checkpoints.put_into(engine, found, training.optimizer)
        answers, step = InspectionService(control, network, engine, time.perf_counter), found.step
        yield from answers.asked(MANY, again=True)
        while control.wait_asked():
            if steps_in(folder)[:1] not in ([], [step]):  # another process trains it
                newer = checkpoints.newest(folder, network, training.optimizer, batches)
                if newer is not None and newer.step != step:
                    checkpoints.put_into(engine, newer, training.optimizer)
                    step = newer.step
            yield from answers.asked(MANY)
    except OSError:
        raise RunError("the run's folder is gone; it was renamed or deleted elsewhere") from None
    finally:
        engine.close()
