"""A program in a real pseudo-terminal: keys typed, the screen read through a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

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
        self.raw = bytearray()
        """All that the program wrote."""
        self.emulates = True
        """Whether what comes is put on the screen; reading is much faster where nobody looks."""
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # to be signalled when the terminal goes
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
        if self._master >= 0:
            os.close(self._master)

    def hang_up(self) -> None:
        """Close the terminal, as a window is closed."""
        os.close(self._master)
        self._master = -1

    def attributes(self) -> list[Any]:
        """The line discipline's: echo, whole lines, signals, special characters."""
        return termios.tcgetattr(self._master)

    def left_on(self) -> set[str]:
        """Modes that the program switched on and not off again, or off and not on again; keyboard protocols
        that it pushed and did not pop."""
        usual = {"7": "h", "25": "h"}
        now = dict(re.findall(r"\x1b\[\?(\d+)([hl])", self.raw.decode(errors="replace")))
        found = {mode for mode, state in now.items() if state != usual.get(mode, "l")}
        pushed = len(re.findall(rb"\x1b\[>\d*u", self.raw)) - self.raw.count(b"\x1b[<u")
        return found | ({f"{pushed} keyboard protocols"} if pushed else set())

    def last_words(self) -> list[str]:
        """The lines that were written after the screen was given back."""
        text = self.raw.decode(errors="replace").rpartition("\x1b[?1004l")[2]
        text = re.sub(r"\x1b\].*?(\x1b\\|\x07)|\x1b\[0m", "", text)  # the pointer's shape
        return [line for line in text.splitlines() if line]

    def resize(self, columns: int, lines: int) -> None:
        """Another size of the window; the program gets a signal."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if self.emulates:
            self.screen.resize(max(1, lines), max(1, columns))

    def press(self, *keys: str) -> None:
        """Type keys: names from :data:`KEYS`, or text as it is."""
        for key in keys:
            data = KEYS.get(key, key).encode()
            while data:  # a program that is busy takes no more than some thousand bytes
                ready = select.select([self._master], [self._master], [], 30)
                if self._master in ready[0]:
                    self._read(time.monotonic())
                if self._master in ready[1]:
                    data = data[os.write(self._master, data) :]

    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait(self, what: str | Callable[[str], bool], seconds: float = 60.0) -> str:
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

    def wait_exit(self, seconds: float = 60.0) -> int:
        """Read to the program's end; returns its exit code."""
        until = time.monotonic() + seconds
        while self._read(until):
            pass
        return self.process.wait(max(0.1, until - time.monotonic()))

    def suspend(self, seconds: float = 60.0) -> bool:
        """Send what ctrl+z sends, and read to its last words; whether the program stopped."""
        os.kill(self.process.pid, signal.SIGTSTP)
        until, status = time.monotonic() + seconds, 0
        while not status and time.monotonic() < until:
            self._read(time.monotonic() + 0.02)
            status = os.waitpid(self.process.pid, os.WUNTRACED | os.WNOHANG)[1]
        while self._read(time.monotonic()):  # it may have stopped after the last look
            pass
        return os.WIFSTOPPED(status)

    def read_for(self, seconds: float) -> None:
        """Read what comes, for so long or until the program ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and (self._read(until) or self.process.poll() is None):
            pass

    def _read(self, until: float) -> bool:
        """Feed the emulator what comes next; whether anything came before ``until`` and the end."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the program's end of the pty is closed
            return False
        self.raw += data
        if self.emulates:
            self._stream.feed(data)
        return bool(data)
