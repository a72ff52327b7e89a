"""A disk that fails, or a process that dies, at exactly the n-th thing that is done to files in a folder."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
BY_PATH = ("mkdir", "open", "replace", "unlink")
BY_HANDLE = ("write", "ftruncate", "fchmod", "fsync")


class Disk:
    """Counts what is done below ``root`` while it is entered, and does ``act`` at the ``at``-th (from 1).

    Args:
        act: called with the kind and what does the thing; its result is the call's.
        lasting: from there on, not only there.
    """

    def __init__(
        self, root: Path, at: int = 0, act: Callable[[str, Callable[[], Any]], Any] | None = None, *,
        lasting: bool = False,
    ) -> None:  # fmt: skip
        self.root = str(root)
        self.calls: list[str] = []
        self._at, self._act, self._lasting = at, act, lasting
        self._handles: set[int] = set()
        self._old: dict[str, Any] = {}

    def __enter__(self) -> Disk:
        for name in (*BY_PATH, *BY_HANDLE):
            self._old[name] = getattr(os, name)
            setattr(os, name, self._counted(name, name in BY_PATH))
        return self

    def __exit__(self, *_: object) -> None:
        for name, old in self._old.items():
            setattr(os, name, old)

    def fail(self, act: Callable[[str, Callable[[], Any]], Any], *, lasting: bool = True) -> None:
        """From the next thing on, or at it only."""
        self._at, self._act, self._lasting = len(self.calls) + 1, act, lasting

    def heal(self) -> None:
        """Fail no more."""
        self._at = 0

    def _counted(self, name: str, by_path: bool) -> Callable[..., Any]:
        call = self._old[name]

        def counted(first: Any, *args: Any, **kwargs: Any) -> Any:
            ours = str(first).startswith(self.root) if by_path else first in self._handles
            if name == "open":
                return self._open(call, ours, first, *args, **kwargs)
            if not ours:
                return call(first, *args, **kwargs)
            if name == "write":
                return self._write(call, first, args[0])
            return self._do(name, lambda: call(first, *args, **kwargs))

        return counted

    def _open(self, call: Any, ours: bool, path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        def opened() -> int:
            handle: int = call(path, flags, *args, **kwargs)
            (self._handles.add if ours else self._handles.discard)(handle)
            return handle

        return self._do("open", opened) if ours and flags & WRITING else opened()

    def _write(self, call: Any, handle: int, data: Any) -> int:
        """In two halves, so that what fails or dies in between leaves a torn file."""
        view = memoryview(data)
        if len(view) < 2:
            return self._do("write", lambda: call(handle, view))
        half = len(view) // 2
        return self._do("write", lambda: call(handle, view), lambda: call(handle, view[:half]))

    def _do(self, name: str, call: Callable[[], Any], part: Callable[[], Any] | None = None) -> Any:
        self.calls.append(name)
        now = len(self.calls)
        if self._act and self._at and (now == self._at or (self._lasting and now > self._at)):
            if part and not self._lasting:
                part()
            return self._act(name, call)
        return call()


def refuse(number: int) -> Callable[[str, Callable[[], Any]], Any]:
    """The system says no, as ``errno.ENOSPC``."""

    def act(name: str, call: Callable[[], Any]) -> Any:
        raise OSError(number, os.strerror(number))

    return act


def die(name: str, call: Callable[[], Any]) -> Any:
    """Killed just before, or in the midst of a write."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(name: str, call: Callable[[], Any]) -> Any:
    """Killed just after; of a write, after it is whole."""
    if name != "write":
        call()
    os.kill(os.getpid(), signal.SIGKILL)


FULL = refuse(errno.ENOSPC)
