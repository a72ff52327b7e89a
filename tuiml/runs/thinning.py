"""Thins out the lines about batches in a run's metrics, so that its curves can be drawn again later.

In the first twenty seconds of training all lines are written (at most ten per second), then ever fewer: two
lines are 1/200 of the training time apart, a gap that no chart can show. A day has under 2,000 lines. A line
has the means over all batches since the one before.
"""

from __future__ import annotations

from typing import Any

from tuiml.training.events import End, Epoch, Intervention, Progress, Start, State, kind_of

Line = dict[str, Any]

GAP = 1 / 200
"""Seconds between two lines, as a fraction of the seconds trained so far."""
SMALLEST_GAP = 0.1
"""Seconds between two lines at least."""
MEANS = ("train_loss", "train_accuracy")


class Thinner:
    """Takes the lines of a run in order and returns those to be written."""

    def __init__(self) -> None:
        self._step = 0
        """The last step of all lines so far."""
        self._weight = 0
        """Steps in the line that waits."""
        self._waiting: Line | None = None
        self._due = 0.0
        self._at = 0.0
        self._epoch = 0
        """The epoch of the last line that was written."""

    def take(self, line: Line) -> list[Line]:
        """The lines to write after ``line`` has come, in order."""
        kind = kind_of(line["event"])
        if kind is Progress:
            return self._batch(line)
        if kind is Start:
            self._step, self._waiting = _integer(line, "step"), None
        elif kind is Epoch:
            # An epoch without such a line is drawn by its own means.
            before = self.flush() if self._epoch == line.get("epoch") else []
            self._step, self._waiting = _integer(line, "step"), None
            return [*before, line]
        elif kind in (State, Intervention, End):  # here the curve may have a corner, or its end
            return [*self.flush(), line]
        return [line]

    def _batch(self, line: Line) -> list[Line]:
        step, seconds = _integer(line, "step"), line.get("seconds") or 0.0
        if step < self._step or seconds < self._at:  # the run went back
            self._waiting, self._due = None, 0.0
        steps = max(1, step - self._step)
        self._step = step
        before = self._waiting
        if before is not None and before.get("epoch") == line.get("epoch"):
            line = line | {name: self._mean(before.get(name), line.get(name), steps) for name in MEANS}
            self._weight += steps
        else:
            self._weight = steps
        self._waiting = line
        if seconds < self._due:
            return []
        self._due, self._at = seconds + max(SMALLEST_GAP, seconds * GAP), seconds
        return self.flush()

    def _mean(self, old: Any, new: Any, steps: int) -> float | None:
        if old is None or new is None:  # not finite
            return None
        return float(old) + (float(new) - float(old)) * steps / (self._weight + steps)

    def flush(self) -> list[Line]:
        """The line that waits, where the curve has a corner or the run is cut off."""
        line, self._waiting = self._waiting, None
        if line is None:
            return []
        self._epoch = _integer(line, "epoch")
        return [line]


def _integer(line: Line, name: str) -> int:
    value = line.get(name, 0)
    return value if isinstance(value, int) else 0
