"""The last session of a run, found in its metrics."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from tuiml.runs.folder import Line, each_line


class Session(NamedTuple):
    """The last session of a run, as its metrics have it."""

    start: Line
    """Its ``start`` line; empty if there is none."""
    ended: bool
    """True if it has an ``end`` line; else it was cut off."""
    target: str = ""
    """``classes`` or ``regression``, as its epochs were measured; empty: it has none."""


def last_session(path: Path) -> Session:
    """The last session of the run in a folder."""
    found = Session({}, ended=False)
    with contextlib.suppress(OSError):
        for line in filter(None, each_line(path)):
            if line.get("event") == "start":
                found = Session(line, ended=False, target=found.target)
            elif line.get("event") == "end":
                found = found._replace(ended=True)
            elif line.get("event") == "epoch" and "train_accuracy" in line:
                numbers = line["train_accuracy"] is None
                found = found._replace(target="regression" if numbers else "classes")
    return found
