"""The lines of a run's metrics in which something was changed by hand, or the run went back.

Nothing is erased when a run goes back: a line says so, and whoever reads passes over what it takes back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

Line = dict[str, Any]


def whole(line: Line, name: str, default: int = 0) -> int:
    """A whole number of a line, else ``default``."""
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return int(value)


def is_rewind(line: Line) -> bool:
    """Whether the run went back there."""
    return line.get("event") == "intervention" and line.get("what") == "rewind"


def last_intervention(line: Line) -> int:
    """Of a rewind: the number of the last intervention before the step gone back to."""
    return whole(line, "last_intervention", whole(line, "since"))  # its name in files of 0.2 and before


def surviving(lines: Iterable[Line]) -> list[Line]:
    """The lines but for those that were taken back later, the rewinds themselves among what stays."""
    kept: list[Line] = []
    step = since = math.inf  # the least that any later rewind went back to
    for line in reversed(list(lines)):
        by_hand = line.get("event") == "intervention"
        if whole(line, "number") <= since if by_hand else whole(line, "step") <= step:
            kept.append(line)
        if is_rewind(line):
            step, since = min(step, whole(line, "value")), min(since, last_intervention(line))
    kept.reverse()
    return kept


def taken_by_hand(lines: Iterable[Line]) -> list[Line]:
    """What was changed by hand in a run and not taken back."""
    found = [line for line in surviving(lines) if line.get("event") == "intervention"]
    return [line for line in found if not is_rewind(line)]
