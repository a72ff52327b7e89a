"""Manual changes and rewinds in the lines of a run's metrics.

A rewind erases no lines: it adds one, and readers skip the lines that it undoes.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

Line = dict[str, Any]


def integer(line: Line, name: str, default: int = 0) -> int:
    """An integer of a line, or ``default``."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return int(value)


def is_rewind(line: Line) -> bool:
    """True for the line of a rewind."""
    return line.get("event") == "intervention" and line.get("what") == "rewind"


def last_intervention(line: Line) -> int:
    """Of a rewind: the number of the last intervention before the step gone back to."""
    return integer(line, "last_intervention", integer(line, "since"))  # its name in files of 0.2 and before


def surviving(rewinds: Iterable[Line], lines: Iterable[Line]) -> Iterator[Line]:
    """The lines, one by one, without those that later ``rewinds`` among them undo; the rewinds stay."""
    steps, numbers = array("d"), array("d")
    for line in rewinds:
        steps.append(integer(line, "value"))
        numbers.append(last_intervention(line))
    for i in range(len(steps) - 2, -1, -1):  # the earliest that this rewind, or any later one, went back to
        steps[i], numbers[i] = min(steps[i], steps[i + 1]), min(numbers[i], numbers[i + 1])
    later = 0
    for line in lines:
        later += is_rewind(line)
        if later >= len(steps):
            yield line
        elif line.get("event") == "intervention":
            if integer(line, "number") <= numbers[later]:
                yield line
        elif integer(line, "step") <= steps[later]:
            yield line
