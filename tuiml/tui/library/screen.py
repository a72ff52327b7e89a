"""The Library: presets and past runs in one list, read by threads, with a preview of the selected one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from tuiml.tui.keys import Where, action
from tuiml.tui.library.file_actions import Changes
from tuiml.tui.library.open_dialog import Browse, OpenDialog
from tuiml.tui.library.opener import Opener
from tuiml.tui.library.preview_pane import Preview
from tuiml.tui.model import past_run, preset_files
from tuiml.tui.model.catalog import Catalog, Item, Key
from tuiml.tui.model.item_rows import best, key_of, matching, rows
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.item_list import FilterInput, ItemList

NARROW = 70
"""Cells below which list and preview take turns."""
AGAIN = 1.0
"""Seconds between two readings of the list while a run goes on."""


class Library(AppScreen):
    """The list at the left, the preview beside it (below it where the screen is narrow)."""

    where: ClassVar[Where] = "library"
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

    @dataclass
    class Listed(Message):
        """The list was read."""

        items: list[Item]
        reading: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.catalog = Catalog()
        self.items: list[Item] = []
        self._by_key: dict[Key, Item] = {}
        self._wanted: Key | None = None  # to be selected when it is in the list
        self._seen = False
        self._reading = 0
        """Counts the readings of the list: threads of earlier ones may end later."""
        self._waiting: Timer | None = None
        self.names = ItemList(id="library-items")
        self.filter = FilterInput(self.names, "words to look for", id="library-filter")
        self.preview = Preview(id="library-preview")
        self.opener = Opener(self)
        self._changes = Changes(self, self.refresh_list)

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(classes="side"):
                yield self.filter
                yield self.names
            yield self.preview

    @property
    def item(self) -> Item | None:
        """The selected preset or run."""
        return self._by_key.get(cast(Key, self.names.key)) if self.is_mounted else None

    def on_resize(self) -> None:
        narrow = self.size.width < NARROW
        self.set_class(narrow, "-narrow")
        self._show_preview(self.has_class("-previewing") and narrow)

    @action("space", "preview", "The preview, and back (narrow screens).", "library", rank=40)
    def action_item_preview(self) -> None:
        self._show_preview(not self.has_class("-previewing"))

    def _show_preview(self, preview: bool) -> None:
        if preview != self.has_class("-previewing"):
            self.set_class(preview, "-previewing")
            (self.preview if preview else self.names).focus()

    def shown(self) -> None:
        self._show_preview(False)
        self.names.focus()
        self.refresh_list()

    def run_changed(self, kinds: set[str]) -> None:
        if self.is_current and not self._waiting and kinds & {"start", "epoch", "end"}:
            self._waiting = self.set_timer(AGAIN, self.refresh_list)

    def refresh_list(self, select: Key | None = None) -> None:
        """Read the list again, away from the screen; put the cursor on ``select``."""
        self._waiting = None
        self._wanted = select or self._wanted
        self._reading += 1
        first, reading = not self.items, self._reading

        def read() -> None:
            for items in self.catalog.readings(self.shell.files, first):
                self.post_message(self.Listed(items, reading))

        self.run_worker(read, thread=True, group="list", exclusive=True)

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        if message.reading != self._reading:
            return
        before = self.item
        self.items = message.items
        self._by_key = {item.key: item for item in self.items}
        self._fill()
        if not self._seen:
            self._seen, self._wanted = True, self._wanted or key_of(self.document, self.items)
        if self._wanted and self.names.select(self._wanted):
            self._wanted = None
        if before and self.item and self.item.key == before.key and self.item is not before:
            self.preview.show_item(self.item)
        self.refresh_bindings()

    def _fill(self) -> list[Item]:
        found = matching(self.items, self.filter.value)
        self.names.set_rows(
            rows(found, datetime.now(), self.catalog.troubles), empty="no matches; esc shows all"
        )
        return found

    @on(ItemList.Moved)
    def _moved(self) -> None:
        self.preview.show_item(self.item)
        self.refresh_bindings()

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        if self.enabled("item_open"):
            self.action_item_open()

    @action(
        "slash",
        "filter",
        "Show only what contains the words you type.",
        "library",
        rank=50,
        also="search, find",
    )
    def action_item_filter(self) -> None:
        self._show_preview(False)
        self.filter.add_class("used")
        self.filter.focus()

    @action("escape", "show all", "Clear the filter and show everything.", "library", rank=60)
    def action_item_all(self) -> None:
        if self.has_class("-previewing"):
            self._show_preview(False)
            return
        self.filter.value = ""
        self.filter.remove_class("used")
        self.names.focus()

    @on(Input.Changed, "#library-filter")
    def _typed(self) -> None:
        found = self._fill()
        key = best(found, self.filter.value) if self.filter.value else None
        if key:
            self.names.select(key)

    @on(Input.Submitted, "#library-filter")
    def _to_list(self) -> None:
        self.names.focus()

    @action("left", "section up", "To the section before.", "library", rank=110, shown=False)
    def action_item_section_before(self) -> None:
        self.names.go_section(-1)

    @action("right", "section down", "To the next section.", "library", rank=120, shown=False)
    def action_item_section_after(self) -> None:
        self.names.go_section(1)

    @action("enter", "open", "Open: a preset in Build, a run in Train, a study.", "library", rank=10)
    def action_item_open(self) -> None:
        if self.item:
            self.opener.open(self.item)

    @action(
        "g",
        "resume",
        "Resume the run from its newest checkpoint.",
        "library",
        rank=20,
        also="continue, go on",
    )
    def action_item_resume(self) -> None:
        if self.item:
            self.opener.open_run(self.item, resumed=True)

    @action("p", "its preset", "Open the preset of the selected run in Build.", "library", rank=30)
    def action_item_preset(self) -> None:
        item = self.item
        if item and item.run:
            self._changes.attempt(lambda: self.opener.edit(past_run.run_document(item.path)))

    @action(
        "f",
        "trials",
        "Show the trials of the study below it, or fold them away.",
        "library",
        rank=35,
        also="expand, collapse",
    )
    def action_item_fold(self) -> None:
        item = self.item
        if item and item.kind == "trial":
            item = self._by_key.get(("study", str(item.path.parent)))
        if item and item.study:
            self.catalog.unfolded ^= {item.path}
            self.refresh_list(item.key)

    @action("n", "new", "Start a new preset: the smallest that trains.", "library", rank=70, also="create")
    def action_item_new(self) -> None:
        self.opener.edit(copy.deepcopy(preset_files.NEW))

    def ask(self, browse: Callable[[Path | None], None]) -> None:
        """Show the open dialog over the screen; ``browse`` shows the files at a path in its place."""

        def answered(item: Item | Browse | None) -> None:
            if isinstance(item, Browse):
                browse(item.path)
            elif item:
                self.opener.open(item)

        self.app.push_screen(OpenDialog(self.catalog, self.items), answered)

    @action("d", "duplicate", "Make a copy of it among your presets.", "library", rank=80, also="copy, clone")
    def action_item_duplicate(self) -> None:
        if self.item:
            self._changes.duplicate(self.item)

    @action("r", "rename", "Rename your preset, the run or the study.", "library", rank=90)
    def action_item_rename(self) -> None:
        if self.item:
            self._changes.rename(self.item)

    @action(
        "x delete",
        "delete",
        "Delete your preset, the run or the study.",
        "library",
        rank=100,
        destructive=True,
        also="erase, trash",
    )
    def action_item_delete(self) -> None:
        if self.item:
            self._changes.delete(self.item)

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "item_all":
            return self.filter.has_class("used") or self.has_class("-previewing")
        if action_id == "item_preview":
            return self.size.width < NARROW
        item, suits = self.item, _ON_ITEMS.get(action_id)
        return suits is None or (item is not None and suits(item))

    def label(self, action_id: str) -> str | None:
        if action_id in ("item_all", "item_preview") and self.has_class("-previewing"):
            return "list"
        if action_id == "item_fold" and self.item and self.item.kind == "trial":
            return "fold"
        return None


def _ours(item: Item) -> bool:
    if item.study:
        return not item.study.running and (item.study.begun or not item.study.bundled)
    return item.kind == "own" or (item.run is not None and item.run.reason != "running")


_ON_ITEMS: dict[str, Callable[[Item], bool]] = {
    "item_open": lambda item: (
        bool(item.document or item.study) or (item.run is not None and not item.problem)
    ),
    "item_resume": lambda item: item.run is not None and item.run.reason != "running" and not item.problem,
    "item_preset": lambda item: item.run is not None,
    "item_fold": lambda item: item.kind == "trial" or (item.study is not None and item.study.runs > 0),
    "item_duplicate": lambda item: not item.study and (item.document is not None or item.run is not None),
    "item_rename": lambda item: _ours(item) and item.kind != "trial",  # its name says what it trains
    "item_delete": _ours,
}
"""What works on what."""
