"""A simulated worker process: the real worker of a study, without pipes, threads and real time."""

from __future__ import annotations

import io
import json
import math
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.simulator.clock import clock
from tests.simulator.disk import Killed, Process
from tests.simulator.plan import Broken
from tuiml.studies.worker import DONE, FAILED, GRACE, Worker, lines_of

if TYPE_CHECKING:
    from tests.simulator.machine import Machine

START, PACE = 0.4, 0.02
"""Seconds in which a process starts, and from one event to the next."""


@dataclass(frozen=True)
class Fate:
    """What becomes of a worker that begins a trial."""

    kind: str = ""
    amount: float = 0.0
    torn: float = 0.0


class Child:
    """A worker process, as :class:`subprocess.Popen` shows it."""

    def __init__(self, machine: Machine, errors: io.BytesIO) -> None:
        self._machine, self._errors, self.parent = machine, errors, machine.disk.acting
        self.process = Process("worker")
        self.stdin, self.stdout = self, SimpleNamespace(close=lambda: None)
        self.code: int | None = None
        self.trial, self._again, self.writes = "", "", False
        """What it trains, and whether it has begun to write there."""
        self.tell: Callable[[Any], None] = lambda _: None
        self._worker: Worker | None = None
        self._training: Iterator[None] | None = None
        self._fate, self._steps = Fate(), 0
        self._at, self._pace, self._delay, self._arrives = clock.passed + START, PACE, 0.0, 0.0
        self._inbox: list[str] = []
        self._closed, self._ends = False, math.inf
        self._busy = self._paused = False

    # -- as the pool sees it -------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Send it an order."""
        if self.parent.dead:
            raise Killed
        if self.code is not None:
            raise BrokenPipeError
        order = json.loads(text)
        if order["do"] in ("train", "find_rate") and order["trial"] == self._again:
            self._again = ""
        if self._worker:
            self._worker.hear(text)
        else:
            self._inbox.append(text)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Close its stdin."""
        if not self._closed and self.code is None:
            self._closed, self._ends = True, clock.passed + GRACE
            if self._worker:
                self._worker.leave()

    def wait(self, patience: float = 0.0) -> int:
        """Wait for its end."""
        if self.parent.dead:
            raise Killed
        until = clock.passed + patience
        while self.code is None:
            if not self._machine.advance(until):
                clock.passed = max(clock.passed, until)
                raise subprocess.TimeoutExpired("worker", patience)
        return self.code

    def kill(self) -> None:
        self.die()

    # -- its life ------------------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """When it goes on; infinite: not by itself."""
        if self.code is not None or self._busy:
            return math.inf
        waits = self._worker is not None and (
            self._worker.orders.empty() if not self._training else self._held
        )
        return min(math.inf if waits else self._at, self._ends)

    @property
    def _held(self) -> bool:
        """Whether it is paused, and has said so."""
        current = self._worker._current if self._worker else None
        return self._paused and current is not None and current[1].paused

    def step(self) -> None:
        """Let it go on by one event."""
        disk = self._machine.disk
        before, disk.acting, self._busy = disk.acting, self.process, True
        try:
            if self._ends <= clock.passed:
                self._end(1)
            else:
                self._go_on()
        except Killed:
            self._busy = False
            self.die()
        finally:
            disk.acting, self._busy = before, False

    def _go_on(self) -> None:
        if self._worker is None:
            self._worker = Worker(_Out(self))  # type: ignore[arg-type]  # it only writes to it
            for text in self._inbox:
                self._worker.hear(text)
            if self._closed:
                self._worker.leave()
        elif self._training is None:
            self._begin(self._worker.orders.get_nowait())
        else:
            self._live(self._training)
        self._at = clock.passed + self._pace

    def _begin(self, order: Any) -> None:
        assert self._worker is not None
        if order is None:
            self._end(0)
            return
        self._machine.counted["trials begun"] += 1
        self._fate = self._machine.fates.popleft() if self._machine.fates else Fate()
        self._steps, self.trial, self._paused = 0, str(order["trial"]), False
        self._pace, self._delay = PACE, 0.0
        if self._fate.kind == "slow":
            self._pace = self._fate.amount
        elif self._fate.kind == "late":
            self._delay = self._fate.amount
        elif self._fate.kind == "fuse":
            self.process.fuse, self.process.torn = int(self._fate.amount), self._fate.torn
        self._training = self._worker.train(order)

    def _live(self, training: Iterator[None]) -> None:
        self._steps += 1
        if self._fate.kind == "die" and self._steps > self._fate.amount:
            raise Killed
        if self._fate.kind == "exit" and self._steps > self._fate.amount:
            self._errors.write(b"Traceback\nMemoryError: simulated\n")
            self._end(1)
        elif next(training, self) is self:
            self._training, self.trial, self.writes = None, "", False

    def heard(self, text: str) -> None:
        """What it prints."""
        line = json.loads(text)
        last, kind = line["event"] in (DONE, FAILED), self._fate.kind
        if line["event"] == "start":
            self._alone()
        self._paused = line["event"] == "state" and line["state"] == "paused"
        if last and kind in ("mute", "torn"):
            self._deliver(text[: len(text) // 2] if kind == "torn" else "")
            self._perish()
        self._deliver(text)
        if last and kind == "twice":
            self._again = self.trial
            self._machine.post(clock.passed + self._fate.amount, lambda: self._repeat(line))
        if last and kind == "after":
            self._perish()

    def _perish(self) -> None:
        self.process.dead = True  # first: what it still does on its way out has no effect
        raise Killed

    def _alone(self) -> None:
        """It writes to the run of its trial from now on."""
        self.writes = True
        others = [one for one in self._machine.children if one is not self and one.code is None]
        if any(one.writes and one.trial == self.trial for one in others):
            raise Broken("one process writes to a trial", f"two write to {self.trial}")

    def _deliver(self, text: str) -> None:
        self._arrives = max(self._arrives, clock.passed + self._delay)
        for line in lines_of(iter([text])):
            self._machine.post(self._arrives, lambda line=line: self.tell(line))  # type: ignore[misc]

    def _repeat(self, line: dict[str, Any]) -> None:
        """Its last line comes again, unless it was given that very trial anew: no pipe does that."""
        if self._again == line["trial"]:
            self.tell(line)

    def die(self) -> None:
        """It is killed; what it has not written is lost."""
        self.process.dead = True
        if self.code is None and not self._busy:
            self._end(-9)
            self._machine.died()

    def _end(self, code: int) -> None:
        self.process.dead, self.code = True, code
        if code:
            self._machine.counted["workers killed" if code < 0 else "workers that ended"] += 1
        disk = self._machine.disk
        before, disk.acting = disk.acting, self.process
        with suppress(Killed, StopIteration, RuntimeError, OSError):
            if self._training is not None:
                self._training.close()  # type: ignore[attr-defined]  # a generator
        disk.acting = before
        disk.release(self.process)
        self._arrives = max(self._arrives, clock.passed)
        self._machine.post(self._arrives, lambda: self.tell(None))


class _Out:
    """The stdout of a worker process."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def write(self, text: str) -> None:
        self._child.heard(text)

    def flush(self) -> None:
        """Nothing waits."""
