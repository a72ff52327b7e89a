"""The folder of a run: its preset, its metrics line by line, its checkpoints.

The process that writes to it holds a lock, which the system drops however the process ends. Needs no numpy.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuiml.files import UnsafeFile, home, path_of_folder, refuse_unsafe, write_whole
from tuiml.runs import folder_names
from tuiml.runs.errors import RunError
from tuiml.runs.metrics import Metrics, end_of, parse, read_lines
from tuiml.runs.thinning import Thinner
from tuiml.runs.watched import WatchedModel, write_model
from tuiml.runs.writer import hold, release, sign, unsign
from tuiml.spec import toml
from tuiml.spec.preset import Preset
from tuiml.text import plain_text
from tuiml.training.events import KINDS, End, Event, Snapshot, Start, kind_of

PRESET = "preset.toml"
METRICS = "metrics.jsonl"
INITIAL = "initial.safetensors"
PRETRAINED = "pretraining.safetensors"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})\.safetensors")
SNAPSHOT_BYTES = 10_000
"""Snapshots of this size may be recorded each second, larger ones less often."""

Line = dict[str, Any]


def beginnings(*kinds: type[Event]) -> tuple[bytes, ...]:
    """How lines of events begin: they need not be parsed to be passed over."""
    return tuple(f'{{"event": "{name}"'.encode() for kind in kinds for name in kind.names)


SNAPSHOT = beginnings(Snapshot)
MANY = beginnings(*(kind for kind in KINDS.values() if kind.droppable))


def runs_folder() -> Path:
    """The folder of all runs."""
    return home() / "runs"


def studies_folder() -> Path:
    """The folder of all studies, each a folder with the folders of its runs."""
    return home() / "studies"


class RunFolder:
    """The folder of one run, with its lock. Made by :meth:`create` or :meth:`reopen`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        """Where it is; :meth:`locate` looks whether it was moved."""
        self.lost = False
        """True while it is nowhere: it was deleted."""
        self._lock = lock
        self._metrics = Metrics(path / METRICS)
        self._began = time.monotonic()
        self._next_snapshot = 0.0
        self._last_snapshot: Line | None = None
        """The newest one, while its line is not written."""
        self._thinner = Thinner()
        sign(path)

    @property
    def name(self) -> str:
        return self.path.name

    def locate(self) -> None:
        """Follow the folder where somebody has moved it: nothing is ever written at its old place.

        Raises:
            FileNotFoundError: it was deleted.
        """
        if self._lock >= 0:
            self.lost = True
            self.path = path_of_folder(self._lock, self.path)
            self.lost = False

    @classmethod
    def create(cls, preset: Preset, name: str | None = None, parent: Path | None = None) -> RunFolder:
        """A new folder with the preset in it; the default name has the preset's name and the time.

        Args:
            parent: where it is made; default: the runs folder.

        Raises:
            RunError: there is a run of that name, or the folder cannot be written.
        """
        return cls._new(
            parent or runs_folder(),
            preset.name,
            name,
            lambda path: write_whole(path / PRESET, toml.dumps(preset.document())),
        )

    @classmethod
    def create_watched(cls, model: WatchedModel, name: str) -> RunFolder:
        """A new folder for a loop of the user's own, with its model in it; the time is added to a name that
        is taken.

        Raises:
            RunError: the folder cannot be written.
        """
        path = runs_folder() / folder_names.fitting(name)
        free = name if not (path.exists() or path.is_symlink()) else None
        return cls._new(runs_folder(), name, free, lambda path: write_model(path, model))

    @classmethod
    def _new(cls, runs: Path, stem: str, name: str | None, write: Callable[[Path], object]) -> RunFolder:
        try:
            path = folder_names.make(runs, stem, name)
            try:
                folder = cls(path, hold(path))
                write(path)
            except BaseException:
                folder_names.discard(path)
                raise
        except OSError as error:
            where = plain_text(str(runs))
            text = f"cannot write in {where}: {error.strerror or error}; TUIML_HOME names another folder"
            raise RunError(text, code=1) from None
        return folder

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """The folder of a run to be resumed.

        Raises:
            RunError: another process writes to it, it cannot be written, or it is or has a link where a run
                writes. Nothing was changed.
        """
        if path.is_symlink():
            raise RunError(f"{plain_text(str(path))} is a symbolic link; give the folder that it leads to")
        try:
            lock = hold(path)
            try:
                _refuse_unsafe_files(path)
                folder = cls(path, lock)
            except BaseException:
                os.close(lock)
                raise
        except UnsafeFile as error:
            text = f"cannot write to {error.filename}: {error.strerror}"
            raise RunError(plain_text(text)) from None
        except OSError as error:
            raise RunError(f"{plain_text(str(path))}: {error.strerror or error}", code=1) from None
        for left in path.glob(".*.part"):  # of a writer that was killed
            with contextlib.suppress(OSError):
                left.unlink()
        return folder

    def record(self, line: Line) -> None:
        """Append a line if its kind is recorded; of snapshots and batches ever fewer are.

        Raises:
            OSError: the disk is full, or worse; the line waits in memory for the next one, or :meth:`sync`.
        """
        kind = kind_of(line.get("event"))
        if kind is None or not kind.recorded:
            return
        if kind is Start:
            line = line | {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        if kind is Snapshot and not self.takes_snapshot:
            self._last_snapshot = line
            return
        lines = self._thinner.take(line)
        if kind is End and self._last_snapshot and self._last_snapshot["step"] == line["step"]:
            lines.insert(-1, self._last_snapshot)  # that of the last step is always there
        if kind in (Snapshot, End):
            self._last_snapshot = None
        size = self._write(lines, spare=kind.droppable)
        if kind is Snapshot:
            passed = time.monotonic() - self._began
            self._next_snapshot = passed + max(1.0, passed / 500) * max(1.0, size / SNAPSHOT_BYTES)
        self.locate()

    def _write(self, lines: Iterable[Line], spare: bool) -> int:
        """Append lines; their bytes."""
        data = b"".join(json.dumps(one, allow_nan=False).encode() + b"\n" for one in lines)
        if data:
            self._metrics.add(data, spare=spare)
        return len(data)

    @property
    def takes_snapshot(self) -> bool:
        """Whether a snapshot would be written now."""
        return time.monotonic() - self._began >= self._next_snapshot

    @property
    def recorded(self) -> int | None:
        """Bytes of the lines so far; ``None`` while some wait for the disk."""
        return None if self._metrics.waits else self._metrics.size

    def sync(self) -> None:
        """Write the lines that wait, and make them durable.

        Raises:
            OSError: they are not.
        """
        self._metrics.sync()
        self.locate()

    def rewind(
        self,
        step: int,
        epoch: int = 1,
        pretrained: float = math.inf,
        *,
        known: int | None = None,
        interventions: int = 0,
    ) -> None:
        """Remove the lines after ``step``, and an incomplete last one: the run resumes from there.

        Args:
            epoch: the one that was not finished at that step.
            pretrained: how many layers are pretrained; the lines of others are removed.
            known: the size of the lines when that step was saved, if known.
            interventions: their number at that step; the lines of later ones are removed.

        Raises:
            OSError: nothing was changed.
        """

        def redone(line: Line) -> bool:
            if line.get("event") == "pretraining":
                return bool(line.get("number", 0) > pretrained)
            return bool(line.get("event") == "epoch" and line.get("epoch", 0) >= epoch)

        self._metrics.cut(end_of(self.path / METRICS, step, known, redone, interventions))

    def write_preset(self, preset: Preset) -> None:
        """Replace the preset."""
        write_whole(self.path / PRESET, toml.dumps(preset.document()), parents=False)

    def discard(self) -> None:
        """Remove the folder of a run that could not start."""
        self.close()
        folder_names.discard(self.path)

    def close(self) -> None:
        """Release the folder."""
        if self._lock < 0:
            return
        with contextlib.suppress(OSError):  # the disk is full: earlier lines are written
            self._write(self._thinner.flush(), spare=True)
        with contextlib.suppress(OSError):
            self._metrics.close()
        with contextlib.suppress(OSError):
            self.locate()
            unsign(self.path)
        release(self._lock)
        self._lock = -1


def _refuse_unsafe_files(path: Path) -> None:
    """Raise UnsafeFile if a file that the run will write belongs to others or is a link."""
    for name in (METRICS, PRESET, INITIAL, PRETRAINED):
        refuse_unsafe(path / name)
    for file in path.iterdir():
        if _CHECKPOINT.fullmatch(file.name):
            refuse_unsafe(file)


def refuse_taken(name: str, parent: Path | None = None) -> None:
    """Raise RunError if a name is taken, as :meth:`RunFolder.create` would."""
    path = (parent or runs_folder()) / folder_names.fitting(name)
    if path.exists() or path.is_symlink():
        raise folder_names.taken(path)


# -- reading ----------------------------------------------------------------------------------------------


def read_metrics(path: Path, *, snapshots: bool = True) -> list[Line]:
    """The lines of a run's metrics, by its folder or its file; lines that cannot be read are left out.

    Args:
        snapshots: False leaves out snapshots, which are nearly all of the file, and lines about batches.

    Raises:
        OSError: it cannot be read.
    """
    return [line for line in each_line(path, snapshots=snapshots) if line is not None]


def each_line(path: Path, *, snapshots: bool = False) -> Iterator[Line | None]:
    """The lines one by one, however many there are; ``None`` for one that cannot be read.

    Raises:
        OSError: they cannot be read.
    """
    file = path / METRICS if path.is_dir() else path
    return (parse(data) for _, data in read_lines(file) if snapshots or not data.startswith(MANY))


def steps_in(path: Path) -> list[int]:
    """The steps of a run's checkpoints, sound or not, the greatest first.

    Raises:
        OSError: the folder cannot be listed.
    """
    matches = (_CHECKPOINT.fullmatch(file.name) for file in path.iterdir())
    return sorted((int(match.group(1)) for match in matches if match), reverse=True)
