"""Numbers that a loop reports at each step: kept as they are, and read only when an event is due.

On an accelerator a number is known only after all that was computed before it: reading each would make the
loop wait at every step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST = 1000
"""Values of a name that wait at most."""


class Scalars:
    """Means of named numbers since they were last taken, and over an epoch.

    Args:
        numbers: makes floats of values that were kept.
    """

    def __init__(self, numbers: Callable[[Sequence[Any]], list[float]]) -> None:
        self._numbers = numbers
        self._waiting: dict[str, list[Any]] = {}
        self._recent: dict[str, list[float]] = {}
        """By name: sum and number of values since they were taken,"""
        self._epoch: dict[str, list[float]] = {}
        """and since the epoch began."""
        self.last: dict[str, float] = {}
        """The newest values that were read."""

    def add(self, name: str, value: Any) -> None:
        """Keep a value."""
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = []
        waiting.append(value)
        if len(waiting) >= MOST:
            self._read()

    def _read(self) -> None:
        flat = [value for values in self._waiting.values() for value in values]
        found = iter(self._numbers(flat))
        for name, values in self._waiting.items():
            floats = [next(found) for _ in values]
            for sums in (self._recent, self._epoch):
                total = sums.setdefault(name, [0.0, 0])
                total[0] += sum(floats)
                total[1] += len(floats)
            self.last[name] = floats[-1]
        self._waiting = {}

    def take(self) -> dict[str, float]:
        """Means since the last call."""
        self._read()
        recent, self._recent = self._recent, {}
        return {name: total / count for name, (total, count) in recent.items()}

    def take_epoch(self) -> dict[str, float]:
        """Means since the epoch began; the next one begins."""
        self._read()
        epoch, self._epoch = self._epoch, {}
        return {name: total / count for name, (total, count) in epoch.items()}


def get(values: Mapping[str, float], name: str) -> float:
    """A value by its name; NaN if there is none."""
    return values.get(name, math.nan)
