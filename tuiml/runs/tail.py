"""Reading a run's metrics while they are written: what is new, and whether the file is another one now."""

from __future__ import annotations

import os
from pathlib import Path

from tuiml.runs.folder import METRICS

MOST = 8 * 1024 * 1024
"""Bytes that are read at a time: a file of any size takes bounded memory beyond what it says."""
LONGEST = 16 * 1024 * 1024
"""A line that is longer is none of ours, and passed over."""


class Tail:
    """The lines of one run's metrics, each told once; whole ones only, for the last may be half written.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / METRICS
        self._known: tuple[int, int] | None = None
        self._offset = 0
        self._rest = b""
        self._passing = False
        """Whether the rest of a line that is too long is on its way."""

    def to_end(self) -> None:
        """Pass over what is there.

        Raises:
            OSError: as below.
        """
        found = os.stat(self._file)
        self._known, self._offset = (found.st_dev, found.st_ino), found.st_size

    def changed(self) -> bool:
        """Whether there is something to read.

        Raises:
            OSError: the file is not there any more, or cannot be looked at.
        """
        found = os.stat(self._file)
        return (found.st_dev, found.st_ino) != self._known or found.st_size != self._offset

    def restarted(self) -> bool:
        """Whether the file is not the one that was read before: a run that goes on writes it anew.

        Raises:
            OSError: as above.
        """
        found = os.stat(self._file)
        known = self._known
        return known is not None and ((found.st_dev, found.st_ino) != known or found.st_size < self._offset)

    def restart(self) -> None:
        """Read from the beginning."""
        self._known, self._offset, self._rest, self._passing = None, 0, b"", False

    def read(self) -> list[bytes]:
        """The next whole lines, of a few megabytes at most; none where there is nothing new.

        Raises:
            OSError: it cannot be read.
        """
        with self._file.open("rb") as file:
            found = os.fstat(file.fileno())
            inode = (found.st_dev, found.st_ino)
            if self._known != inode or found.st_size < self._offset:
                if self._known is not None:
                    return []  # another file: whoever asks is to restart
                self._known = inode
            file.seek(self._offset)
            data = file.read(MOST)
        self._offset += len(data)
        first, *more = data.split(b"\n")
        lines = [self._rest + first, *more]
        self._rest = lines.pop()
        if lines and self._passing:
            del lines[0]
            self._passing = False
        if len(self._rest) > LONGEST:
            self._rest, self._passing = b"", True
        return lines
