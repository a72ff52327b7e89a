"""The end of the app: saves the work once, sets the exit code and reports a crash."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from textual.app import App
from textual.css.query import NoMatches
from textual.worker import WorkerFailed

import tuiml
from tuiml.files import home, write_whole
from tuiml.text import plain_text
from tuiml.tui.app.current_run import CurrentRun
from tuiml.tui.app.current_study import CurrentStudy
from tuiml.tui.app.session import Session

MOST_REPORTS = 10
LEAVING = 2.0
"""Seconds that a run has to save itself when the app is left."""


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


def save_work(
    shutdown: Shutdown,
    session: Session,
    run: CurrentRun,
    study: CurrentStudy,
    others: Sequence[Callable[[], object]],
) -> Iterator[str]:
    """Save the session, close ``others``, and stop what is trained; what became of each, in words."""
    outcome = "your last edits are not saved"
    with shutdown.attempt():
        session.write(session.snapshot(), last=True)
        outcome = session.trouble or "your edits are saved for the next start"
    yield outcome
    for close in (run.stop_following, *others):
        with shutdown.attempt():
            close()
    with shutdown.attempt():
        if run.client is not None:
            yield "training was stopped, and the run is in the library" if run.client.active else ""
            run.client.close(LEAVING)
    with shutdown.attempt():
        yield study.close(LEAVING)


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
