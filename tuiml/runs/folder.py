"""The folder of a run: its preset, its metrics line by line, its checkpoints.

Whoever writes to it holds a lock on it, which the system drops when the process ends, however it ends: so a
run that goes on is told from one that was cut off. Read without numpy.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuiml.files import home, write_whole
from tuiml.runs import timeline
from tuiml.runs.errors import RunError
from tuiml.spec import toml
from tuiml.spec.library import slug
from tuiml.spec.preset import Preset
from tuiml.text import plain_text

PRESET = "preset.toml"
METRICS = "metrics.jsonl"
INITIAL = "initial.safetensors"
RECORDED = frozenset({"start", "epoch", "picture", "state", "intervention", "notice", "end", "pretraining"})
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
        self._metrics = (path / METRICS).open("ab")
        self._began = time.monotonic()
        self._next_picture = 0.0

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
                folder = cls(path, _hold(path))
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
            RunError: another process writes to it, or it cannot be written.
        """
        try:
            folder = cls(path, _hold(path))
            for left in path.glob(".*.part"):  # of a writer that was killed
                left.unlink()
            return folder
        except OSError as error:
            raise RunError(f"{plain_text(str(path))}: {error.strerror or error}", code=1) from None

    def record(self, line: Line) -> None:
        """Append a line if it is of a kind that is kept. Of many pictures a few are kept, ever more rarely.

        Raises:
            OSError: the disk is full, or worse.
        """
        if line.get("event") not in RECORDED:
            return
        if line["event"] == "start":
            line = line | {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        if line["event"] == "picture" and time.monotonic() - self._began < self._next_picture:
            return
        data = json.dumps(line, allow_nan=False).encode() + b"\n"
        if line["event"] == "picture":
            self._plan_picture(len(data))
        self._metrics.write(data)
        self._metrics.flush()

    def _plan_picture(self, size: int) -> None:
        """Say when the next one is kept, after one of ``size`` bytes."""
        passed = time.monotonic() - self._began
        self._next_picture = passed + max(1.0, passed / 500) * max(1.0, size / PICTURE_BYTES)

    def sync(self) -> None:
        """Make the lines durable."""
        os.fsync(self._metrics.fileno())

    def rewind(self, step: int, pretrained: float = math.inf, interventions: int = 0) -> None:
        """Drop the lines of steps after ``step``, and a torn last one: the run goes on from there.

        Args:
            interventions: how many there were by then; the lines of later ones go.
            pretrained: how many layers need no more pretraining; the lines about others go.
        """
        kept = timeline.until(read_metrics(self.path), step, interventions)
        kept = [line for line in kept if line.get("event") != "pretraining" or _number(line) <= pretrained]
        self._metrics.close()
        write_whole(self.path / METRICS, "".join(json.dumps(line) + "\n" for line in kept))
        self._metrics = (self.path / METRICS).open("ab")

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
        for finish in (self.sync, self._metrics.close):
            with contextlib.suppress(OSError):  # the disk is full: the lines before are there
                finish()
        os.close(self._lock)
        self._lock = -1


def _number(line: Line) -> float:
    number = line.get("number", 0)
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
    for file in path.iterdir():
        file.unlink()
    path.rmdir()


# -- the lock ---------------------------------------------------------------------------------------------


def _hold(path: Path) -> int:
    """Take the lock of a run's folder; a descriptor that holds it until it is closed."""
    handle = os.open(path, os.O_RDONLY)
    for _ in range(40):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.025)  # somebody asks whether it is held: that takes microseconds
        except OSError:
            return handle  # a file system without locks
        else:
            return handle
    os.close(handle)
    raise RunError(f"the run '{plain_text(path.name)}' is going on in another process; stop it there first")


def is_held(path: Path) -> bool:
    """Whether a process writes to the run's folder now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(handle)
    return False


# -- reading ----------------------------------------------------------------------------------------------


def read_metrics(path: Path, *, pictures: bool = True) -> list[Line]:
    """The lines of a run's metrics, by its folder or the file itself; what is no JSON object is passed over.

    Args:
        pictures: with the layers' statistics, which are nearly all of the file.

    Raises:
        OSError: it cannot be read.
    """
    return list(_lines(path / METRICS if path.is_dir() else path, pictures))


def last_start(path: Path) -> Line:
    """The ``start`` line of a run's latest session; empty where there is none to read."""
    try:
        starts = [line for line in read_metrics(path, pictures=False) if line.get("event") == "start"]
    except OSError:
        starts = []
    return starts[-1] if starts else {}


def _lines(path: Path, pictures: bool) -> Iterator[Line]:
    with path.open("rb") as file:
        for data in file:
            if not pictures and data.startswith(b'{"event": "picture"'):
                continue
            if not data.endswith(b"\n"):
                return  # the writer was cut off, or is at it
            with contextlib.suppress(ValueError, RecursionError):
                line = json.loads(data, parse_constant=lambda _: None)
                if isinstance(line, dict):
                    yield line
