"""What was changed by hand in the course of a run: its marks on the curves, and the settings in force."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from tuiml.text import plain_text
from tuiml.training.events import Intervention

MARKS_KEPT = 64


@dataclass(frozen=True)
class Changed:
    """Something that was changed by hand: where it lies in epochs, in words, and which one it was."""

    x: float
    label: str
    number: int = 0
    what: str = ""


class Interventions:
    """The changes that were not taken back, in their order; the newest of them."""

    def __init__(self) -> None:
        self.rates: deque[tuple[float, float]] = deque(maxlen=MARKS_KEPT)
        """Of the learning rate in a run of tuiml 0.1: when, in epochs, and to what."""
        self.changed: deque[Changed] = deque(maxlen=MARKS_KEPT)
        """What was changed, and where the run went back to."""
        self._sets: deque[tuple[int, str, Any]] = deque(maxlen=MARKS_KEPT)

    @property
    def settings(self) -> dict[str, Any]:
        """Optimizer and batch size where they are not the preset's any more."""
        return {what: value for _, what, value in self._sets}

    def add_rate(self, x: float, rate: float) -> None:
        """The learning rate was changed ``x`` epochs into the run; several between two steps are one."""
        if self.rates and self.rates[-1][0] == x:
            self.rates.pop()
        self.rates.append((x, rate))

    def add(self, event: Intervention) -> None:
        """Something was changed, or the run went back; several rates between two steps are one."""
        if event.what in ("optimizer", "batch_size"):
            self._sets.append((event.number, event.what, event.value))
        last, x = self.changed[-1] if self.changed else None, event.epochs_done
        if last and event.what == last.what == "rate" and last.x == x:
            self.changed.pop()
        self.changed.append(Changed(x, words_of(event), event.number, event.what))

    def until(self, x: float) -> int:
        """The number of the last change in the first ``x`` epochs."""
        return max((c.number for c in self.changed if c.x <= x), default=0)

    def forget(self, x: float, since: int) -> None:
        """Forget what came after ``x`` epochs and so many changes."""
        self.changed = deque((c for c in self.changed if c.number <= since), MARKS_KEPT)
        self.rates = deque(((at, rate) for at, rate in self.rates if at <= x), MARKS_KEPT)
        self._sets = deque((kept for kept in self._sets if kept[0] <= since), MARKS_KEPT)


def words_of(event: Intervention) -> str:
    """What was changed, in a word or two; it may come from a file."""
    value: Any = event.value
    if event.what == "rate" and _is_number(value):
        return f"rate {value:.3g}"
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
