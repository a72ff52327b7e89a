"""What was deleted is moved to a hidden folder beside it, from where it can be put back for a while."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tuiml.runs.errors import RunError
from tuiml.text import plain_text

TRASH = ".trash"
DAYS = 30
"""Days after which something in the trash is removed, when more is deleted."""
KEPT = 50
"""Most things in one trash; those deleted first are removed."""


@dataclass(frozen=True)
class Deleted:
    """Things that were deleted together: where each was, and where it is now."""

    moves: tuple[tuple[Path, Path], ...]

    @property
    def folder(self) -> Path:
        """The trash that has the first of them."""
        return self.moves[0][1].parent

    def restore(self) -> None:
        """Put all of it back.

        Raises:
            RunError: something of that name is there, or the system refuses; nothing is changed then.
        """
        taken = next((old for old, _ in self.moves if os.path.lexists(old)), None)
        if taken:
            raise RunError(f"there is a '{plain_text(taken.name)}' again; rename that, then undo the delete")
        done: list[tuple[Path, Path]] = []
        try:
            for old, new in self.moves:
                new.rename(old)
                done.append((old, new))
        except OSError as error:
            _back((new, old) for old, new in done)
            raise refused("restore", old, error) from None


def put(paths: Iterable[Path]) -> Deleted:
    """Move files and folders to the trash beside each; what is old there is removed. A link is moved itself.

    Raises:
        RunError: the system refuses; nothing is changed then.
    """
    done: list[tuple[Path, Path]] = []
    for path in paths:
        bin_, moment = path.parent / TRASH, time.time_ns()
        try:
            bin_.mkdir(exist_ok=True)
            if bin_.is_symlink():  # it would be emptied wherever it leads
                raise NotADirectoryError(errno.ENOTDIR, f"{TRASH} beside it is a link")
            _empty(bin_)
            new = bin_ / f"{moment}-{path.name}"
            path.rename(new)
        except OSError as error:
            _back((old, new) for old, new in done)
            raise refused("delete", path, error) from None
        done.append((path, new))
    return Deleted(tuple(done))


def _back(moves: Iterable[tuple[Path, Path]]) -> None:
    for old, new in moves:
        with contextlib.suppress(OSError):
            new.rename(old)


def _empty(folder: Path) -> None:
    """Remove what was deleted long ago, and the first of too many; nothing that :func:`put` did not name."""
    entries = sorted(((_moment(path), path) for path in folder.iterdir() if _moment(path)), reverse=True)
    oldest = time.time_ns() - DAYS * 24 * 3600 * 10**9
    for number, (moment, path) in enumerate(entries, 2):
        if moment < oldest or number > KEPT:
            with contextlib.suppress(RunError):
                _remove(path)


def _moment(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and 18 < len(digits) < 25 else 0


def _remove(path: Path) -> None:
    """Remove a folder with all that is in it, for good; of a link only the link.

    Raises:
        RunError: the system refuses.
    """
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)  # removes links inside, and does not follow them
        else:
            path.unlink()
    except OSError as error:
        raise refused("remove", path, error) from None


def refused(do: str, path: Path, error: OSError) -> RunError:
    """An error of the system in one line."""
    return RunError(f"cannot {do} '{plain_text(path.name)}': {error.strerror or error}", code=1)
