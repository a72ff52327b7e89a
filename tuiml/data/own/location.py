"""Where a user's file lies, and opening it: only what is a file, or a folder, and whatever it is called."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from tuiml import files
from tuiml.data.own.facts import Signature, Wrong
from tuiml.text import plain_text

LONGEST = 4096
"""Characters of a path."""


def resolve(text: str) -> Path:
    """The absolute path of the file or folder that a preset's ``path`` means.

    A relative one is looked for in the current folder, then in those of ``TUIML_DATA``.

    Raises:
        Wrong: it is in none of them, or neither a file nor a folder.
    """
    if not text.strip() or len(text) > LONGEST or "\0" in text:
        raise Wrong("path", "give the path of a file or of a folder")
    given = Path(os.path.expanduser(text))
    places = [given] if given.is_absolute() else [folder / given for folder in _folders()]
    for place in places:
        if exists(place):
            return place.resolve() if ".." in place.parts else Path(os.path.abspath(place))
    name = plain_text(given.name or text)
    looked = ", ".join(dict.fromkeys(plain_text(str(place.parent)) for place in places))[:400]
    raise Wrong("path", f"there is no {name} in {looked}; give the path of a file or a folder that is there")


def _folders() -> list[Path]:
    """Where a relative path is looked for."""
    try:
        here = Path.cwd()
    except OSError:  # it is gone
        return [folder for folder in files.data_folders() if folder.is_absolute()]
    return [here, *(here / folder for folder in files.data_folders())]


def exists(path: Path) -> bool:
    """Whether there is something of that name; a path that cannot be accessed does not exist."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def signature(path: Path) -> Signature:
    """What changes when a file does: its size, its times and its inode.

    Raises:
        Wrong: it is not there, or neither a file nor a folder.
    """
    name = plain_text(path.name)
    try:
        found = path.stat()
    except (OSError, ValueError) as problem:
        raise Wrong("path", f"{name} cannot be read: {getattr(problem, 'strerror', problem)}") from None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise Wrong("path", f"{name} is neither a file nor a folder")
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def open_file(path: Path, most: int) -> IO[bytes]:
    """A file opened for reading, buffered; never a pipe or a device, which would be waited for.

    Raises:
        Wrong: it cannot be read, is none, is empty, or has more than ``most`` bytes.
    """
    name = plain_text(path.name)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as problem:
        raise Wrong("path", f"{name} cannot be read: {getattr(problem, 'strerror', problem)}") from None
    found = os.fstat(handle)
    trouble = ""
    if not stat.S_ISREG(found.st_mode):
        trouble = "is not a file"
    elif found.st_size == 0:
        trouble = "is empty"
    elif found.st_size > most:
        trouble = f"has {found.st_size:,} bytes; at most {most:,} are read"
    if trouble:
        os.close(handle)
        raise Wrong("path", f"{name} {trouble}")
    return os.fdopen(handle, "rb", buffering=1 << 16)


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, empty where it cannot be read."""
    try:
        with open_file(path, 1 << 62) as file:
            return file.read(count)
    except (Wrong, OSError):
        return b""
