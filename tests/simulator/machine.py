"""The worker processes of a simulated machine, which take turns, and what a pool of them has of the system.

What :mod:`tuiml.studies.pool` uses of the system is replaced: a process is a generator that
:class:`Machine` lets go on when its time has come, and the lines that it prints arrive when they are due.
"""

from __future__ import annotations

import heapq
import io
import itertools
import math
import queue
import subprocess
from collections import Counter, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.simulator.clock import clock
from tests.simulator.disk import Disk, Killed, Process
from tests.simulator.plan import Broken
from tests.simulator.workers import Child, Fate

IDLE = 50
"""How often nothing can happen before that is a fault."""


class Machine:
    """The worker processes of a machine, which take turns."""

    def __init__(self, disk: Disk, counted: Counter[str]) -> None:
        self.disk, self.counted = disk, counted
        self.children: list[Child] = []
        self.fates: deque[Fate] = deque()
        """Of the next trials that are begun."""
        self.died: Callable[[], None] = lambda: None
        self.bored: Callable[[], None] = lambda: None
        """What a user does where nothing can happen."""
        self.waiting = 0
        """Lines that were heard and not read yet."""
        self._posts: list[tuple[float, int, Callable[[], None]]] = []
        self._count, self._idle = itertools.count(), 0

    # -- time ----------------------------------------------------------------------------------------------

    def post(self, at: float, what: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._posts, (at, next(self._count), what))

    def advance(self, until: float) -> bool:
        """Let the next thing happen, unless it is later; returns whether it did."""
        self.children = [child for child in self.children if child.code is None]
        child = min(self.children, key=lambda one: one.due, default=None)
        at = child.due if child else math.inf
        posted = bool(self._posts) and self._posts[0][0] <= at
        at = self._posts[0][0] if posted else at
        if at > until:
            return False
        clock.passed, self._idle = max(clock.passed, at), 0
        if posted:
            heapq.heappop(self._posts)[2]()
        elif child:
            child.step()
        return True

    def sleep(self, seconds: float) -> None:
        """What a process that waits lets the others do."""
        until = clock.passed + max(seconds, 0.0)
        while self.advance(until):
            pass
        clock.passed = max(clock.passed, until)

    def wait(self, until: float) -> None:
        """The study waits for a line, and gets none; where none can come, the user does something."""
        if not self._posts and all(math.isinf(child.due) for child in self.children):
            self._idle += 1
            if self._idle > IDLE:
                raise Broken("a study comes to its end", "it waits, but nothing can happen")
            self.bored()
        clock.passed = max(clock.passed, until)

    # -- in place of what tuiml.studies.pool has of the system ---------------------------------------------

    def parts(self) -> dict[str, Any]:
        """By the names of modules there."""
        return {
            "subprocess": SimpleNamespace(
                Popen=self._popen, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
            ),
            "threading": SimpleNamespace(Thread=_Listener),
            "tempfile": SimpleNamespace(TemporaryFile=io.BytesIO),
            "queue": SimpleNamespace(SimpleQueue=lambda: _Heard(self), Empty=queue.Empty),
        }

    def _popen(self, *_: Any, stderr: io.BytesIO, **__: Any) -> Child:
        child = Child(self, stderr)
        self.children.append(child)
        self.counted["workers"] += 1
        return child

    # -- ends ----------------------------------------------------------------------------------------------

    def orphan(self, parent: Process) -> None:
        """The process that started them has ended: their stdin closes, and nobody reads what they print."""
        for child in self.children:
            if child.parent is parent:
                child.tell = lambda _: None
                child.close()

    def kill_all(self) -> None:
        for child in self.children:
            child.die()
        self._posts.clear()
        self.fates.clear()


class _Heard:
    """The queue in which a pool finds what its listeners heard."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._parent = machine, machine.disk.acting
        self._lines: deque[Any] = deque()

    def put(self, line: Any) -> None:
        self._lines.append(line)
        self._machine.waiting = max(self._machine.waiting, len(self._lines))

    def get(self, timeout: float) -> Any:
        until = clock.passed + timeout
        while not self._lines:
            if not self._machine.advance(until):
                self._machine.wait(until)
                break
        if self._parent.dead:
            raise Killed
        return self.get_nowait()

    def get_nowait(self) -> Any:
        if not self._lines:
            raise queue.Empty
        return self._lines.popleft()


class _Listener:
    """The thread of a pool that reads what a process prints."""

    def __init__(self, *, args: tuple[Any], target: Any, **_: Any) -> None:
        (self._of,), self._heard = args, target.__self__._heard

    def start(self) -> None:
        self._of.popen.tell = lambda line: self._heard.put((self._of, line))

    def join(self) -> None:
        """It ends with the process."""
