"""Time budgets: what is nice to know may cost only a small share of the time that training takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Budget:
    """Says when a task may run again.

    Args:
        share: of the time at most spent on the task, as 0.02.
        interval: seconds at least between two runs.
        clock: seconds, never going back.
        runs: the cheapest of so many runs says what one costs: where it is the same each time, a busy machine
            shall not make it rarer.
    """

    def __init__(self, share: float, interval: float, clock: Callable[[], float], runs: int = 1) -> None:
        self.share = share
        self._costs: deque[float] = deque(maxlen=runs)
        self._interval = interval
        self._clock = clock
        self.due_at = 0.0
        self.spent = 0.0
        """Seconds spent on the task so far."""
        self._before = 0.0

    def prepare(self, task: Callable[[], object]) -> None:
        """Do what the next run of the task needs beforehand; its cost is the run's."""
        began = self._clock()
        task()
        self._before += self._clock() - began

    def due(self, now: float) -> bool:
        """Whether the task may run at ``now``."""
        return now >= self.due_at

    def __enter__(self) -> Budget:
        self._began = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        now = self._clock()
        cost, self._before = now - self._began + self._before, 0.0
        self.spent += cost
        self._costs.append(cost)
        cost = min(self._costs)
        # Three quarters of the share: timers are coarse and the task slows what comes after it (caches).
        self.due_at = now + max(self._interval, cost / (0.75 * self.share))
