"""Restore points of a run, kept in memory: many recent ones, few old ones, always the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tuiml.spec.preset import Training
from tuiml.training.schedule_state import Position

MOST = 100
"""The most restore points, however small they are."""
ROOM = 64_000_000
"""Bytes for restore points by default."""


@dataclass(frozen=True)
class Saved:
    """A copy of an engine's state, with the position of the run."""

    state: Any
    position: Position
    size: int
    """Bytes of the copy."""


@dataclass(frozen=True)
class RestorePoint(Saved):
    """A saved state with all that a run needs to go back to it."""

    training: Training
    """The settings in force."""
    best: Saved | None = None
    """The best epoch until then."""
    loss: float = float("nan")
    """Of the epoch's batches so far; if there are none, of the epoch before."""


class RestorePoints:
    """The restore points of a run in the order of their steps.

    When they are too many or too large, one is dropped so that gaps grow in proportion to age.

    Args:
        room: bytes that all copies may take, the best epochs' included.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._points: list[RestorePoint] = []
        self.version = 0
        """Grows with every change."""

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[RestorePoint]:
        return iter(self._points)

    @property
    def size(self) -> int:
        """Bytes of all copies."""
        states = {id(s.state): s.size for m in self._points for s in (m, m.best) if s is not None}
        return sum(states.values())

    def has(self, where: Position) -> bool:
        """True if the newest one is of that step, and of that epoch or a later one."""
        newest = self._points[-1].position if self._points else None
        return newest is not None and newest.step == where.step and newest.epoch >= where.epoch

    def add(self, point: RestorePoint) -> None:
        """Add a restore point later than all others; of two at one step and in one epoch the first stays.

        One before the end of an epoch is replaced by the one after it: the epoch would be reported twice.
        """
        if self.has(point.position):
            return
        if self._points and self._points[-1].position.step == point.position.step:
            self._points.pop()
        self._points.append(point)
        self.version += 1
        while len(self._points) > MOST or (self._points and self.size > self.room):
            self._drop_one()

    def _drop_one(self) -> None:
        points = self._points
        if len(points) <= 2:
            points.pop()  # the first is worth more; and where there is no room for one, there is none
            return
        steps = [point.position.step for point in points]
        now = steps[-1]
        densest = min(
            range(1, len(steps) - 1), key=lambda i: (steps[i + 1] - steps[i - 1]) / (now - steps[i] + 1)
        )
        del points[densest]

    def at(self, step: int) -> RestorePoint | None:
        """The restore point of a step, if there is one."""
        return next((point for point in self._points if point.position.step == step), None)

    def nearest(self, step: int) -> RestorePoint | None:
        """The last restore point at or before a step; else the first."""
        before = [point for point in self._points if point.position.step <= step]
        return before[-1] if before else self._points[0] if self._points else None

    def go_back(self, point: RestorePoint) -> None:
        """Drop the restore points after this one."""
        self._points = [m for m in self._points if m.position.step <= point.position.step]
        self.version += 1
