"""Starts the app from the command line, and reports how it ended."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

from textual.driver import Driver

from tuiml.runs import library as runs
from tuiml.runs.errors import RunError
from tuiml.runs.folder import studies_folder
from tuiml.runs.folder_names import fitting
from tuiml.spec import SpecError
from tuiml.spec.library import find
from tuiml.studies import folder
from tuiml.studies import library as studies
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.ending import Ending
from tuiml.tui.app.shutdown import report
from tuiml.tui.model import preferences, settings
from tuiml.tui.model.preset_files import named


def start(word: str | None, ending: Ending, *, lesson: str = "") -> int:
    """Open the app on a preset, a run or a study, or with a lesson; returns its exit code."""
    try:
        run = run_of(word) if word else None
        study = study_of(word) if word and run is None else None
        document = named(word) if word and run is None and study is None else None
    except SpecError as error:
        ending.close_screen()
        _print([f"tuiml: {problem}" for problem in error.problems])
        return 2
    chosen, trouble = preferences.load()
    where: dict[str, Any] = {"run": run, "study": study, "lesson": lesson}
    app = TuimlApp(document, settings.load(), preferences=chosen, trouble=trouble, **where)
    ending.shutdown, ending.notifier = app.shutdown, app.current_run.notices.notifier
    app.driver_class = _driver(app.driver_class, ending)
    crash: BaseException | None = None
    try:
        app.run()
    except BaseException as error:  # KeyboardInterrupt among them: nobody pressed anything
        app.shutdown.save()
        crash = error
    ending.close_screen()
    crash = app.shutdown.crash or crash
    if crash is not None:
        _print(report(crash, app.shutdown.outcome))
        return 1
    if app.session.trouble:
        _print([f"tuiml: {app.session.trouble}"])
    return app.return_code or 0


def _print(lines: list[str]) -> None:
    """Write to stderr, where there is no screen any more; nothing happens if the terminal is gone."""
    with contextlib.suppress(OSError, ValueError):
        for line in lines:
            print(line, file=sys.stderr, flush=True)  # noqa: T201


def _driver(usual: type[Driver], ending: Ending) -> Any:
    """Our own driver in place of the one it is made from."""
    if usual.__name__ != "LinuxDriver":
        return usual
    from tuiml.tui.app.driver import UnixDriver

    return partial(UnixDriver, ending=ending)


def study_of(word: str) -> tuple[Path, Path | None] | None:
    """Folder and file of the study of that name or path, if there is no such preset.

    The file is ``None`` where the study was begun: its folder has it.
    """
    with contextlib.suppress(SpecError, OSError, ValueError):
        preset = find(word)
        tables: dict[str, Any] = {}
        if not preset.bundled:
            with contextlib.suppress(SpecError):  # it is refused where it is opened as a preset
                tables = studies.read(preset.path)
        if not {"preset", "variant"} & set(tables):
            return None
    with contextlib.suppress(RunError, OSError, ValueError):
        return folder.find(word).absolute(), None
    with contextlib.suppress(SpecError, OSError, ValueError):
        file = studies.find(word)
        return studies_folder() / fitting(file.name), file.path.absolute()
    return None


def run_of(word: str) -> Path | None:
    """The folder of the run of that name or path, if there is no such preset."""
    try:
        find(word)
    except (SpecError, OSError):
        with contextlib.suppress(RunError, OSError, ValueError):
            return runs.find(word).absolute()
    return None
