"""Names of the folders of runs and studies: fitting any file system, and free."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from tuiml.runs.errors import RunError
from tuiml.spec.library import slug

NAME_BYTES = 120
"""The most bytes of a generated name: file systems allow 255, and a number may follow."""


def make(runs: Path, preset: str, name: str | None) -> Path:
    """A new folder below ``runs``; without a name, that of the preset with the time.

    Raises:
        RunError: the name is taken.
        OSError: it cannot be made.
    """
    runs.mkdir(parents=True, exist_ok=True)
    if name is not None:
        path = runs / fitting(name)
        try:
            path.mkdir()
        except FileExistsError:
            raise taken(path) from None
        return path
    stem = f"{fitting(preset)}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in range(1, 10_000):
        path = runs / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            return path
    raise RunError(f"there are too many runs named {stem}", code=1)


def fitting(name: str) -> str:
    """A folder's name for ``name``, short enough for any file system."""
    return slug(slug(name).encode()[:NAME_BYTES].decode(errors="ignore"))


def taken(path: Path) -> RunError:
    """The error of a name that is taken."""
    return RunError(f"there is a run '{path.name}' already; give another name, or 'tuiml resume' it")


def discard(path: Path) -> None:
    """Remove the folder of a run that could not start."""
    with contextlib.suppress(OSError):  # trouble with the disk is reported already
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
