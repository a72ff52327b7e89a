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
from tuiml.training.events import Epoch
from tuiml.tui.model import settings


def no_sync() -> None:
    """A file is renamed to its place without being synced: a power cut may leave it empty."""
    replacing = files.replacing

    @contextlib.contextmanager
    def careless(path: Path) -> Any:
        fsync, os.fsync = os.fsync, lambda handle: None
        try:
            with replacing(path) as found:
                yield found
        finally:
            os.fsync = fsync

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
    )
}
"""By their names."""
