"""Other runs drawn beside the one on the screen; the same key chooses them and clears the comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from textual.content import Content
from textual.widgets import Static

from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts.text import clean
from tuiml.tui.keys import action
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.model.catalog import Catalog, Item, Key, run_item
from tuiml.tui.model.past_run import read_run
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.train.part import Host, Part
from tuiml.tui.widgets.chart_view import look_of

MOST = 8
"""Runs that one is compared with at most."""


class CompareDialog(OpenDialog):
    """A list of runs to mark; answers with a run while :attr:`marked` holds all of them."""

    def __init__(self, source: Catalog, marked: Sequence[Path], only: Callable[[Item], bool]) -> None:
        super().__init__(source, title="Compare with runs", only=only)
        self.marked = list(marked)

    def on_mount(self) -> None:
        super().on_mount()
        keys = f"↑↓ select   tab mark, up to {MOST}   enter compare   esc cancel"
        self.query_one(".keys", Static).update(Content(clean(keys, look_of(self))), layout=False)

    def action_browse(self) -> None:
        """Mark the run under the cursor, or take its mark away, and go on to the next."""
        item = self._by_key.get(cast(Key, self._names.key))
        if item is not None and item.path in self.marked:
            self.marked.remove(item.path)
        elif item is not None and len(self.marked) < MOST:
            self.marked.append(item.path)
        self._fill()
        self._names.move_cursor(1)

    def _fill(self) -> list[Item]:
        found = super()._fill()
        keys = {item.key for item in self.items if item.path in self.marked}
        sign = look_of(self).glyphs.varied
        rows = [
            row._replace(name=f"{sign if row.key in keys else ' '} {row.name}") if row.key else row
            for row in self._names.rows
        ]
        empty = "no matches" if self.items else "there is no other run yet"
        self._names.set_rows(rows, empty=empty)
        return found


class Comparing(Part):
    """Asks for runs, reads them in a thread and puts them into the selection."""

    def __init__(self, host: Host, selection: ChartSelection) -> None:
        self._host, self._selection = host, selection
        self._catalog: Catalog | None = None
        self._marked: list[Path] = []
        """The runs that were compared last: they are marked when runs are chosen again."""
        self._reading: list[Path] = []
        self._after: list[Path] = []
        """Runs to compare with each other once the first of them is on the screen."""

    @action(
        "equals_sign",
        "compare",
        "Compare with other runs, or clear the comparison.",
        "train",
        rank=180,
        also="overlay, versus",
    )
    def action_compare(self) -> None:
        if self._selection.others or self._reading:
            self._selection.others, self._reading = (), []
            self._host.selection_changed()
            return
        self._catalog = self._catalog or Catalog()
        here = self._here
        dialog = CompareDialog(
            self._catalog,
            [path for path in self._marked if path != here],
            only=lambda item: item.run is not None and item.path != here,
        )

        def chosen(item: object) -> None:
            if isinstance(item, Item):
                self._read(dialog.marked or [item.path])

        self._host.shell.push_screen(dialog, chosen)

    @property
    def _here(self) -> Path | None:
        return Path(self._host.run.path) if self._host.run.path else None

    def compare_runs(self, paths: Sequence[Path]) -> None:
        """Compare runs with each other. If none of them is on the screen, the first one is shown there."""
        if self._here in paths:
            self._host.shell.show_screen("train")
            self._read([path for path in paths if path != self._here])
        elif paths:
            self._after = list(paths)
            self._host.shell.go.to_preset(run_item(paths[0]))

    def run_changed(self) -> None:
        """Compare the run on the screen if that was asked for before it was there."""
        if self._after and self._here == self._after[0]:
            paths, self._after = self._after[1:], []
            self._read(paths)

    def _read(self, paths: Sequence[Path]) -> None:
        self._marked = self._reading = list(paths)[:MOST]

        def read() -> None:
            files = self._host.shell.files
            runs = [read_run(path, files, snapshots=True, soon=True) for path in asked]
            self._host.call_later(self._show, asked, runs)

        asked = self._reading
        self._host.run_worker(read, thread=True, group="compare", exclusive=True)

    def _show(self, asked: list[Path], runs: Sequence[RunModel | str]) -> None:
        """Compare with runs that were read; a string says why one could not be."""
        if asked is not self._reading:
            return  # the key was pressed again meanwhile
        self._reading = []
        for run in runs:
            if isinstance(run, str):
                self._host.shell.complain(run)
        self._selection.others = [run for run in runs if isinstance(run, RunModel)]
        self._host.selection_changed()

    def enabled(self, action_id: str) -> bool:
        return self._host.run.status != "empty"

    def label(self, action_id: str) -> str | None:
        return "clear comparison" if self._selection.others else None
