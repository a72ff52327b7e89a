"""What leads from one screen to another with something in hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from tuiml.spec.problems import Problem
from tuiml.tui.build.screen import Build
from tuiml.tui.library.screen import Library
from tuiml.tui.model.catalog import Item
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.train.screen import Train


class Navigation:
    """Goes to a problem, a preset or runs."""

    def __init__(self, app: App[Any], shell: Shell) -> None:
        self._app, self._shell = app, shell

    def to_problem(self, problem: Problem) -> None:
        """Show Build with the cursor on the field that a problem is about."""
        self._shell.show_screen("build")
        self._app.query_one(Build).go_to(problem)

    def to_preset(self, item: Item) -> None:
        """Open a preset, as the Library does."""
        self._app.query_one(Library).opener.open(item)

    def to_runs(self, paths: Sequence[Path]) -> None:
        """Show runs in Train, their curves drawn together."""
        self._app.query_one(Train).comparing.compare_runs(paths)
