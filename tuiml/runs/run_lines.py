"""The lines of a run's metrics that a list of runs shows: its start, its last and best epochs, its end."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from tuiml.files import open_regular
from tuiml.runs import timeline
from tuiml.runs.folder import MANY, METRICS, Line, beginnings
from tuiml.runs.metrics import lines_having, parse, read_lines
from tuiml.spec.stopping import badness
from tuiml.training.events import Event, Intervention, Progress, kind_of

NAN = float("nan")
MOST = 1024 * 1024 * 1024
"""Bytes of a run's metrics that are read for a list, so that none waits long for one run."""


def number(line: Line | None, name: str) -> float:
    """A number of a line; NaN if it is missing or not a number."""
    value = line.get(name) if line else None
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300:
        return NAN
    return float(value)


_BATCH = beginnings(Progress)


def last_batch(path: Path) -> Line | None:
    """The newest line about batches of the run in a folder; ``None`` if it has none, or it cannot be read.

    Raises:
        OSError: the lines cannot be read.
    """
    newest = b""
    for _, data in read_lines(path / METRICS, most=MOST):
        newest = data if data.startswith(_BATCH) else newest
    return parse(newest)


def surviving(path: Path, *kinds: type[Event]) -> Iterator[Line]:
    """The lines of some kinds of events of the run in a folder, without what a rewind undid.

    Raises:
        OSError: its metrics cannot be read.
    """
    rewinds = filter(timeline.is_rewind, filter(None, map(parse, lines_having(path / METRICS, b"rewind"))))
    wanted = beginnings(*kinds, Intervention)
    data = (data for _, data in read_lines(path / METRICS) if data.startswith(wanted))
    lines = timeline.surviving(rewinds, filter(None, map(parse, data)))
    return (line for line in lines if kind_of(line.get("event")) in kinds)


_OF_OTHERS = b"watched", b"rewind"
"""Words in lines that say something of lines before them."""
MARK = 256
"""Bytes that are compared to tell whether a file was cut and written anew."""


class RunLines:
    """What a run's list needs of its metrics. They are read one by one: there may be a million."""

    def __init__(self) -> None:
        self.end_of_lines = 0
        """Bytes of the lines that were read."""
        self._mark = b""
        """The end of the last of them."""
        self.first: Line | None = None
        self.start: Line | None = None
        self.last: Line | None = None
        self.best: Line | None = None
        self.end: Line | None = None
        self.changes: list[Line] = []
        self.skipped = 0
        self.unread = 0
        """Bytes behind the first :data:`MOST`, which are not read."""
        self.watched = "val_loss"
        self._least = math.inf

    def read(self, path: Path) -> None:
        """Read them, or what was added since; the best epoch is by the metric that the last start names.

        Raises:
            OSError: they cannot be read.
        """
        if not self._continues(path):
            vars(self).update(vars(RunLines()))
        for line in timeline.surviving(self._rewinds(path), self._counted(path)):
            event = line.get("event")
            if event == "start":
                self.first, self.start, self.end = self.first or line, line, None
            elif event == "end":
                self.end = line
            elif event == "epoch":
                self._take(line)
            elif event == "intervention" and not timeline.is_rewind(line):
                self.changes.append(line)

    def _continues(self, path: Path) -> bool:
        """True if the file begins with what was read, and what was added says nothing of it."""
        if not self._mark:
            return False
        with os.fdopen(open_regular(path / METRICS), "rb") as file:
            at = self.end_of_lines - len(self._mark)
            if os.pread(file.fileno(), len(self._mark), at) != self._mark:
                return False
        return not any(self._of_others(path))

    def _of_others(self, path: Path) -> Iterator[bytes]:
        return lines_having(path / METRICS, *_OF_OTHERS, first=self.end_of_lines, most=MOST)

    def _rewinds(self, path: Path) -> Iterator[Line]:
        """The rewinds; on the way, the metric is noted."""
        for line in filter(None, map(parse, self._of_others(path))):
            self.watched = str(line.get("watched") or self.watched)
            if timeline.is_rewind(line):
                yield line

    def _counted(self, path: Path) -> Iterator[Line]:
        most = self.end_of_lines + MOST
        for at, data in read_lines(path / METRICS, self.end_of_lines, MOST):
            self.end_of_lines, self._mark = at + len(data), data[-MARK:]
            line = {} if data.startswith(MANY) else parse(data)
            if line:
                yield line
            self.skipped += line is None
        size = os.stat(path / METRICS).st_size
        self.unread = size - self.end_of_lines if size > most else 0

    def _take(self, epoch: Line) -> None:
        """Note an epoch; the best one is by the training loss where it lacks the metric."""
        bad = badness(self.watched, number(epoch, self.watched))
        bad = number(epoch, "train_loss") if math.isnan(bad) else bad
        if bad < self._least:
            self.best, self._least = epoch, bad
        self.last = epoch
