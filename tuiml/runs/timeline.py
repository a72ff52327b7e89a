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


def surviving(lines: Iterable[Line]) -> list[Line]:
    """The lines but for those that were taken back later, the rewinds themselves among what stays."""
    kept: list[Line] = []
    for line in lines:
        if is_rewind(line):
            step, since = whole(line, "value"), whole(line, "since")
            kept = [old for old in kept if _stays(old, step, since)]
        kept.append(line)
    return kept


def _stays(line: Line, step: int, since: int) -> bool:
    if line.get("event") == "intervention":
        return whole(line, "number") <= since
    return whole(line, "step") <= step


def taken_by_hand(lines: Iterable[Line]) -> list[Line]:
    """What was changed by hand in a run and not taken back."""
    found = [line for line in surviving(lines) if line.get("event") == "intervention"]
    return [line for line in found if not is_rewind(line)]
