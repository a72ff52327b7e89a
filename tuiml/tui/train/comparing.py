"""Another run drawn beside the one on the screen; the same key chooses it and clears the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.library.open_dialog import Browse, OpenDialog
from tuiml.tui.model.catalog import Catalog, Item, run_item
from tuiml.tui.model.past_run import read_run
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.train.part import Host, Part


class Comparing(Part):
    """Asks for a run, reads it in a thread and puts it into the selection."""

    def __init__(self, host: Host, selection: ChartSelection) -> None:
        self._host, self._selection = host, selection
        self._catalog: Catalog | None = None
        self._reading: Item | None = None
        self._after: list[Path] = []
        """Runs to compare with each other once the first of them is on the screen."""

    @action(
        "equals_sign",
        "compare",
        "Compare with another run, or clear the comparison.",
        "train",
        rank=180,
        also="overlay, versus",
    )
    def action_compare(self) -> None:
        if self._selection.other or self._reading:
            self._selection.other = self._reading = None
            self._host.selection_changed()
            return
        self._catalog = self._catalog or Catalog()
        here = Path(self._host.run.path) if self._host.run.path else None
        dialog = OpenDialog(
            self._catalog,
            title="Compare with a run",
            only=lambda item: item.run is not None and item.path != here,
        )
        self._host.shell.push_screen(dialog, self._chosen)

    @property
    def _here(self) -> Path | None:
        return Path(self._host.run.path) if self._host.run.path else None

    def compare_runs(self, paths: Sequence[Path]) -> None:
        """Compare runs with each other. If none of them is on the screen, the first one is shown there."""
        if self._here in paths:
            self._host.shell.show_screen("train")
            self._chosen(run_item(next(path for path in paths if path != self._here)))
        elif paths:
            self._after = list(paths)
            self._host.shell.open_preset(run_item(paths[0]))

    def run_changed(self) -> None:
        """Compare the run on the screen if that was asked for before it was there."""
        if self._after and self._here == self._after[0]:
            paths, self._after = self._after[1:], []
            self._chosen(run_item(paths[0]))

    def _chosen(self, item: Item | Browse | None) -> None:
        if isinstance(item, Item):
            self._reading = item

            def read() -> None:
                self._host.call_later(
                    self._read, item, read_run(item.path, self._host.shell.files, snapshots=True)
                )

            self._host.run_worker(read, thread=True, group="compare", exclusive=True)

    def _read(self, item: Item, run: RunModel | str) -> None:
        """Compare with a run that was read; a string says why it could not be."""
        if item is not self._reading:
            return  # the key was pressed again meanwhile
        self._reading = None
        if isinstance(run, str):
            self._host.shell.complain(run)
            return
        self._selection.other = run
        self._host.selection_changed()

    def enabled(self, action_id: str) -> bool:
        return self._host.run.status != "empty"

    def label(self, action_id: str) -> str | None:
        return "clear comparison" if self._selection.other else None
