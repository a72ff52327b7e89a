"""The last session of a run, found in its metrics."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from tuiml.runs.folder import MANY, METRICS, Line, beginnings
from tuiml.runs.metrics import parse, read_lines
from tuiml.training.events import Epoch

_EPOCH = beginnings(Epoch)


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
    found, epoch = Session({}, ended=False), b""
    with contextlib.suppress(OSError):
        for _, data in read_lines(path / METRICS):
            if data.startswith(_EPOCH):
                epoch = data
            elif not data.startswith(MANY):
                line = parse(data) or {}
                if line.get("event") == "start":
                    found = Session(line, ended=False)
                elif line.get("event") == "end":
                    found = found._replace(ended=True)
    last = parse(epoch) or {}
    if "train_accuracy" in last:
        numbers = last["train_accuracy"] is None
        found = found._replace(target="regression" if numbers else "classes")
    return found
