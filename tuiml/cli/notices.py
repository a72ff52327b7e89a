"""Notifications of commands that train: their options, and the run that they are about."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tuiml.cli.output import note
from tuiml.cli.parser import argument
from tuiml.notify.notifier import OCCASIONS, WAYS, Notifier, Wanted

if TYPE_CHECKING:
    from tuiml.cli.progress import Show
    from tuiml.training.events import Event

NONE = "none"


def _words(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Reads words of a list, separated by commas; ``none``: none of them."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in text.split(","))
        if words == (NONE,):
            return ()
        wrong = next((word for word in words if word not in known), None)
        if wrong is not None:
            raise argparse.ArgumentTypeError(f"{wrong[:40]!r} is none of {', '.join((*known, NONE))}")
        return words

    return read


OPTIONS = (
    argument(
        "--notify",
        type=_words(WAYS),
        metavar="WAY,…",
        help="say on the terminal that the run is over or ill: bell, title, desktop, osc9, osc777, or none "
        "(default: as in the settings)",
    ),
    argument(
        "--notify-on",
        type=_words(OCCASIONS),
        metavar="EVENT,…",
        help=f"when: {', '.join(OCCASIONS)} (default: as in the settings, else all)",
    ),
    argument(
        "--hook", metavar="COMMAND", help="a command for the shell, run then (default: as in the settings)"
    ),
)


def wanted(chosen: argparse.Namespace) -> Wanted:
    """What the options say, and where they say nothing the settings."""
    from tuiml.tui.model import preferences

    path = preferences.settings_path()
    found, problems = preferences.read(path)
    for problem in problems:
        if problem.startswith(("notify", "hook")) or "the defaults are used" in problem:
            note(f"tuiml: {path.name}: {problem}")
    usual = found.notices()
    return Wanted(
        usual.ways if chosen.notify is None else chosen.notify,
        usual.occasions if chosen.notify_on is None else chosen.notify_on,
        usual.hook if chosen.hook is None else chosen.hook,
    )


class TerminalNotices:
    """A context that notifies on the terminal of a command.

    Args:
        show: shows what is done on the same terminal.
    """

    def __init__(self, wanted: Wanted, show: Show) -> None:
        self._show = show
        self._failures: list[str] = []
        self._notifier = Notifier(wanted, _write if sys.stderr.isatty() else None, self._failures.append)

    def __enter__(self) -> Self:
        self._notifier.keep_title()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notifier.restore_title()
        self._notifier.join()
        self._say_failures()

    def title(self, text: str) -> None:
        """Set the title of the terminal, at most once a second."""
        self._notifier.title(text)

    def tell(self, occasion: str, name: str, path: str, message: str) -> None:
        """Notify of the end of what has a name and a folder."""
        self._notifier.tell(occasion, name, path, f"{name}: {message}")

    def _say_failures(self) -> None:
        while self._failures:
            self._show.close()  # the line of the bar
            note(f"tuiml: {self._failures.pop()}")


class Notices(TerminalNotices):
    """Notifies of one run; it costs nothing where nothing is wanted.

    Args:
        read: returns the document of the run's preset.
    """

    def __init__(self, wanted: Wanted, read: Callable[[], dict[str, Any]], show: Show) -> None:
        super().__init__(wanted, show)
        self._feed: Callable[[Event], None] = lambda event: None
        self._fail: Callable[[str], None] = lambda text: None
        if wanted:
            self._begin(read())

    def _begin(self, document: dict[str, Any]) -> None:
        from tuiml.data.own.reading import DataFiles
        from tuiml.tui.model.run_model import RunModel
        from tuiml.tui.model.run_notices import RunNotices

        model, notices = RunModel(files=DataFiles()), RunNotices(self._notifier)
        model.begin(document)

        def fail(text: str) -> None:
            if model.start is not None and model.alive:
                model.fail(text)
                notices.update(model, {"end"})

        self._feed, self._fail = lambda event: notices.update(model, model.feed([event])), fail

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from tuiml.runs.errors import Cancelled

        if isinstance(error, Exception) and not isinstance(error, Cancelled):
            self._fail((str(error).splitlines() or [""])[0])
        super().__exit__(kind, error, trace)

    def take(self, event: Event) -> None:
        """Notify of an event that was shown."""
        self._feed(event)
        self._say_failures()


def _write(sequence: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # the terminal is gone; the run is not
        sys.stderr.write(sequence)
        sys.stderr.flush()
