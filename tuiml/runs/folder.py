"""The folder of a run: its preset, its metrics line by line, its checkpoints.

Whoever writes to it holds a lock on it, which the system drops when the process ends, however it ends: so a
run that goes on is told from one that was cut off. Read without numpy.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tuiml.files import UnsafeFile, home, refuse_unsafe, write_whole
from tuiml.runs.errors import RunError
from tuiml.runs.metrics import Metrics, end_of, number_of, parse, read_lines
from tuiml.runs.thinning import Thinner
from tuiml.runs.writer import hold, sign, unsign
from tuiml.spec import toml
from tuiml.spec.library import slug
from tuiml.spec.preset import Preset
from tuiml.text import plain_text

PRESET = "preset.toml"
METRICS = "metrics.jsonl"
INITIAL = "initial.safetensors"
PRETRAINED = "pretraining.safetensors"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})\.safetensors")
RECORDED = frozenset(
    {"start", "batch", "epoch", "picture", "state", "intervention", "notice", "end", "pretraining"}
)
SPARE = frozenset({"picture", "batch"})
"""Of these, the ones that may be dropped while the disk takes nothing."""
PICTURE = b'{"event": "picture"'
NAME_BYTES = 120
"""Of a name of our making, at most: file systems take 255 bytes, and a number may follow."""
PICTURE_BYTES = 10_000
"""A picture of this size may be recorded each second; a larger one more rarely."""

Line = dict[str, Any]


def runs_folder() -> Path:
    """Where runs are kept."""
    return home() / "runs"


class RunFolder:
    """The folder of one run, held by its writer. Make one with :meth:`create` or :meth:`reopen`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._metrics = Metrics(path / METRICS)
        self._began = time.monotonic()
        self._next_picture = 0.0
        self._thinner = Thinner()
        sign(path)

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    def create(cls, preset: Preset, name: str | None = None) -> RunFolder:
        """A new folder with the preset in it, under ``name`` or one made of the preset's name and the time.

        Raises:
            RunError: there is a run of that name, or the folder cannot be written.
        """
        try:
            path = _make(runs_folder(), preset.name, name)
            try:
                folder = cls(path, hold(path))
                write_whole(path / PRESET, toml.dumps(preset.document()))
            except BaseException:
                _discard(path)
                raise
        except OSError as error:
            where = plain_text(str(runs_folder()))
            text = f"cannot write in {where}: {error.strerror or error}; TUIML_HOME names another folder"
            raise RunError(text, code=1) from None
        return folder

    @classmethod
    def reopen(cls, path: Path) -> RunFolder:
        """The folder of a run that is to go on.

        Raises:
            RunError: another process writes to it, it cannot be written, or it is or has a link where a run
                writes: it may come from a stranger. Nothing was changed.
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
        """Append a line if it is of a kind that is kept. Of pictures and batches a few are, ever more rarely.

        Raises:
            OSError: the disk is full, or worse; the line waits in memory for the next one, or :meth:`sync`.
        """
        if line.get("event") not in RECORDED:
            return
        if line["event"] == "start":
            line = line | {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        if line["event"] == "picture" and time.monotonic() - self._began < self._next_picture:
            return
        kept = self._thinner.take(line)
        data = b"".join(json.dumps(one, allow_nan=False).encode() + b"\n" for one in kept)
        if line["event"] == "picture":
            self._plan_picture(len(data))
        if data:
            self._metrics.add(data, spare=line["event"] in SPARE)

    def _plan_picture(self, size: int) -> None:
        """Say when the next one is kept, after one of ``size`` bytes."""
        passed = time.monotonic() - self._began
        self._next_picture = passed + max(1.0, passed / 500) * max(1.0, size / PICTURE_BYTES)

    @property
    def recorded(self) -> int | None:
        """Bytes of the lines so far; ``None`` while some of them wait for the disk."""
        return None if self._metrics.waits else self._metrics.size

    def sync(self) -> None:
        """Write the lines that wait, and make them durable.

        Raises:
            OSError: they are not.
        """
        self._metrics.sync()

    def rewind(
        self,
        step: int,
        epoch: int = 1,
        pretrained: float = math.inf,
        *,
        known: int | None = None,
        interventions: int = 0,
    ) -> None:
        """Drop the lines of what comes after ``step``, and a torn last one: the run goes on from there.

        Args:
            epoch: the one in hand at that step: its line is still to come.
            pretrained: how many layers need no more pretraining; the lines about others go.
            known: the size of the lines when that step was saved.
            interventions: how many there were by then; the lines of later ones go.

        Raises:
            OSError: nothing was changed.
        """

        def redone(line: Line) -> bool:
            if line.get("event") == "pretraining":
                return number_of(line) > pretrained
            return line.get("event") == "epoch" and _number(line, "epoch") >= epoch

        self._metrics.cut(end_of(self.path / METRICS, step, known, redone, interventions))

    def write_preset(self, preset: Preset) -> None:
        """Replace the preset: the run goes on longer."""
        write_whole(self.path / PRESET, toml.dumps(preset.document()))

    def discard(self) -> None:
        """Remove a folder whose run never began."""
        self.close()
        _discard(self.path)

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock < 0:
            return
        with contextlib.suppress(OSError):  # the disk is full: the lines before are there
            self._metrics.close()
        unsign(self.path)
        os.close(self._lock)
        self._lock = -1


def _refuse_unsafe_files(path: Path) -> None:
    """Raise UnsafeFile unless each file that a run writes in its folder is ours to write, or not there."""
    for name in (METRICS, PRESET, INITIAL, PRETRAINED):
        refuse_unsafe(path / name)
    for file in path.iterdir():
        if _CHECKPOINT.fullmatch(file.name):
            refuse_unsafe(file)


def _number(line: Line, name: str) -> float:
    number = line.get(name, 0)
    return number if isinstance(number, int | float) else 0


def _make(runs: Path, preset: str, name: str | None) -> Path:
    runs.mkdir(parents=True, exist_ok=True)
    if name is not None:
        path = runs / fitting(name)
        try:
            path.mkdir()
        except FileExistsError:
            raise _taken(path) from None
        return path
    stem = f"{fitting(preset)}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in range(1, 10_000):
        path = runs / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise RunError(f"there are too many runs named {stem}", code=1)


def fitting(name: str) -> str:
    """A name as a folder's name, short enough for any file system."""
    return slug(slug(name).encode()[:NAME_BYTES].decode(errors="ignore"))


def refuse_taken(name: str) -> None:
    """Raise what :meth:`RunFolder.create` would for a name that is taken, before anything costly is done."""
    path = runs_folder() / fitting(name)
    if path.exists() or path.is_symlink():
        raise _taken(path)


def _taken(path: Path) -> RunError:
    return RunError(f"there is a run '{path.name}' already; give another name, or 'tuiml resume' it")


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):  # what is wrong with the disk is told already
        for file in path.iterdir():
            file.unlink()
        path.rmdir()


# -- reading ----------------------------------------------------------------------------------------------

_MANY = (PICTURE, b'{"event": "batch"')


def read_metrics(path: Path, *, pictures: bool = True) -> list[Line]:
    """The lines of a run's metrics, by its folder or the file itself; what is no JSON object is passed over.

    Args:
        pictures: with the layers' statistics, which are nearly all of the file, and what is said of batches.

    Raises:
        OSError: it cannot be read.
    """
    return read_counted(path, pictures=pictures)[0]


def read_counted(path: Path, *, pictures: bool = True) -> tuple[list[Line], int]:
    """The same, and how many lines were passed over."""
    file = path / METRICS if path.is_dir() else path
    found = [parse(data) for _, data in read_lines(file) if pictures or not data.startswith(_MANY)]
    lines = [line for line in found if line is not None]
    return lines, len(found) - len(lines)


def steps_in(path: Path) -> list[int]:
    """The steps of a run's checkpoints, the greatest first, sound or not.

    Raises:
        OSError: the folder cannot be listed.
    """
    matches = (_CHECKPOINT.fullmatch(file.name) for file in path.iterdir())
    return sorted((int(match.group(1)) for match in matches if match), reverse=True)


class Session(NamedTuple):
    """The last session of a run, as its metrics have it."""

    start: Line
    """Its ``start`` line; empty if there is none."""
    ended: bool
    """True if it has an ``end`` line; else it was cut off."""


def last_session(path: Path) -> Session:
    """The last session of the run in a folder."""
    found = Session({}, ended=False)
    with contextlib.suppress(OSError):
        for line in read_metrics(path, pictures=False):
            if line.get("event") == "start":
                found = Session(line, ended=False)
            elif line.get("event") == "end":
                found = found._replace(ended=True)
    return found
