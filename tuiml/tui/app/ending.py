"""The app's time in the terminal, from before Textual is imported: a first line at once, signals that end
the app, and afterwards the terminal as it was.

After a first signal the app saves and exits; a second one, or :data:`PATIENCE` seconds, ends it at once. The
signal handlers are Python's, not the event loop's, so that they work before the loop runs and while it hangs.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from tuiml.notify.sequences import RESTORE_TITLE

if TYPE_CHECKING:
    from textual.app import App

    from tuiml.notify.notifier import Notifier
    from tuiml.tui.app.shutdown import Shutdown

SIGNALS = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU")
"""All signals that end a process, can be caught and do not report a fault in it."""
BURST = 0.3
"""Seconds in which signals count as one: a terminal that closes sends several."""
PATIENCE = 6.0
"""Seconds that leaving may take after a signal."""

# Cancel a half-written sequence; end a synchronized update; paste, wrap, resize reports, mouse, keyboard
# protocol, screen, cursor, focus reports, colours: in the order in which Textual undoes them.
LEAVE_SCREEN = (
    b"\x18\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    + (b"\x1b[?1016l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m")
)


TAKE_SCREEN = "\x1b[?1049h"
CLOSE_FIRST_LINE = b"\x1b[?1049l\x1b[?25h\x1b[0m"
FIRST_LINE = "\x1b[?25l\x1b[H\x1b[1m tuiml\x1b[22m  opening …"


class Ending:
    """A context in which signals end the app, and after which the terminal is as it was before."""

    def __init__(self) -> None:
        self.shutdown: Shutdown | None = None
        """That of the app, once there is one."""
        self.notifier: Notifier | None = None
        """That of the app, which may have set the terminal's title."""
        self.attributes: list[Any] | None = None
        """The terminal's, before anything was done to it."""
        self.opening = False
        """True while the first line is on the screen, and Textual has not taken it over."""
        self._before: dict[int, Any] = {}
        self._came: float | None = None
        self._over = False

    def __enter__(self) -> Ending:
        with contextlib.suppress(termios.error, OSError, ValueError):
            self.attributes = termios.tcgetattr(sys.__stdin__)  # type: ignore[arg-type]
        for name in SIGNALS:
            number = getattr(signal, f"SIG{name}", None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self._screen_taken():
            self._restore()
        for number, before in self._before.items():
            # Python's own handler would answer a late ctrl+c with a traceback.
            signal.signal(number, signal.SIG_DFL if before is signal.default_int_handler else before)

    def open_screen(self) -> None:
        """Show the first line; keys that are typed from now on are read by the app once it is there."""
        if self.attributes is None:
            return
        found = [*self.attributes[:6], [*self.attributes[6]]]
        found[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        found[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)  # ctrl+c still ends it
        found[6][termios.VMIN] = 1
        with contextlib.suppress(termios.error, OSError, ValueError):
            termios.tcsetattr(sys.__stdin__, termios.TCSANOW, found)  # type: ignore[arg-type]
            self.opening = True
            text = (TAKE_SCREEN + FIRST_LINE).encode(sys.__stderr__.encoding, "replace")  # type: ignore[union-attr]
            os.write(sys.__stderr__.fileno(), text)  # type: ignore[union-attr]

    def close_screen(self) -> None:
        """Give the screen back, if the app never took it."""
        if self.opening:
            self._restore()
            self.opening = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._over:
            return
        if self._came is not None:
            if now - self._came > BURST:
                self._force(128 + number)
            return
        self._came = now
        loop = self._app._loop if self._app else None
        if (
            self.shutdown is None or loop is None
        ):  # nothing to save yet; an exception might end in some import
            self._force(128 + number)
            return
        timer = threading.Timer(PATIENCE, self._force, (128 + number,))
        timer.daemon = True
        timer.start()
        loop.call_soon_threadsafe(self.shutdown.leave, 128 + number)

    def _force(self, code: int) -> None:
        """End at once. Child processes notice it, save and exit."""
        if not self._over:
            if self._screen_taken():
                self._restore()
            os._exit(code)

    @property
    def _app(self) -> App[int] | None:
        return self.shutdown.app if self.shutdown else None

    def _screen_taken(self) -> bool:
        return self.opening or bool(getattr(self._app and self._app._driver, "on_screen", False))

    def _restore(self) -> None:
        """Restore the terminal without Textual, and without waiting for one that accepts nothing."""
        with contextlib.suppress(AttributeError, OSError, ValueError):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])  # from the background, too
        with contextlib.suppress(termios.error, OSError, ValueError):
            if self.attributes:
                termios.tcsetattr(sys.__stdin__, termios.TCSANOW, self.attributes)  # type: ignore[arg-type]
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = sys.__stderr__.fileno()  # type: ignore[union-attr]
            if select.select([], [descriptor], [], 0.5)[1]:
                title = RESTORE_TITLE.encode() if self.notifier and self.notifier.has_title else b""
                os.write(descriptor, CLOSE_FIRST_LINE if self.opening else LEAVE_SCREEN + title)
