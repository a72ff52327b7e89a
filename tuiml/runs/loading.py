"""Loads the data of a run, with progress, and so that it can be stopped."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator

from tuiml.data import prepare
from tuiml.data.arrays import Data
from tuiml.runs.errors import Cancelled
from tuiml.spec.preset import Preset
from tuiml.training.events import Loading
from tuiml.training.run_control import RunControl


def load(preset: Preset, control: RunControl) -> Generator[Loading, None, Data]:
    """Load a preset's data in a thread; yields how far a download is and returns the data.

    Raises:
        DataError: it is missing or damaged.
        Cancelled: the run was stopped meanwhile.
    """
    loaded: queue.SimpleQueue[Loading | Data | BaseException] = queue.SimpleQueue()

    def progress(name: str, done: int, total: int) -> None:
        if control.stopped:
            raise Cancelled("stopped while the data was loading; nothing was written")
        loaded.put(Loading(name, done, total))

    def read() -> None:
        try:
            loaded.put(prepare.load(preset.data, preset.training.seed, progress))
        except BaseException as error:  # raised again where it is waited for
            loaded.put(error)

    threading.Thread(target=read, name="loader", daemon=True).start()
    latest = -1.0
    while True:
        try:
            found = loaded.get(timeout=0.1)
        except queue.Empty:
            found = None
        if control.stopped:
            raise Cancelled("stopped while the data was loading; nothing was written")
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, Loading):
            now = time.monotonic()
            if now - latest >= 0.1 or found.done == found.total:
                latest = now
                yield found
        elif found is not None:
            return found
