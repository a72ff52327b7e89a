"""Restore points of a run, kept in memory: many recent ones, few old ones, always the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tuiml.spec.preset import Training
from tuiml.training.schedule_state import Position

MOST = 100
"""RestorePoints at most, however small they are."""
ROOM = 64_000_000
"""Bytes for them where nobody says how many there are."""


@dataclass(frozen=True)
class Saved:
    """An engine's state in memory, and where the run stood."""

    state: Any
    position: Position
    size: int
    """Bytes of the state."""


@dataclass(frozen=True)
class RestorePoint(Saved):
    """What it takes to go back."""

    training: Training
    """The settings in force."""
    best: Saved | None = None
    """The best epoch until then."""
    loss: float = float("nan")
    """Of the epoch's batches until then; where there are none, of the epoch before."""


class RestorePoints:
    """RestorePoints in the order of their steps.

    When they are too many or too large, the one goes whose neighbours are nearest to each other for how long
    ago it was: gaps grow in proportion to the time since.

    Args:
        room: bytes that the states may take together, those of the best epochs included.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._kept: list[RestorePoint] = []
        self.version = 0
        """Another number after every change."""

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[RestorePoint]:
        return iter(self._kept)

    @property
    def size(self) -> int:
        """Bytes that the states take."""
        states = {id(s.state): s.size for m in self._kept for s in (m, m.best) if s is not None}
        return sum(states.values())

    def has(self, step: int) -> bool:
        """Whether the newest one is of that step."""
        return bool(self._kept) and self._kept[-1].position.step == step

    def add(self, moment: RestorePoint) -> None:
        """Keep a moment later than all others; of two at one step the first stays."""
        if self.has(moment.position.step):
            return
        self._kept.append(moment)
        self.version += 1
        while len(self._kept) > MOST or (self._kept and self.size > self._room):
            self._drop_one()

    def _drop_one(self) -> None:
        kept = self._kept
        if len(kept) <= 2:
            kept.pop()  # the first is worth more; and where there is no room for one, there is none
            return
        steps = [moment.position.step for moment in kept]
        now = steps[-1]
        densest = min(
            range(1, len(steps) - 1), key=lambda i: (steps[i + 1] - steps[i - 1]) / (now - steps[i] + 1)
        )
        del kept[densest]

    def at(self, step: int) -> RestorePoint | None:
        """The moment of a step, if it is kept."""
        return next((moment for moment in self._kept if moment.position.step == step), None)

    def nearest(self, step: int) -> RestorePoint | None:
        """The last moment at or before a step; else the first there is."""
        before = [moment for moment in self._kept if moment.position.step <= step]
        return before[-1] if before else self._kept[0] if self._kept else None

    def go_back(self, moment: RestorePoint) -> None:
        """Forget what came after a moment."""
        self._kept = [m for m in self._kept if m.position.step <= moment.position.step]
        self.version += 1
