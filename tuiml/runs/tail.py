"""Reads a run's metrics while they are written: new lines, and whether the file was cut or replaced."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tuiml.files import open_regular
from tuiml.runs.folder import METRICS
from tuiml.runs.metrics import MOST_LINE

MOST = 8 * 1024 * 1024
"""Bytes that are read at a time, so that a file of any size takes bounded memory."""
MARK = 256
"""Bytes before the end of what was read that are compared: a resumed run cuts lines, and may write more than
it cut."""


class Tail:
    """The lines of one run's metrics, each returned once when it is complete.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / METRICS
        self.closed = False
        """True: nothing more is read, whoever reads it."""
        self.restart()

    def restart(self) -> None:
        """Read from the beginning."""
        self._offset = self._size = 0
        self._mark = self._rest = b""
        self._inode: tuple[int, int] | None = None
        self._skipping = False
        """True while the rest of a line that is too long is skipped."""

    def to_end(self) -> None:
        """Skip the lines so far.

        Raises:
            OSError: it cannot be read.
        """
        with self._opened() as (handle, size):
            self._offset = self._size = size
            self._mark = os.pread(handle, MARK, max(0, size - MARK))

    def changed(self) -> bool:
        """True if there is something to read, or the file is another one.

        Raises:
            OSError: the file is gone or cannot be read.
        """
        found = os.stat(self._file)
        return found.st_size != self._size or (self._inode or _inode(found)) != _inode(found)

    def restarted(self) -> bool:
        """True if the file no longer begins with what was read.

        Raises:
            OSError: as above.
        """
        if not self.changed():
            return False
        with self._opened() as (handle, size):
            before = os.pread(handle, len(self._mark), self._offset - len(self._mark))
        return size < self._offset or before != self._mark

    def read(self) -> list[bytes]:
        """The next complete lines, a few megabytes at most. A line that is too long is empty.

        Raises:
            OSError: it cannot be read.
        """
        if self.closed:
            return []
        with self._opened() as (handle, _):
            data = os.pread(handle, MOST, self._offset)
        self._offset += len(data)
        self._size = self._offset
        self._mark = (self._mark + data[-MARK:])[-MARK:]
        first, *more = data.split(b"\n")
        lines = [self._rest + first, *more]
        self._rest = lines.pop()
        if lines and self._skipping:
            lines[0] = b""
            self._skipping = False
        if len(self._rest) > MOST_LINE:
            self._rest, self._skipping = b"", True
        return lines

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[int, int]]:
        """A descriptor of the file, and its size."""
        with os.fdopen(open_regular(self._file), "rb") as file:
            found = os.fstat(file.fileno())
            self._inode = _inode(found)
            yield file.fileno(), found.st_size


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
