"""Which of a run's many lines about batches are kept, so that its curves can be drawn again later.

For the first twenty seconds of training all that come (ten a second at most), then ever more rarely: two
lines are a two-hundredth of the time trained apart, which no chart can show. A day is under 2,000 lines. What
lies between two of them is not lost: a line that is kept has the means over all batches since the one before.
"""

from __future__ import annotations

from typing import Any

from tuiml.training.events import End, Epoch, Intervention, Progress, Start, State, kind_of

Line = dict[str, Any]

SHARE = 1 / 200
"""Of the seconds trained so far that lie between two lines at least."""
LEAST = 0.1
"""Seconds between two lines at least."""
MEANS = ("train_loss", "train_accuracy")


class Thinner:
    """Takes the lines of a run in order, and says which are to be written."""

    def __init__(self) -> None:
        self._step = 0
        """The last step that is in a line that was taken."""
        self._weight = 0
        """Steps that wait to be written."""
        self._waiting: Line | None = None
        self._due = 0.0
        self._at = 0.0
        self._epoch = 0
        """The epoch of the last line that was written."""

    def take(self, line: Line) -> list[Line]:
        """What is to be written now that ``line`` has come, in order; of other kinds, those lines too."""
        kind = kind_of(line["event"])
        if kind is Progress:
            return self._batch(line)
        if kind is Start:
            self._step, self._waiting = _whole(line, "step"), None
        elif kind is Epoch:
            # An epoch of which nothing was written is drawn by its own means.
            before = self._flush() if self._epoch == line.get("epoch") else []
            self._step, self._waiting = _whole(line, "step"), None
            return [*before, line]
        elif kind in (State, Intervention, End):  # here the curve may have a corner, or its end
            return [*self._flush(), line]
        return [line]

    def _batch(self, line: Line) -> list[Line]:
        step, seconds = _whole(line, "step"), line.get("seconds") or 0.0
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
        self._due, self._at = seconds + max(LEAST, seconds * SHARE), seconds
        return self._flush()

    def _mean(self, old: Any, new: Any, steps: int) -> float | None:
        if old is None or new is None:  # not finite
            return None
        return float(old) + (float(new) - float(old)) * steps / (self._weight + steps)

    def _flush(self) -> list[Line]:
        line, self._waiting = self._waiting, None
        if line is None:
            return []
        self._epoch = _whole(line, "epoch")
        return [line]


def _whole(line: Line, name: str) -> int:
    value = line.get(name, 0)
    return value if isinstance(value, int) else 0
