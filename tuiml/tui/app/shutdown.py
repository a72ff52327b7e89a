"""The end of the app: saves the work, restores the terminal, sets the exit code and reports a crash.

After a first signal the app saves and exits; a second one, or :data:`PATIENCE` seconds, ends it at once. The
signal handlers are Python's, not the event loop's, so that they work before the loop runs and while it hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import select
import signal
import sys
import termios
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from textual.app import App
from textual.css.query import NoMatches
from textual.worker import WorkerFailed

import tuiml
from tuiml.files import home, write_whole
from tuiml.text import plain_text

SIGNALS = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU")
"""All signals that end a process, can be caught and do not report a fault in it."""
BURST = 0.3
"""Seconds in which signals count as one: a terminal that closes sends several."""
PATIENCE = 6.0
"""Seconds that leaving may take after a signal."""
MOST_REPORTS = 10

# Cancel a half-written sequence; end a synchronized update; paste, wrap, resize reports, mouse, keyboard
# protocol, screen, cursor, focus reports, colours: in the order in which Textual undoes them.
LEAVE_SCREEN = (
    b"\x18\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
    + (b"\x1b[?1016l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m")
)


class Ending:
    """A context in which signals end the app, and after which the terminal is as it was before."""

    def __init__(self) -> None:
        self.shutdown: Shutdown | None = None
        """That of the app, once there is one."""
        self._before: dict[int, Any] = {}
        self._attributes: list[Any] | None = None
        self._came: float | None = None
        self._over = False

    def __enter__(self) -> Ending:
        with contextlib.suppress(termios.error, OSError, ValueError):
            self._attributes = termios.tcgetattr(sys.__stdin__)  # type: ignore[arg-type]
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
        return bool(getattr(self._app and self._app._driver, "on_screen", False))

    def _restore(self) -> None:
        """Restore the terminal without Textual, and without waiting for one that accepts nothing."""
        with contextlib.suppress(AttributeError, OSError, ValueError):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])  # from the background, too
        with contextlib.suppress(termios.error, OSError, ValueError):
            if self._attributes:
                termios.tcsetattr(sys.__stdin__, termios.TCSANOW, self._attributes)  # type: ignore[arg-type]
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = sys.__stderr__.fileno()  # type: ignore[union-attr]
            if select.select([], [descriptor], [], 0.5)[1]:
                os.write(descriptor, LEAVE_SCREEN)


class Shutdown:
    """Saves the work once, whatever ends the app; ``save_work`` yields what became of each part, in words."""

    def __init__(self, app: App[int], save_work: Callable[[], Iterator[str]]) -> None:
        self.app, self._save_work = app, save_work
        self.begun = False
        """True from when the work is being saved."""
        self.requested = False
        """True if the user or a signal asked for it."""
        self.crash: BaseException | None = None
        """The error that ended the app."""
        self.outcome = ""
        """What became of the work."""

    def leave(self, code: int) -> None:
        """Save the work and exit with a code."""
        self.requested = True
        if not self.begun:
            self.save()
            self.app.exit(code, return_code=code)

    def save(self) -> None:
        """Save the work, whatever state the app is in; only the first time."""
        if not self.begun:
            self.begun = True
            self.outcome = "; ".join(filter(None, self._save_work()))

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Suppress an error in the body; the first one is reported at the end."""
        try:
            yield
        except NoMatches:  # the app ends before there is a screen
            pass
        except Exception as error:
            self.crash = self.crash or error

    def failed(self, error: Exception) -> None:
        """An error reached the event loop: save the work and end."""
        if not self.begun:  # else half of the screen is gone, or was never there
            self.save()
            self.crash = error.error if isinstance(error, WorkerFailed) else error
            self.app._return_code = 1
        self.app._close_messages_no_wait()

    def catch_all(self) -> None:
        """Handle errors in callbacks of the event loop and in threads like all others."""
        loop = asyncio.get_running_loop()

        def found(error: BaseException | None) -> None:
            if isinstance(error, Exception) and not self.begun:
                self.app._handle_exception(error)

        def in_thread(args: threading.ExceptHookArgs) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(found, args.exc_value)

        loop.set_exception_handler(lambda _, context: found(context.get("exception")))
        threading.excepthook = in_thread


def report(error: BaseException, outcome: str) -> list[str]:
    """The message about an error that ended the app; ``outcome`` says what became of the edits."""
    lines = [f"tuiml: the app had to end: {_line(error)}"]
    where = _where(error)
    if where:
        lines.append(f"  {where}")
    lines.append(f"  {outcome}")
    story = "".join(traceback.format_exception(error))
    try:
        path = _write(story)
    except OSError as problem:
        lines.append(f"  the traceback could not be written ({problem.strerror or problem})")
    else:
        lines.append(f"  the traceback is in {path}; please send that file along if you report the error")
    if os.environ.get("TUIML_DEBUG") == "1":
        lines += story.splitlines()
    else:
        lines.append("  (TUIML_DEBUG=1 shows it here)")
    return [plain_text(line) for line in lines]


def _line(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0][:300]
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _where(error: BaseException) -> str:
    """The last line of our own code in the traceback, else the last of all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    root = str(Path(tuiml.__file__).resolve().parent)
    frame = next((f for f in reversed(frames) if f.filename.startswith(root)), frames[-1])
    return f"in {frame.name}, {Path(frame.filename).name} line {frame.lineno}"


def _write(story: str) -> Path:
    """Write a traceback; of earlier ones, keep the newest."""
    folder = home() / "crashes"
    now = datetime.now()
    path = folder / f"{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    head = (
        f"tuiml {tuiml.__version__}, {now:%Y-%m-%d %H:%M:%S}\n"
        f"Python {platform.python_version()}, textual {version('textual')}, {platform.platform()}\n"
        f"TERM={os.environ.get('TERM', '')} {sys.argv[1:]}\n\n"
    )
    write_whole(path, (head + story).encode(errors="replace"))
    for old in sorted(folder.glob("*.txt"))[:-MOST_REPORTS]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path
