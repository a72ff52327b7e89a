"""A run's metrics, one JSON object per line: appended even if the disk fails, read whatever the file has."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from tuiml.files import open_regular, open_to_append, write_all
from tuiml.runs.timeline import Line, is_rewind

MOST_LINE = 4 * 1024 * 1024
"""The most bytes of a line; longer ones are skipped."""
MOST_WAITING = 4 * 1024 * 1024
"""Bytes of lines that wait in memory for the disk before snapshots among them are dropped."""
BLOCK = 64 * 1024
LARGE_BLOCK = 4 * BLOCK
LARGEST = 2**53
"""The largest integer in a line."""
MOST_TEXT = 100_000
"""The most characters of a text in a line."""
MOST_VALUES = 100_000
"""The most values of a list or table in a line."""
DEEPEST = 32
"""The deepest nesting of lists and tables in a line."""
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)
_COUNTS = frozenset(
    ("step", "steps", "epoch", "epochs", "number", "last_intervention", "since", "batch_size", "best_epoch")
)
"""Fields that are integers ≥ 0 in every line."""
_REWIND_COUNTS = _COUNTS | {"value"}


class Metrics:
    """Appends lines. What the disk refuses waits in memory, in order.

    No line is ever written after an incomplete one: the file is cut back to its last complete line first.

    Raises:
        OSError: the file cannot be opened, or is unsafe to write to.
    """

    def __init__(self, path: Path) -> None:
        self._handle = open_to_append(path)
        try:
            self.size = _size_of_lines(self._handle)
            """Bytes of complete lines."""
        except BaseException:
            os.close(self._handle)
            raise
        self._torn = True  # a writer that was killed may have left an incomplete line
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._bytes = 0

    @property
    def waits(self) -> bool:
        """True if lines wait for the disk."""
        return bool(self._waiting)

    def add(self, data: bytes, spare: bool) -> None:
        """Append a line, after those that wait.

        Args:
            data: with its line break.
            spare: it may be dropped if too much waits.

        Raises:
            OSError: it waits in memory.
        """
        self._waiting.append((data, spare))
        self._bytes += len(data)
        if self._bytes > MOST_WAITING:
            self._drop()
        self.flush()

    def _drop(self) -> None:
        """Drop the spare lines that wait."""
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
        """Write the lines that wait, and make them durable.

        Raises:
            OSError: not all are.
        """
        self.flush()
        os.fsync(self._handle)

    def cut(self, size: int) -> None:
        """Cut the file back to ``size`` bytes.

        Raises:
            OSError: nothing was cut.
        """
        os.ftruncate(self._handle, size)
        self.size, self._torn = size, False

    def close(self) -> None:
        """Write the lines that wait and close the file.

        Raises:
            OSError: they are lost.
        """
        try:
            self.sync()
        finally:
            os.close(self._handle)


def _size_of_lines(handle: int) -> int:
    """Bytes up to the last line break."""
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - BLOCK)
        at = os.pread(handle, end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def read_lines(path: Path, first: int = 0, most: float = math.inf) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file, each with its offset; a line that is too long is empty.

    Args:
        first: the offset of the first of them.
        most: no line is read that begins as many bytes after that one.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(open_regular(path), "rb", buffering=BLOCK) as file:
        file.seek(first)
        at, start, long = first, first, False
        while at < first + most and (data := file.readline(MOST_LINE)):
            whole = data.endswith(b"\n")
            if whole:
                yield (start, b"") if long else (at, data)
            elif not whole and len(data) < MOST_LINE:
                return  # the writer was cut off, or still writes it
            long = not whole
            at += len(data)
            start = at if whole else start


def lines_having(path: Path, *words: bytes, first: int = 0, most: float = math.inf) -> Iterator[bytes]:
    """The complete lines of a file that have one of some words, without their line breaks; the others cost
    nearly nothing.

    Args:
        first: the offset of the first line that is read.
        most: about how many bytes are read.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(open_regular(path), "rb", buffering=0) as file:
        file.seek(first)
        rest, count = b"", 0
        while count < most and (block := file.read(LARGE_BLOCK)):
            count += len(block)
            head, found, tail = block.rpartition(b"\n")
            if not found:  # of a line that is too long only the beginning stays
                rest = (rest + block)[: MOST_LINE + 1]
                continue
            whole, rest = rest + head, tail
            if any(word in whole for word in words):
                yield from (line for line in whole.split(b"\n") if any(word in line for word in words))


def parse(data: bytes | str) -> Line | None:
    """The object of a line; ``None`` if it is not one, or has values that no run writes."""
    if len(data) > MOST_LINE:
        return None
    try:
        line = from_json(data, allow_inf_nan=False)
    except ValueError:  # it may have what only the other decoder takes: NaN, half of a character
        try:
            line = _DECODER.decode(data if isinstance(data, str) else data.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            return None
    return line if isinstance(line, dict) and _plausible(line, flat=len(data) <= MOST_TEXT) else None


def _plausible(line: Line, flat: bool) -> bool:
    """True if steps, epochs and numbers are integers ≥ 0, and no value is larger or nested deeper than what a
    run writes. There may be a million lines; most are ``flat``: they have no long text, list or table."""
    counts = _REWIND_COUNTS if is_rewind(line) else _COUNTS
    for name, value in line.items():
        kind = type(value)
        if kind is int:
            if not -LARGEST <= value <= LARGEST or (value < 0 and name in counts):
                return False
        elif name in counts or (kind is float and not -math.inf < value < math.inf):
            return False
        elif kind is dict or kind is list:
            flat = False
    return flat or _bounded(line)


def _bounded(line: Line) -> bool:
    """True if no value is larger or nested deeper than what a run writes."""
    level: list[Any] = [line]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for part in level:
            if len(part) > MOST_VALUES:
                return False
            values = [*part, *part.values()] if isinstance(part, dict) else part
            kinds = set(map(type, values))
            if kinds == {int}:  # a histogram's counts: nearly all values
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
    """The offset after the last line that stays when a run resumes from ``step``.

    Args:
        known: the size of the file when that step was saved; without it, lines are taken to be in the order
            of steps after the last rewind.
        redone: returns True for a line that the run will write again, even of that very step.
        interventions: their number at that step; the lines of later ones do not stay.
    """
    first = _last_rewind(path, interventions) if known is None else known
    end = first if _begins(path, first) else 0
    for at, data in read_lines(path, end):
        line = parse(data) or {}
        at_step = line.get("step", step)
        later = at_step > step if known is None else at_step != step
        later |= line.get("event") == "intervention" and line.get("number", 0) > interventions
        if at >= first and (later or redone(line)):
            return at
        end = at + len(data)
    return end


def _begins(path: Path, at: int) -> bool:
    """True if a line begins at an offset, or may be appended there."""
    with os.fdopen(open_regular(path), "rb") as file:
        return at == 0 or os.pread(file.fileno(), 1, at - 1) == b"\n"


def _last_rewind(path: Path, interventions: int) -> int:
    """The offset after the last rewind among so many interventions; 0 if there is none."""
    end = 0
    for at, data in read_lines(path) if interventions else ():
        line = parse(data) or {}
        if line.get("event") == "intervention":
            if line.get("number", 0) > interventions:
                break
            end = at + len(data) if line.get("what") == "rewind" else end
    return end
