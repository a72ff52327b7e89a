"""A run's metrics, a JSON object a line: appended to whatever the disk says, read whatever is in the file."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuiml.files import open_regular, open_to_append, write_all
from tuiml.runs.timeline import Line, is_rewind

MOST_LINE = 4 * 1024 * 1024
"""Bytes of a line that is read; a longer one is none of ours."""
MOST_READ = 1024 * 1024 * 1024
"""Bytes of a file that are read."""
MOST_WAITING = 4 * 1024 * 1024
"""Bytes of lines that wait in memory for the disk, before snapshots among them are dropped."""
BLOCK = 64 * 1024
LARGEST = 2**53
"""The largest whole number that a line may hold."""
MOST_TEXT = 100_000
"""Characters of one text in a line."""
MOST_VALUES = 100_000
"""Values of one list or table in a line."""
DEEPEST = 32
"""Lists and tables within each other in a line."""
COUNTS = (
    "step",
    "steps",
    "epoch",
    "epochs",
    "number",
    "last_intervention",
    "since",
    "batch_size",
    "best_epoch",
)
"""What is a whole number from 0 on in every line that has it."""


class Metrics:
    """Appends whole lines. What the disk does not take waits in memory, in order.

    No line is ever written behind a torn one: the file is cut back to its last whole line first.

    Raises:
        OSError: the file cannot be opened, or is unsafe to write to.
    """

    def __init__(self, path: Path) -> None:
        self._handle = open_to_append(path)
        try:
            self.size = _whole(self._handle)
            """Bytes of whole lines."""
        except BaseException:
            os.close(self._handle)
            raise
        self._torn = True  # what a writer that was killed has left behind them
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._bytes = 0

    @property
    def waits(self) -> bool:
        """Whether there are lines that the disk did not take yet."""
        return bool(self._waiting)

    def add(self, data: bytes, spare: bool) -> None:
        """Append a line, after those that wait.

        Args:
            data: with its line break.
            spare: it may be dropped where too much waits.

        Raises:
            OSError: it waits, too.
        """
        self._waiting.append((data, spare))
        self._bytes += len(data)
        if self._bytes > MOST_WAITING:
            self._drop()
        self.flush()

    def _drop(self) -> None:
        """Forget the spare ones that wait."""
        self._waiting = deque(entry for entry in self._waiting if not entry[1])
        self._bytes = sum(len(data) for data, _ in self._waiting)

    def flush(self) -> None:
        """Write the lines that wait.

        Raises:
            OSError: some of them still wait.
        """
        while self._waiting:
            data = self._waiting[0][0]
            if self._torn:
                os.ftruncate(self._handle, self.size)
            self._torn = True
            write_all(self._handle, data)
            self._torn = False
            self.size += len(data)
            self._bytes -= len(data)
            self._waiting.popleft()

    def sync(self) -> None:
        """Write what waits, and make it all durable.

        Raises:
            OSError: it is not.
        """
        self.flush()
        os.fsync(self._handle)

    def cut(self, size: int) -> None:
        """Drop what lies behind ``size`` bytes of whole lines.

        Raises:
            OSError: it is all still there.
        """
        os.ftruncate(self._handle, size)
        self.size, self._torn = size, False

    def close(self) -> None:
        """Let go of the file, with a last try for the lines that wait.

        Raises:
            OSError: they are lost.
        """
        try:
            self.sync()
        finally:
            os.close(self._handle)


def _whole(handle: int) -> int:
    """Bytes up to the last line break, looked for from the end."""
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - BLOCK)
        at = os.pread(handle, end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file, each with where it begins; of one that is too long to be ours, nothing.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(open_regular(path), "rb", buffering=BLOCK) as file:
        at, start, long = 0, 0, False
        while at < MOST_READ and (data := file.readline(MOST_LINE)):
            whole = data.endswith(b"\n")
            if whole:
                yield (start, b"") if long else (at, data)
            elif not whole and len(data) < MOST_LINE:
                return  # the writer was cut off, or is at it
            long = not whole
            at += len(data)
            start = at if whole else start


def parse(data: bytes | str) -> Line | None:
    """The object of a line; ``None`` where it is none, or holds values that no run writes."""
    if len(data) > MOST_LINE:
        return None
    try:
        line = json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and _counts(line) and _bounded(line) else None


def _counts(line: Line) -> bool:
    """Whether steps, epochs and numbers are whole and not negative."""
    names = (*COUNTS, "value") if is_rewind(line) else COUNTS
    return all(type(line[name]) is int and line[name] >= 0 for name in names if name in line)


def _bounded(line: Line) -> bool:
    """Whether every value is of a size that a run writes, and not nested too deep."""
    level: list[Any] = [line]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for part in level:
            if len(part) > MOST_VALUES:
                return False
            values = [*part, *part.values()] if isinstance(part, dict) else part
            kinds = set(map(type, values))
            if kinds == {int}:  # a histogram's counts: nearly all that there is
                if max(values) > LARGEST or min(values) < -LARGEST:
                    return False
            elif not all(map(_fits, values)):
                return False
            if dict in kinds or list in kinds:
                inner += [value for value in values if isinstance(value, dict | list)]
        if not inner:
            return True
        level = inner
    return False


def _fits(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MOST_TEXT
    if isinstance(value, float):
        return math.isfinite(value)  # 1e999 is read as infinity
    return not isinstance(value, int) or abs(value) <= LARGEST


def end_of(
    path: Path, step: int, known: int | None, redone: Callable[[Line], bool], interventions: int = 0
) -> int:
    """Where the lines end that a run has told which goes on from ``step``.

    Args:
        known: the size that the file had when that step was saved; else lines come in the order of steps,
            from where the run went back last.
        redone: whether the run will tell such a line again, be it of that very step.
        interventions: how many there were by then; the lines of later ones are beyond the end.
    """
    first = _last_way_back(path, interventions) if known is None else known
    end = 0
    for at, data in read_lines(path):
        line = parse(data) or {}
        told = _step(line)
        later = told is not None and (told > step if known is None else told != step)
        later |= line.get("event") == "intervention" and number_of(line) > interventions
        if at >= first and (later or redone(line)):
            return at
        end = at + len(data)
    return end


def _last_way_back(path: Path, interventions: int) -> int:
    """Where the line ends by which a run last went back, of so many interventions; 0: it never did."""
    end = 0
    for at, data in read_lines(path) if interventions else ():
        line = parse(data) or {}
        if line.get("event") == "intervention":
            if number_of(line) > interventions:
                break
            end = at + len(data) if line.get("what") == "rewind" else end
    return end


def number_of(line: Line) -> float:
    """Which one of its kind a line is about, from 1; 0 where it does not say."""
    number = line.get("number", 0)
    return number if isinstance(number, int | float) and not isinstance(number, bool) else 0


def _step(line: Line) -> float | None:
    step = line.get("step")
    return step if isinstance(step, int | float) and not isinstance(step, bool) else None
