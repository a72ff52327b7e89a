"""Shards of one task on threads of their own, or one after the other: whichever is faster just now.

A batch is split into shards and their results are put together in a fixed order, so the bits do not depend on
how many threads took part. So the choice can be made at run time: side by side on quiet cores, in turn when
another process keeps a core busy and a step would wait for the shard that lost its turn there.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from collections.abc import Callable

import numpy as np

from tuiml.backends.denormals import flushed
from tuiml.backends.forks import Forks

PROBE_EVERY = 0.25
"""Seconds between two trials of the way that is not in use, at least."""
PROBE_FRACTION = 0.03
"""Fraction of the time for these trials, at most."""
PROBE_RUNS = 3
"""Runs of such a trial, at least; the first warms caches and is not counted."""
PROBE_SECONDS = 0.03
"""Seconds of a trial of side by side, at least: another process holds it up for milliseconds at a time, and
in between it is fast."""
MEMORY = 0.1
"""Seconds over which the duration of a run is averaged. The app takes a core for some milliseconds several
times a second; judged by such a moment alone, each of them would put the shards in turn for a while."""


def parted(size: int, count: int) -> list[tuple[int, int]]:
    """Start and end of each of ``count`` nearly equal parts of ``size`` places."""
    ends = [size * k // count for k in range(count + 1)]
    return list(itertools.pairwise(ends))


class Pace:
    """Measures which of two ways to run the same thing is faster.

    Call :meth:`choose` before a run and :meth:`took` after it. ``True`` is side by side.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.side_by_side = True
        self._mean = {True: 0.0, False: 0.0}
        """Seconds a run takes each way, of late; 0 where it was never tried."""
        self._probe: list[float] | None = None
        self._next = self._probe_began = clock()

    def choose(self) -> bool:
        """The way to take now."""
        if self._probe is None and (now := self._clock()) >= self._next:
            self._probe, self._probe_began = [], now
        return self.side_by_side if self._probe is None else not self.side_by_side

    def took(self, seconds: float) -> None:
        """The run since :meth:`choose` took ``seconds``."""
        if self._probe is not None:
            self._probe.append(seconds)
            counted = self._probe[1:]
            if len(self._probe) >= PROBE_RUNS and (self.side_by_side or sum(counted) >= PROBE_SECONDS):
                self._judge(counted)
            return
        mean = self._mean[self.side_by_side]
        self._mean[self.side_by_side] = mean + min(0.5, mean / MEMORY) * (seconds - mean) if mean else seconds

    def _judge(self, probe: list[float]) -> None:
        """Compare the way just tried with the one in use."""
        found = sum(probe) / len(probe)
        self._mean[not self.side_by_side] = found
        if found < self._mean[self.side_by_side]:
            self.side_by_side = not self.side_by_side
        now = self._clock()
        self._probe, self._next = None, now + max(PROBE_EVERY, (now - self._probe_began) / PROBE_FRACTION)


class _Mailbox:
    """What a worker and its team share: no reference to the team, so that it can be collected."""

    def __init__(self) -> None:
        self.task: Callable[[int], None] | None = None
        self.error: BaseException | None = None
        # Bare locks, handed back and forth: a few microseconds, where conditions take fifty.
        self.go, self.done = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.done.acquire()


class Team:
    """Up to ``size`` shards of a task: the caller's thread takes the first, a thread each the others."""

    def __init__(self, size: int, pace: Pace | None = None) -> None:
        self.size = size
        self.pace = pace or Pace()
        self._boxes = [_Mailbox() for _ in range(size - 1)]
        for shard, box in enumerate(self._boxes, 1):
            threading.Thread(target=_work, args=(box, shard), name=f"shard {shard}", daemon=True).start()
        self.close = weakref.finalize(self, _dismiss, self._boxes)

    def run(
        self, count: int, *phases: Callable[[int], None], measured: bool = True, forks: Forks | None = None
    ) -> bool:
        """``phase(shard)`` for each of ``count`` shards; a phase begins when the one before is done.

        Args:
            measured: False for work of another size than most, by which the two ways cannot be compared.
            forks: what does these phases side by side in place of threads, if anything.

        Returns:
            Whether they ran side by side.
        """
        if count == 1:
            for phase in phases:
                phase(0)
            return False
        side_by_side = self.pace.choose() if measured else self.pace.side_by_side
        began = time.perf_counter()
        if side_by_side and forks:
            forks.run(*range(len(phases)))
        else:
            for phase in phases:
                if side_by_side:
                    self._together(phase, self._boxes[: count - 1])
                else:
                    for shard in range(count):
                        phase(shard)
        if measured:
            self.pace.took(time.perf_counter() - began)
        return side_by_side

    @staticmethod
    def _together(phase: Callable[[int], None], boxes: list[_Mailbox]) -> None:
        for box in boxes:
            box.task = phase
            box.go.release()
        try:
            phase(0)
        finally:
            for box in boxes:
                box.done.acquire()
        for box in boxes:
            error, box.error = box.error, None
            if error is not None:
                raise error


def _work(box: _Mailbox, shard: int) -> None:
    with np.errstate(all="ignore"), flushed():  # as the caller does; both are a thread's own
        while _next(box, shard):
            pass


def _next(box: _Mailbox, shard: int) -> bool:
    box.go.acquire()
    if box.task is None:
        return False
    try:
        box.task(shard)
    except BaseException as error:
        box.error = error
    box.task = None
    box.done.release()
    return True


def _dismiss(boxes: list[_Mailbox]) -> None:
    for box in boxes:
        box.task = None
        box.go.release()
