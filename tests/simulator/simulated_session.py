"""A session of a run or a study that is simulated: the process it is in, and the events that it yields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from typing import Generic, TypeVar

from tests.simulator.disk import Disk, Killed, Process
from tests.simulator.plan import Broken
from tuiml.runs.errors import CheckpointError, RunError

E = TypeVar("E")
LONGEST = 400
"""Events of one session: no plan needs more."""


class SimulatedSession(Generic[E]):
    """What a process does until it ends, dies or is closed. Who inherits says how one begins."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.counted = disk, Counter[str]()
        self.process: Process | None = None
        """``None``: nobody runs it."""
        self._events: Generator[E] | None = None

    def _begin(self) -> None:
        raise NotImplementedError

    def _die(self) -> None:
        raise NotImplementedError

    def _heard(self, event: E) -> None:
        raise NotImplementedError

    def _refused(self, error: RunError, failing: bool) -> None:
        """It could not begin or go on; ``failing``: the disk fails, which is a reason."""
        raise NotImplementedError

    def _next(self) -> bool:
        """Take the next event of the session; whether there may be more."""
        if self._events is None or self.process is None:
            return False
        self.disk.acting, failing = self.process, self.disk.failing
        try:
            event = next(self._events)
        except StopIteration:
            self._end_process()
            return False
        except Killed:
            self._die()
            return False
        except RunError as error:
            self._refused(error, failing)
            return False
        except (OSError, CheckpointError) as error:
            raise Broken("a session ends with a message", f"{type(error).__name__}: {error}") from error
        finally:
            self.disk.acting = Process()
        self.counted["events"] += 1
        self._heard(event)
        return True

    def _running(self) -> Process:
        """The process, which may have to be started."""
        if self._events is None:
            self._begin()
        assert self.process is not None
        return self.process

    def _go(self, events: int) -> None:
        """Let the session go on, or begin one, for some events."""
        self._running()
        for _ in range(events):
            if not self._next():
                return

    def _go_on(self) -> None:
        """Let the session run to its end."""
        for _ in range(LONGEST):
            if not self._next():
                return
        raise Broken("a session ends", f"not after {LONGEST} events")

    def _close(self) -> RunError | None:
        """The process ends with an error: what it runs is closed. What was raised meanwhile, if anything."""
        if self._events is None or self.process is None:
            return None
        self.disk.acting, raised = self.process, None
        try:
            self._events.close()
        except RunError as error:
            raised = error
        self._end_process()
        return raised

    def do_kill(self, fuse: int, torn: float) -> None:
        """The process, which may have to be started, is killed at its next file operations."""
        process = self._running()
        process.fuse, process.torn = fuse, torn
        self._go(40)
        if self.process is not None:
            self._die()

    def _kill(self) -> None:
        """The process dies: nothing that it still does when it is closed has an effect."""
        if self.process:
            self.process.dead = True
            self.disk.acting = self.process
        with suppress(Killed, StopIteration, RuntimeError, OSError):
            if self._events is not None:
                self._events.close()
        self._end_process()

    def _end_process(self) -> Process | None:
        """The process is no more; which one it was."""
        process, self.process, self._events = self.process, None, None
        if process:
            self.disk.release(process)
        self.disk.acting = Process()
        return process
