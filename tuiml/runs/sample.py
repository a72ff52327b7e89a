"""A few lines of a long file of metrics, read in a moment: its curves are shown before all of it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tuiml.files import open_regular
from tuiml.runs.folder import METRICS

LARGE = 12_000_000
"""Bytes of a file above which a sample of it is shown first: reading all takes half a second or more."""
ENDS = 192 * 1024
"""Bytes at its beginning and at its end of which all lines are taken."""
PLACES = 1000
"""Places between them, at even distances, with a line each."""
LINE = 4096
"""Bytes that are read at such a place; where a line is longer, none is taken."""


def is_large(path: Path) -> bool:
    """True if the metrics of the run in a folder take long to read."""
    try:
        return os.stat(path / METRICS).st_size > LARGE
    except OSError:
        return False


def sampled_lines(path: Path) -> Iterator[bytes]:
    """Some lines of the metrics of the run in a folder, in order.

    Raises:
        OSError: they cannot be read.
    """
    with os.fdopen(open_regular(path / METRICS), "rb") as file:
        handle = file.fileno()
        end = max(ENDS, os.fstat(handle).st_size - ENDS)
        yield from os.pread(handle, ENDS, 0).split(b"\n")[:-1]
        for number in range(PLACES):
            at = ENDS + (end - ENDS) * number // PLACES
            parts = os.pread(handle, LINE, at).split(b"\n", 2)
            if len(parts) > 2:
                yield parts[1]
        yield from os.pread(handle, ENDS, end).split(b"\n")[1:-1]
