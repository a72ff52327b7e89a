"""Time that only the simulator moves. Install it before tuiml is imported: clocks are default arguments."""

from __future__ import annotations

import time
from collections.abc import Callable

TICK = 20e-6
"""Seconds that pass at each look at a clock, so that no loop that waits for a time is endless."""
real_time, real_sleep = time.perf_counter, time.sleep


class Clock:
    """The clocks of the simulated machine: one that only rises, and the time of day, which may jump."""

    def __init__(self) -> None:
        self.reset()

    def reset(self, others: Callable[[float], None] | None = None) -> None:
        """Begin anew.

        Args:
            others: called in place of sleeping: lets other processes work meanwhile, and time pass.
        """
        self.passed, self.jumped, self._others = 0.0, 0.0, others

    def steady(self) -> float:
        self.passed += TICK
        return self.passed

    def of_day(self) -> float:
        return 1.8e9 + self.steady() + self.jumped

    def sleep(self, seconds: float) -> None:
        if self._others:
            self._others(seconds)
        else:
            self.passed += max(seconds, 0.0)

    def install(self) -> None:
        """Replace the clocks of this process."""
        time.perf_counter = time.monotonic = time.process_time = self.steady
        time.time = self.of_day
        time.time_ns = lambda: int(self.of_day() * 1e9)
        time.sleep = self.sleep


clock = Clock()
