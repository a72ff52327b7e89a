"""Why a child process ended, in words: a crash, or memory that ran out, where that is known."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
AGAIN = 2.0
"""Seconds between two readings of the count."""
CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT})


def killed_for_memory(own: Path = Path("/proc/self/cgroup"), root: Path = GROUPS) -> int | None:
    """How many processes of our control group the kernel killed for lack of memory; ``None``: not known.

    Linux: ``memory.events`` of version 2 of control groups, ``memory.oom_control`` of version 1.
    """
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            below = path.lstrip("/")
            if not controllers:
                places = [root / below / "memory.events", root / "memory.events"]
            elif "memory" in controllers.split(","):
                places = [root / "memory" / below / "memory.oom_control", root / "memory/memory.oom_control"]
            else:
                continue
            for place in places:
                found = _count(place)
                if found is not None:
                    return found
    return None


def _count(place: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in place.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


class MemoryWatch:
    """Detects whether a process was killed for lack of memory recently."""

    def __init__(
        self, count: Callable[[], int | None] = killed_for_memory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count, self._clock = count, clock
        self._before = count()
        self._at = clock()

    def measure(self) -> None:
        """The process is alive, so earlier kills were of others. Cheap: mostly it only reads the clock."""
        now = self._clock()
        if now - self._at >= AGAIN:
            self._before, self._at = self._count(), now

    def rose(self) -> bool | None:
        """True if something was killed for memory since; ``None``: not known."""
        now = self._count()
        return None if now is None or self._before is None else now > self._before


def cause(code: int, last_line: str, called: str, for_memory: bool | None = None) -> str:
    """Why a process ended.

    Args:
        code: as :class:`subprocess.Popen` gives it: negative for a signal.
        last_line: of its stderr.
        for_memory: whether the kernel killed something for lack of memory meanwhile.
    """
    if code < 0:
        text = f"{called} was killed by signal {-code}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code)
            text += f" ({name.name})"
            if name in CRASHES:
                text += ": it crashed"
            if name == signal.SIGKILL:
                text += ": memory ran out" if for_memory else "; perhaps memory ran out"
        return text
    text = f"{called} ended unasked (exit code {code})"
    text = f"{text}: {last_line}" if last_line else text
    return f"memory ran out: {text}" if "MemoryError" in last_line else text
