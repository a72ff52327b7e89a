"""Another run beside the one on the screen: its curves and its histograms, chosen and removed by one key."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual import on
from textual.message import Message

from tuiml.tui.library.open_dialog import Browse, OpenDialog
from tuiml.tui.library.preview_pane import read_run
from tuiml.tui.model.catalog import Item, Shelf
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.train.chart_layout import Charting


class Comparing(Charting):
    """The key that asks for a run, and what becomes of the answer."""

    class Compared(Message):
        """A run was read to compare with; a text is why it could not be."""

        def __init__(self, item: Item, run: RunModel | str) -> None:
            super().__init__()
            self.item, self.run = item, run

    _shelf: Shelf | None = None
    _reading: Item | None = None

    def action_compare(self) -> None:
        if self.sight.other or self._reading:
            self.sight.other = self._reading = None
            self.looked()
            return
        self._shelf = self._shelf or Shelf()
        told = self.run.end or self.run.start
        here = Path(told.path) if told and "\0" not in told.path else None
        dialog = OpenDialog(
            self._shelf,
            title="Compare with a run",
            only=lambda item: item.run is not None and item.path != here,
        )
        self.app.push_screen(dialog, self._chosen_run)

    def _chosen_run(self, item: Item | Browse | None) -> None:
        if isinstance(item, Item):
            self._reading = item
            self.run_worker(partial(self._read, item), thread=True, group="compare", exclusive=True)

    def _read(self, item: Item) -> None:
        self.post_message(self.Compared(item, read_run(item.path, self.shell.files, pictures=True)))

    @on(Compared)
    def _compared(self, message: Compared) -> None:
        message.stop()
        if message.item is not self._reading:
            return  # the key was pressed again meanwhile
        self._reading = None
        if isinstance(message.run, str):
            self.shell.complain(message.run)
            return
        self.sight.other = message.run
        self.looked()
