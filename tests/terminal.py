"""A program in a real pseudo-terminal: keys typed, the screen read through a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "end": "\x1b[F",
    "shift+down": "\x1b[1;2B",
    "shift+up": "\x1b[1;2A",
    "shift+tab": "\x1b[Z",
} | {f"ctrl+{c}": chr(ord(c) - 96) for c in "abcdefghijklmnopqrstuvwxyz"}


class Terminal:
    """Runs ``command`` on a screen of ``columns`` × ``lines``; use as a context manager."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 120, lines: int = 40, env: Mapping[str, str]
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=dict(env), start_new_session=True
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)

    def press(self, *keys: str) -> None:
        """Type keys: names from :data:`KEYS`, or text as it is."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait(self, what: str | Callable[[str], bool], seconds: float = 30.0) -> str:
        """Read until the screen shows ``what``; returns the screen.

        Raises:
            AssertionError: it did not, or the program ended; the screen is in the message.
        """
        shown = what if callable(what) else lambda text: what in text
        until = time.monotonic() + seconds
        while not shown(self.text()):
            if not self._read(until):
                raise AssertionError(f"never saw {what!r}; the screen:\n{self.text()}")
        return self.text()

    def wait_exit(self, seconds: float = 30.0) -> int:
        """Read to the program's end; returns its exit code."""
        until = time.monotonic() + seconds
        while self._read(until):
            pass
        return self.process.wait(max(0.1, until - time.monotonic()))

    def _read(self, until: float) -> bool:
        """Feed the emulator what comes next; whether anything came before ``until`` and the end."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the program's end of the pty is closed
            return False
        self._stream.feed(data)
        return bool(data)
