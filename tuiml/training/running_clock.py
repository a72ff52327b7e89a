"""A clock that stands still while the process is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG = 2.0
"""Seconds between two looks after which the process may have been stopped."""
LEAST = 0.01
"""The least fraction of a processor that a process uses which trains."""


class RunningClock:
    """Seconds, without those in which the process was stopped (SIGSTOP): it computed nothing then.

    Args:
        clock: seconds, never going back.
        used: seconds of processor time of this process.
    """

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, used: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._used = clock, used
        self._last, self._last_used = clock(), used()
        self._stopped = 0.0

    def __call__(self) -> float:
        now, used = self._clock(), self._used()
        passed, worked = now - self._last, used - self._last_used
        if passed > LONG and worked < LEAST * passed:
            self._stopped += passed - worked
        self._last, self._last_used = now, used
        return now - self._stopped
