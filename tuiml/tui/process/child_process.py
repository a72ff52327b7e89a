"""A process that the app starts: what it prints on stderr is read at its end, to say why it ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tuiml.text import plain_text
from tuiml.tui.process.exit_reason import MemoryWatch, cause

POLL = 0.02
"""Seconds between two looks at whether it has exited."""


class ChildProcess:
    """A process of the app.

    Args:
        arguments: its command line.
        called: what it is, for the reason of its end.
        pipes: what else :class:`subprocess.Popen` takes.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, arguments: list[str], called: str, **pipes: Any) -> None:
        self._called = called
        self.memory = MemoryWatch()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open while the process lives
        try:
            # Signals of the terminal go to the app only; the process saves when its pipe or socket is closed.
            # Not a session of its own: Linux would give that as much processor time as the whole app.
            self.popen = subprocess.Popen(arguments, stderr=self._errors, process_group=0, **pipes)
        except OSError:
            self._errors.close()
            raise

    def see_out(self, until: float, ended: Callable[[str], object]) -> None:
        """Poll until it has exited, and kill it at a time of the monotonic clock; then report why it ended.

        Nothing is reported if :meth:`wait` has seen it out before.
        """
        if self.popen.poll() is None:
            if time.monotonic() < until:
                asyncio.get_running_loop().call_later(POLL, self.see_out, until, ended)
                return
            self.popen.kill()
            self.popen.wait()
        if not self._errors.closed:
            reason = cause(self.popen.returncode, self._last_error(), self._called, self.memory.rose())
            self._errors.close()
            ended(reason)

    def wait(self, timeout: float) -> None:
        """Block until it has exited, killing it after ``timeout`` seconds."""
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self._errors.close()

    def _last_error(self) -> str:
        """The last line of its stderr: the error, if that is a traceback."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return plain_text(lines[-1].strip()[:300]) if lines else ""
