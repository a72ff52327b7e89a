"""A clock that does not advance while the process is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG = 2.0
"""Seconds between two readings after which the process may have been stopped."""
LEAST = 0.01
"""The least fraction of a processor that a process uses which trains."""
SAMPLE = 0.05
"""Seconds between two readings of the processor time, which takes longer than a step of a tiny network."""


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
        self._last = self._sampled = clock()
        self._last_used = used()
        self._stopped = 0.0

    def __call__(self) -> float:
        now = self._clock()
        passed, self._last = now - self._last, now
        if now - self._sampled > SAMPLE:
            used = self._used()
            worked = used - self._last_used
            if passed > LONG and worked < LEAST * passed + 4 * SAMPLE:  # some of it was before
                self._stopped += passed - worked
            self._sampled, self._last_used = now, used
        return now - self._stopped
