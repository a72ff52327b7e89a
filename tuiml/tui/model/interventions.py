"""The user's changes to a run: its marks on the curves, and the current settings."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from tuiml.text import plain_text
from tuiml.training.events import Intervention

MARKS_KEPT = 64


@dataclass(frozen=True)
class Mark:
    """A change: when, in epochs, its label, its number and what was changed."""

    x: float
    label: str
    number: int = 0
    what: str = ""


class Interventions:
    """The newest changes that were not undone, in their order."""

    def __init__(self) -> None:
        self.rates: deque[tuple[float, float]] = deque(maxlen=MARKS_KEPT)
        """Of a run of tuiml 0.1: when, in epochs, and to what learning rate."""
        self.marks: deque[Mark] = deque(maxlen=MARKS_KEPT)
        """Changes and rewinds."""
        self._sets: deque[tuple[int, str, Any]] = deque(maxlen=MARKS_KEPT)

    @property
    def settings(self) -> dict[str, Any]:
        """Optimizer and batch size where they differ from the preset's."""
        return {what: value for _, what, value in self._sets}

    def add_rate(self, x: float, rate: float) -> None:
        """Add a change of the learning rate; of several at the same step the last one counts."""
        if self.rates and self.rates[-1][0] == x:
            self.rates.pop()
        self.rates.append((x, rate))

    def add(self, event: Intervention) -> None:
        """Add a change or a rewind; of several learning rates at the same step the last one counts."""
        if event.what in ("optimizer", "batch_size"):
            self._sets.append((event.number, event.what, event.value))
        last, x = self.marks[-1] if self.marks else None, event.epochs_done
        if last and event.what == last.what == "rate" and last.x == x:
            self.marks.pop()
        self.marks.append(Mark(x, words_of(event), event.number, event.what))

    @property
    def last(self) -> int:
        """The number of the last change; 0 if there is none."""
        return self.marks[-1].number if self.marks else 0

    def forget(self, x: float, last: int) -> None:
        """Drop what came after ``x`` epochs and after the change of number ``last``."""
        self.marks = deque((c for c in self.marks if c.number <= last), MARKS_KEPT)
        self.rates = deque(((at, rate) for at, rate in self.rates if at <= x), MARKS_KEPT)
        self._sets = deque((change for change in self._sets if change[0] <= last), MARKS_KEPT)


def words_of(event: Intervention) -> str:
    """The label of a change, in a word or two; it may be from a file."""
    value: Any = event.value
    if event.what == "rate" and _is_number(value):
        return f"lr {value:.3g}"
    if event.what == "batch_size" and _is_number(value):
        return f"batch {value:,.0f}"
    if event.what == "optimizer":
        name = value.get("name") if isinstance(value, dict) else value
        return plain_text(str(name))[:16]
    if event.what == "rewind":
        return f"back {event.epoch:,}"
    if event.what == "settings" and isinstance(value, dict):
        pair = value.get("epochs")
        if isinstance(pair, list) and len(pair) == 2 and _is_number(pair[1]):
            return f"{pair[1]:,.0f} epochs"
        return "settings"
    return plain_text(event.what)[:16]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
