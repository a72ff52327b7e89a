"""From the command line to the app and back: what it opens on, and how it ends."""

from __future__ import annotations

import contextlib
import gc
import sys
from pathlib import Path

from textual.driver import Driver

from tuiml.runs import library as runs
from tuiml.runs.errors import RunError
from tuiml.spec import SpecError
from tuiml.spec.library import DEFAULT, find
from tuiml.tui.app.shutdown import Ending, report
from tuiml.tui.model import settings
from tuiml.tui.model.catalog import NEW
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.settings import Settings


def start(word: str | None) -> int:
    """Open the app; its exit code.

    A preset that cannot be read is refused before the screen is taken.
    """
    with Ending() as ending:
        from tuiml.tui.app.app import TuimlApp

        try:
            run = run_of(word) if word else None
            document = named(word) if word and run is None else None
        except SpecError as error:
            _print([f"tuiml: {problem}" for problem in error.problems])
            return 2
        app = ending.app = TuimlApp(document, settings.load(), run=run)
        app.driver_class = _driver(app.driver_class)
        crash: BaseException | None = None
        try:
            app.run()
        except BaseException as error:  # KeyboardInterrupt among them: nobody pressed anything
            app.keep()
            crash = error
    crash = app.crash or crash
    if crash is not None:
        _print(report(crash, app.kept))
        return 1
    if app.drafts.trouble:
        _print([f"tuiml: {app.drafts.trouble}"])
    return app.return_code or 0


def _print(lines: list[str]) -> None:
    """Say it where there is no screen; lost in silence where the terminal is gone."""
    with contextlib.suppress(OSError, ValueError):
        for line in lines:
            print(line, file=sys.stderr, flush=True)  # noqa: T201


def _driver(usual: type[Driver]) -> type[Driver]:
    """Our own where Textual would take the one it is made from."""
    if usual.__name__ != "LinuxDriver":
        return usual
    from tuiml.tui.app.driver import UnixDriver

    return UnixDriver


def named(word: str) -> Document:
    """The document of a preset's name or path.

    Raises:
        SpecError: there is none, or it is not TOML.
    """
    found = find(word)
    bundled = found.bundled
    path = None if bundled else found.path.absolute()
    return Document(found.document(), path=path, origin=found.name if bundled else "")


def run_of(word: str) -> Path | None:
    """The folder of the run of that name or path, where there is no such preset."""
    try:
        find(word)
    except (SpecError, OSError):
        with contextlib.suppress(RunError, OSError, ValueError):
            return runs.find(word).absolute()
    return None


def left(remembered: Settings) -> Document:
    """The document as it was left, else the default preset."""
    document = settings.document_of(remembered.document) if remembered.document else None
    return document or default()


def default() -> Document:
    """What a first start shows."""
    try:
        return named(DEFAULT)
    except (SpecError, OSError):
        raw: Raw = dict(NEW)
        return Document(raw)


def settle() -> None:
    """Spare the collector what was imported and mounted: its rounds would make single keys wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 1000, 1000)
