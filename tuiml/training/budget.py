"""Time budgets: optional tasks may take only a small fraction of the training time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Budget:
    """Decides when a task may run again.

    Args:
        fraction: of the time that the task may take, such as 0.02.
        interval: seconds between two runs, at least.
        clock: seconds, never going back.
        runs: a run is taken to cost as much as the cheapest of the last ``runs``. More than 1 for tasks that
            always cost the same, so that a busy machine does not make them rarer.
    """

    def __init__(self, fraction: float, interval: float, clock: Callable[[], float], runs: int = 1) -> None:
        self.fraction = fraction
        self._costs: deque[float] = deque(maxlen=runs)
        self._interval = interval
        self._clock = clock
        self.due_at = 0.0
        self.spent = 0.0
        """Seconds spent on the task so far."""
        self._prepared = 0.0

    def prepare(self, task: Callable[[], object]) -> None:
        """Prepare the next run of the task; the time counts as part of that run."""
        began = self._clock()
        task()
        self.charge(self._clock() - began)

    def charge(self, seconds: float) -> None:
        """Count time that was spent on the next run of the task."""
        self._prepared += seconds

    def due(self, now: float) -> bool:
        """True if the task may run at ``now``."""
        return now >= self.due_at

    def due_now(self) -> bool:
        """True if the task may run now."""
        return self._clock() >= self.due_at

    def __enter__(self) -> Budget:
        self._began = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        now = self._clock()
        cost, self._prepared = now - self._began + self._prepared, 0.0
        self.spent += cost
        self._costs.append(cost)
        cost = min(self._costs)
        # Three quarters of it: timers are coarse and the task slows what comes after it (caches).
        self.due_at = now + max(self._interval, cost / (0.75 * self.fraction))
