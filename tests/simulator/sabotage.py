"""Faults to plant in tuiml, each of a kind that the simulator must find."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuiml import files
from tuiml.runs import checkpoints, folder, metrics, run_recorder
from tuiml.studies import folder as study_folder
from tuiml.studies import pool, run
from tuiml.studies.worker import DONE
from tuiml.training.events import Epoch
from tuiml.tui.model import settings


@contextlib.contextmanager
def _without_sync() -> Any:
    """Nothing is made durable meanwhile."""
    fsync, os.fsync = os.fsync, lambda handle: None
    try:
        yield
    finally:
        os.fsync = fsync


def no_sync() -> None:
    """A file is renamed to its place without being synced: a power cut may leave it empty."""
    replacing = files.replacing

    @contextlib.contextmanager
    def careless(path: Path) -> Any:
        with _without_sync(), replacing(path) as found:
            yield found

    files.replacing = careless


def no_folder_sync() -> None:
    """The new name is not made durable: after a power cut the old file may be there."""
    files.sync_folder = lambda folder: None


def rename_first() -> None:
    """The new file gets its name before its bytes are written."""

    @contextlib.contextmanager
    def early(path: Path) -> Any:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        os.replace(name, path)
        try:
            yield handle, path
            os.fsync(handle)
        finally:
            os.close(handle)

    files.replacing = early


def no_lock() -> None:
    """The folder's lock is not taken."""
    folder.hold = lambda path, kind="run": os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def dropped_event() -> None:
    """The line of every third epoch is not written."""
    record, seen = run_recorder.Recorder.record, [0]

    def forgetful(self: Any, event: Any) -> None:
        seen[0] += isinstance(event, Epoch)
        if not isinstance(event, Epoch) or seen[0] % 3:
            record(self, event)

    run_recorder.Recorder.record = forgetful  # type: ignore[method-assign]  # the planted fault


def torn_lines() -> None:
    """A line is written after an incomplete one."""
    cut = metrics.Metrics.flush

    def flush(self: Any) -> None:
        self._torn = False
        cut(self)

    metrics.Metrics.flush = flush  # type: ignore[method-assign]  # the planted fault


def lost_moments() -> None:
    """A run is resumed without the optimizer's own arrays."""

    def forgetful(engine: Any, found: Any, first: Any) -> None:
        engine.change(checkpoints.optimizer_at(found.position, first))
        zero = {name: 0 * values for name, values in found.tensors.items() if name.startswith("optimizer.")}
        engine.load({**found.tensors, **zero}, found.step)
        engine.optimizer_start = found.position.optimizer_start

    checkpoints.put_into = forgetful


def lost_draft() -> None:
    """What another app has saved is not read again before the session is written."""
    settings.merged = lambda ours, there, mine, known: ours  # type: ignore[assignment]  # the planted fault


# -- in a study -------------------------------------------------------------------------------------------


def unsynced_end() -> None:
    """The last lines of a trial that is said to be done are not made durable."""
    metrics.Metrics.sync = metrics.Metrics.flush  # type: ignore[method-assign]  # the planted fault


def dead_is_done() -> None:
    """The trial of a worker that died counts as completed."""
    ending, dead = run._ending, set[Path]()

    def done(self: Any, process: Any) -> Any:
        self._processes.remove(process)
        process.end(0.0)
        if process.job is None:
            return []
        dead.add(process.job.parent / process.job.trial)
        return [(process.job.trial, {"event": DONE})]

    pool.LocalPool._ended = done  # type: ignore[method-assign]  # the planted fault
    run._ending = lambda found: "completed" if found and found.path in dead else ending(found)


def no_study_lock() -> None:
    """The lock of a study's folder is not taken."""
    study_folder.hold = lambda path, kind="run": os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def unsynced_decision() -> None:
    """What the user decided about a study is not made durable."""
    write = study_folder.write_whole

    def careless(*args: Any, **kwargs: Any) -> bool:
        with _without_sync():
            return write(*args, **kwargs)

    study_folder.write_whole = careless


def any_trial() -> None:
    """What a worker says of the trial before counts for the one that it trains now."""

    def careless(self: Any, process: Any, line: Any) -> Any:
        if line is not None and process.job is not None:
            line = {**line, "trial": process.job.trial}
        return read(self, process, line)

    read = pool.LocalPool._read
    pool.LocalPool._read = careless  # type: ignore[method-assign]  # the planted fault


KINDS: dict[str, Callable[[], None]] = {
    kind.__name__: kind
    for kind in (
        no_sync,
        no_folder_sync,
        rename_first,
        no_lock,
        dropped_event,
        torn_lines,
        lost_moments,
        lost_draft,
        unsynced_end,
        dead_is_done,
        no_study_lock,
        unsynced_decision,
        any_trial,
    )
}
"""By their names."""
