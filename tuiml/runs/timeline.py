"""Manual changes and rewinds in the lines of a run's metrics.

A rewind erases no lines: it adds one, and readers skip the lines that it undoes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

Line = dict[str, Any]


def whole(line: Line, name: str, default: int = 0) -> int:
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
    return whole(line, "last_intervention", whole(line, "since"))  # its name in files of 0.2 and before


def surviving(lines: Iterable[Line]) -> list[Line]:
    """The lines without those that later rewinds undo; the rewinds themselves stay."""
    kept: list[Line] = []
    step = since = math.inf  # the earliest that any later rewind went back to
    for line in reversed(list(lines)):
        manual = line.get("event") == "intervention"
        if whole(line, "number") <= since if manual else whole(line, "step") <= step:
            kept.append(line)
        if is_rewind(line):
            step, since = min(step, whole(line, "value")), min(since, last_intervention(line))
    kept.reverse()
    return kept


def manual_changes(lines: Iterable[Line]) -> list[Line]:
    """The lines of manual changes that were not undone."""
    found = [line for line in surviving(lines) if line.get("event") == "intervention"]
    return [line for line in found if not is_rewind(line)]
