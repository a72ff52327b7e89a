"""The Library: presets and past runs in one list, with a preview of the selected one.

Files are read by threads that post what they found. Opening a preset replaces the document being edited;
opening a run shows it in Train, unless one is being trained there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from tuiml.runs.tail import Tail
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import Where
from tuiml.tui.library.file_actions import Changes
from tuiml.tui.library.open_dialog import Browse, OpenDialog
from tuiml.tui.library.preview_pane import Preview, read_run
from tuiml.tui.model import catalog as shelf
from tuiml.tui.model.catalog import Item, Key, Shelf
from tuiml.tui.model.document import Raw
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell import resume
from tuiml.tui.shell.screen import Place
from tuiml.tui.widgets.filter_input import FilterInput
from tuiml.tui.widgets.item_list import ItemList

NARROW = 70
"""Cells below which list and preview take turns."""
AGAIN = 1.0
"""Seconds between two readings of the list while a run goes on."""


class Library(Place):
    """The list at the left, the preview beside it (below it where the screen is narrow)."""

    place: ClassVar[Where] = "library"
    DEFAULT_CSS = """
    Library {
        & > Horizontal { height: 1fr; }
        & .side { width: 40%; min-width: 38; max-width: 62; }
        & #library-filter { display: none; }
        & #library-filter.used { display: block; }
        &.-narrow .side { width: 1fr; min-width: 1; max-width: 100%; }
        &.-narrow Preview { display: none; border: none; padding: 0 1; }
        &.-narrow.-previewing Preview { display: block; }
        &.-narrow.-previewing .side { display: none; }
    }
    """

    class Listed(Message):
        """The list was read."""

        def __init__(self, items: list[Item]) -> None:
            super().__init__()
            self.items = items

    class Opened(Message):
        """A run was read for Train; a text is why it could not be."""

        def __init__(self, run: RunModel | str, tail: Tail, go_on: bool) -> None:
            super().__init__()
            self.run, self.tail, self.go_on = run, tail, go_on

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shelf = Shelf()
        self.items: list[Item] = []
        self._by_key: dict[Key, Item] = {}
        self._wanted: Key | None = None  # to be selected when it is in the list
        self._seen = False
        self._waiting: Timer | None = None

    def compose(self) -> ComposeResult:
        names = ItemList(empty="reading", id="library-items")
        with Horizontal():
            with Vertical(classes="side"):
                yield FilterInput(names, "words to look for", id="library-filter")
                yield names
            yield Preview(id="library-preview")

    @property
    def names(self) -> ItemList:
        return self.query_one("#library-items", ItemList)

    @property
    def preview(self) -> Preview:
        return self.query_one("#library-preview", Preview)

    @property
    def changes(self) -> Changes:
        return Changes(self.shell, self.refresh_list)

    @property
    def filter(self) -> FilterInput:
        return self.query_one("#library-filter", FilterInput)

    @property
    def item(self) -> Item | None:
        """The selected preset or run."""
        return self._by_key.get(cast(Key, self.names.key)) if self.is_mounted else None

    @property
    def narrow(self) -> bool:
        """Whether only the list or the preview is shown."""
        return self.size.width < NARROW

    def on_resize(self) -> None:
        self.set_class(self.narrow, "-narrow")
        self._look_at(self.has_class("-previewing") and self.narrow)

    def action_item_preview(self) -> None:
        self._look_at(not self.has_class("-previewing"))

    def _look_at(self, preview: bool) -> None:
        if preview != self.has_class("-previewing"):
            self.set_class(preview, "-previewing")
            (self.preview if preview else self.names).focus()

    # -- the list ------------------------------------------------------------------------------------------

    def shown(self) -> None:
        self._look_at(False)
        self.names.focus()
        self.refresh_list()

    def run_changed(self, kinds: set[str]) -> None:
        if self.is_current and not self._waiting and kinds & {"start", "epoch", "end"}:
            self._waiting = self.set_timer(AGAIN, self.refresh_list)

    def refresh_list(self, select: Key | None = None) -> None:
        """Read the list again, away from the screen; put the cursor on ``select``."""
        self._waiting = None
        self._wanted = select or self._wanted
        self.run_worker(self._read, thread=True, group="list", exclusive=True)

    def _read(self) -> None:
        if not self.items:  # hundreds of runs take a second the first time
            self.post_message(self.Listed(self.shelf.presets(self.shell.files)))
        found = self.shelf.read(self.shell.files)
        self.post_message(self.Listed(found))
        if any(item.problem and not item.run for item in found):  # of a preset, perhaps a file not looked at
            self.post_message(self.Listed(self.shelf.read(self.shell.files.waiting)))

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        before = self.item
        self.items = message.items
        self._by_key = {item.key: item for item in self.items}
        self._fill()
        if not self._seen:
            self._seen, self._wanted = True, self._wanted or self._key_of_document()
        if self._wanted and self.names.select(self._wanted):
            self._wanted = None
        if before and self.item and self.item.key == before.key and self.item is not before:
            self.preview.show_item(self.item)
        self.refresh_bindings()

    def _key_of_document(self) -> Key | None:
        document = self.document
        for item in self.items:
            bundled = item.kind == "bundled" and document.path is None and item.name == document.origin
            if not item.run and (item.path == document.path or bundled):
                return item.key
        return None

    def _fill(self) -> list[Item]:
        found = shelf.matching(self.items, self.filter.value)
        self.names.set_rows(shelf.rows(found, datetime.now()), empty="nothing has these words; esc shows all")
        return found

    @on(ItemList.Moved)
    def _moved(self) -> None:
        self.preview.show_item(self.item)
        self.refresh_bindings()

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        if self.enabled("item_open"):
            self.action_item_open()

    # -- the filter ----------------------------------------------------------------------------------------

    def action_item_filter(self) -> None:
        self._look_at(False)
        self.filter.add_class("used")
        self.filter.focus()

    def action_item_all(self) -> None:
        if self.has_class("-previewing"):
            self._look_at(False)
            return
        self.filter.value = ""
        self.filter.remove_class("used")
        self.names.focus()

    @on(Input.Changed, "#library-filter")
    def _typed(self) -> None:
        found = self._fill()
        key = shelf.best(found, self.filter.value) if self.filter.value else None
        if key:
            self.names.select(key)

    @on(Input.Submitted, "#library-filter")
    def _to_list(self) -> None:
        self.names.focus()

    def action_item_section_before(self) -> None:
        self.names.go_section(-1)

    def action_item_section_after(self) -> None:
        self.names.go_section(1)

    # -- opening -------------------------------------------------------------------------------------------

    def action_item_open(self) -> None:
        if self.item:
            self.open(self.item)

    def action_item_go_on(self) -> None:
        if self.item:
            self.open_run(self.item, go_on=True)

    def action_item_preset(self) -> None:
        item = self.item
        if item and item.run:
            self.changes.attempt(lambda: self._edit(shelf.run_document(item.path)))

    def action_item_new(self) -> None:
        self._edit(copy.deepcopy(shelf.NEW))

    def ask(self) -> None:
        """The open dialog, over whatever place is on the screen."""
        self.app.push_screen(OpenDialog(self.shelf, self.items), self._answered)

    def _answered(self, item: Item | Browse | None) -> None:
        if isinstance(item, Browse):
            use_file.look_through(self.shell, item.path)
        elif item:
            self.open(item)

    def open(self, item: Item) -> None:
        """A preset in Build, a run in Train."""
        if item.run:
            self.open_run(item)
        elif item.document is not None:
            path = item.path if item.kind in ("own", "file") else None
            self._edit(copy.deepcopy(item.document), path, item.name if item.kind == "bundled" else "")
        else:
            self.shell.complain(item.problem)

    def _edit(self, raw: Raw, path: Path | None = None, origin: str = "") -> None:
        self.shell.open_document(raw, path=path, origin=origin)
        self.shell.show_place("build")

    def open_run(self, item: Item, go_on: bool = False) -> None:
        """Show a run in Train, and perhaps go on with it; not while another is being trained there."""
        if not self.shell.client.active:
            read = partial(self._read_run, item, go_on)
            self.run_worker(read, thread=True, group="run", exclusive=True)
        elif self.run.name == item.name:
            self.shell.show_place("train")
        else:
            self.shell.complain(f"{self.run.name} is being trained; stop it to look at another run in Train")

    def _read_run(self, item: Item, go_on: bool) -> None:
        tail = Tail(item.path)
        self.post_message(
            self.Opened(read_run(item.path, self.shell.files, pictures=True, tail=tail), tail, go_on)
        )

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        if isinstance(message.run, str):
            self.shell.complain(message.run)
        elif not self.shell.client.active:
            self.shell.show_run(message.run, message.tail)
            self.shell.show_place("train")
            if message.go_on:
                resume.go_on(self.shell)

    # -- changing ------------------------------------------------------------------------------------------

    def action_item_duplicate(self) -> None:
        if self.item:
            self.changes.duplicate(self.item)

    def action_item_rename(self) -> None:
        if self.item:
            self.changes.rename(self.item)

    def action_item_delete(self) -> None:
        if self.item:
            self.changes.delete(self.item)

    # -- keys ----------------------------------------------------------------------------------------------

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "item_all":
            return self.filter.has_class("used") or self.has_class("-previewing")
        if action_id == "item_preview":
            return self.narrow
        item, suits = self.item, _ON_ITEMS.get(action_id)
        return suits is None or (item is not None and suits(item))

    def label(self, action_id: str) -> str | None:
        if action_id in ("item_all", "item_preview") and self.has_class("-previewing"):
            return "list"
        return None


def _ours(item: Item) -> bool:
    return item.kind == "own" or (item.run is not None and item.run.reason != "running")


_ON_ITEMS: dict[str, Callable[[Item], bool]] = {
    "item_open": lambda item: item.document is not None or (item.run is not None and not item.problem),
    "item_go_on": lambda item: item.run is not None and item.run.reason != "running" and not item.problem,
    "item_preset": lambda item: item.run is not None,
    "item_duplicate": lambda item: item.document is not None or item.run is not None,
    "item_rename": _ours,
    "item_delete": _ours,
}
"""What works on what."""
