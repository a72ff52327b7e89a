"""Opening a preset in Build, a run in Train or a study on its screen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

from tuiml.runs.tail import Tail
from tuiml.tui.keys import action
from tuiml.tui.library.compare_dialog import CompareDialog
from tuiml.tui.library.open_dialog import Browse, OpenDialog
from tuiml.tui.model import preset_files
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Raw
from tuiml.tui.model.library_view import LibraryView
from tuiml.tui.model.past_run import read_run
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell import resume
from tuiml.tui.shell.screen import AppScreen


class Opener:
    """Opens what is selected in the library, and compares what is marked."""

    def __init__(self, screen: AppScreen, view: LibraryView, selected: Callable[[], Item | None]) -> None:
        self._screen, self._view, self._selected = screen, view, selected

    def open(self, item: Item) -> None:
        """Open a preset in Build, a run in Train, a study on its screen."""
        if item.study:
            study = item.study
            self._screen.shell.study.show(study.path, source=None if study.begun else study.source)
        elif item.run:
            self.open_run(item)
        elif item.source:
            item.source.open(self._screen.shell, item)
        elif item.document is not None:
            path = item.path if item.kind in ("own", "file") else None
            self.edit(copy.deepcopy(item.document), path, item.name if item.kind == "bundled" else "")
        else:
            self._screen.shell.complain(item.problem)

    def ask(self, dialog: OpenDialog, browse: Callable[[Path | None], None]) -> None:
        """Show a dialog and open what it answers; ``browse`` shows the files at a path in its place."""

        def answered(item: Item | Browse | None) -> None:
            if isinstance(item, Browse):
                browse(item.path)
            elif item:
                self.open(item)

        self._screen.app.push_screen(dialog, answered)

    def edit(self, raw: Raw, path: Path | None = None, origin: str = "") -> None:
        """Open a preset's document in Build."""
        self._screen.shell.open_document(raw, path=path, origin=origin)
        self._screen.shell.show_screen("build")

    def open_run(self, item: Item, resumed: bool = False) -> None:
        """Show a run in Train and perhaps resume it, unless another run is being trained there."""
        shell = self._screen.shell
        if not shell.client.active:
            self._screen.run_worker(
                lambda: self._read(item, resumed), thread=True, group="run", exclusive=True
            )
        elif shell.model.name == item.name:
            shell.show_screen("train")
        else:
            shell.complain(f"{shell.model.name} is being trained; stop it to show another run in Train")

    def _read(self, item: Item, resumed: bool) -> None:
        tail = Tail(item.path)
        run = read_run(item.path, self._screen.shell.files, snapshots=True, tail=tail, soon=True)
        self._screen.call_later(self._show, run, tail, resumed)

    def _show(self, run: RunModel | str, tail: Tail, resumed: bool) -> None:
        shell = self._screen.shell
        if isinstance(run, str):
            shell.complain(run)
        elif not shell.client.active:
            shell.current_run.show(run, tail)
            shell.show_screen("train")
            if resumed:
                resume.resume_run(shell)

    @action("equals_sign", "compare", "Compare the marked runs, and their curves.", "library", rank=12)
    def action_item_compare(self) -> None:
        runs = self._view.compared(self._selected())

        def answered(curves: bool | None) -> None:
            if curves:
                self._screen.shell.go.to_runs([item.path for item in runs])

        self._screen.shell.push_screen(CompareDialog([item.run for item in runs if item.run]), answered)

    @action("enter", "open", "Open: a preset in Build, a run in Train, a study.", "library", rank=10)
    def action_item_open(self) -> None:
        item = self._selected()
        if item:
            self.open(item)

    @action(
        "g",
        "resume",
        "Resume the run from its newest checkpoint.",
        "library",
        rank=20,
        also="continue, go on",
    )
    def action_item_resume(self) -> None:
        item = self._selected()
        if item:
            self.open_run(item, resumed=True)

    @action("n", "new", "Start a new preset: the smallest that trains.", "library", rank=70, also="create")
    def action_item_new(self) -> None:
        self.edit(copy.deepcopy(preset_files.NEW))
