"""What may be asked of a study that is run, from any thread."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import Any, Literal

Do = Literal["pause", "resume", "stop_trial", "resume_trial", "more_seeds"]
MOST_SEEDS = 1000


@dataclass(frozen=True)
class StudyOrder:
    """Something to do with the study, or with one trial."""

    do: Do
    trial: str = ""
    """The name of its run folder; empty: all that are trained."""
    count: int = 1
    """How many seeds."""


class StudyControl:
    """Stops, pauses and resumes a study or one of its trials, and adds seeds."""

    def __init__(self) -> None:
        self.stopped = False
        self._orders: queue.SimpleQueue[StudyOrder] = queue.SimpleQueue()

    def stop(self) -> None:
        """Stop all trials after their current batch, save them, and end."""
        self.stopped = True

    def order(self, order: StudyOrder) -> None:
        """Have something done."""
        self._orders.put(order)

    def take(self) -> list[StudyOrder]:
        """The orders since the last call."""
        found = []
        while not self._orders.empty():
            found.append(self._orders.get())
        return found


def read_order(message: Any) -> StudyOrder | None:
    """An order from another process; ``None`` for one that cannot be used."""
    if not isinstance(message, dict):
        return None
    do, trial, count = message.get("do"), message.get("trial", ""), message.get("count", 1)
    known = ("pause", "resume", "stop_trial", "resume_trial", "more_seeds")
    if do not in known or not isinstance(trial, str) or not (do in ("pause", "resume") or trial):
        return None
    if type(count) is not int or not 1 <= count <= MOST_SEEDS:
        return None
    return StudyOrder(do, trial, count)
