"""The Library: tabs of runs, studies and presets, read by threads, with a preview of the selected one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Input

from tuiml.runs.filtering import HELP
from tuiml.tui.keys import Where, action
from tuiml.tui.keys import key_of as bound_key
from tuiml.tui.library import lesson_source  # noqa: F401 - it adds its tab
from tuiml.tui.library.enabled_actions import needs_preset, possible
from tuiml.tui.library.file_actions import Changes
from tuiml.tui.library.list_order import ListOrder
from tuiml.tui.library.list_reader import ListReader
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.library.opener import Opener
from tuiml.tui.library.preview_pane import Preview
from tuiml.tui.library.tab_bar import Tab, TabBar
from tuiml.tui.model import past_run
from tuiml.tui.model.catalog import Item, Key
from tuiml.tui.model.item_rows import best, key_of
from tuiml.tui.model.library_view import PRESETS, RUNS, LibraryView
from tuiml.tui.model.status import OWN_LOOP
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.item_list import FilterInput, ItemList, Table, TableHeader

NARROW = 70
"""Cells below which list and preview take turns."""
LOW = 30
"""Rows below which ``z`` enlarges the preview of a run; it is below the list."""
LOWEST = 19
"""Rows below which only ``z`` shows it."""


class Library(AppScreen):
    """Tabs above the list; the preview beside it, or below the wide list of runs."""

    where: ClassVar[Where] = "library"
    DEFAULT_CSS = """
    Library {
        & > #library-body { height: 1fr; layout: horizontal; }
        & .side { width: 40%; min-width: 38; max-width: 62; height: 1fr; }
        & #library-filter { display: none; }
        & #library-filter.used { display: block; }
        & #library-header { display: none; }
        &.-runs {
            & > #library-body { layout: vertical; }
            & .side { width: 1fr; max-width: 100%; }
            & #library-header { display: block; }
            & Preview { border-left: none; border-top: solid $foreground 20%; padding: 0 1; height: 1fr; }
            & Preview:focus { border-top: solid $primary; }
        }
        &.-narrow .side { width: 1fr; min-width: 1; max-width: 100%; }
        &.-narrow Preview { display: none; border: none; padding: 0 1; }
        &.-narrow.-previewing Preview { display: block; }
        &.-narrow.-previewing .side { display: none; }
        &.-runs.-low Preview { display: block; height: 9; border-top: solid $foreground 20%; }
        &.-runs.-low Preview:focus { border-top: solid $primary; }
        &.-runs.-low.-previewing Preview { height: 1fr; }
    }
    """

    def __init__(self, *, id: str | None = None, tab: str = "") -> None:
        super().__init__(id=id)
        self.reader = ListReader(self)
        self.view = LibraryView()
        self.items: list[Item] = []
        self._last_tab = tab
        self._wanted: Key | None = None  # to be selected when it is in the list
        self._seen = False
        self._turned = 0  # tabs to go on once it is known which one is open
        self.tabs = TabBar(id="library-tabs")
        self.names = ItemList(id="library-items")
        self.header = TableHeader(self.names, id="library-header")
        self.filter = FilterInput(self.names, HELP, id="library-filter")
        self.preview = Preview(id="library-preview")
        self.opener = Opener(self, self.view, lambda: self.item)
        self._changes = Changes(self, self.view, lambda: self.item, self.refresh_list)
        order = ListOrder(self.view, lambda: self.item, self._fill)
        self.action_parts = (self.opener, self._changes, order)

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield self.filter
        with Container(id="library-body"):
            with Vertical(classes="side"):
                yield self.header
                yield self.names
            yield self.preview

    @property
    def item(self) -> Item | None:
        """The selected preset, study or run."""
        return self.view.item(self.names.key) if self.is_mounted else None

    @property
    def narrow(self) -> bool:
        """True if list and preview take turns."""
        return self.size.height < LOW if self.view.tab == RUNS else self.size.width < NARROW

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Lay out list and preview as the open tab and the size want it."""
        self.set_class(self.view.tab == RUNS, "-runs")
        self.set_class(self.narrow, "-narrow")
        self.set_class(self.narrow and self.size.height >= LOWEST, "-low")
        self._show_preview(self.has_class("-previewing") and self.narrow)
        self.header.refresh()

    @action("z", "preview", "The preview, and back (small screens).", "library", rank=40)
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
        if self.is_current and kinds & {"start", "epoch", "end"}:
            self.reader.read_soon()

    def refresh_list(self, select: Key | None = None) -> None:
        """Read the list again, away from the screen; put the cursor on ``select``."""
        self._wanted = select or self._wanted
        self.reader.read()

    @on(ListReader.Listed)
    def _listed(self, message: ListReader.Listed) -> None:
        if not self.reader.is_newest(message):
            return
        before = self.item
        self.items = message.items
        self.view.feed(self.items, self._last_tab)
        if not self._seen:
            self._seen = True
            self._wanted = self._wanted or (
                key_of(self.document, self.items) if self.view.tab == PRESETS else None
            )
        if self._wanted and self.go_to(self._wanted):
            self._wanted = None
        else:
            self._fill()
        if turned := self._turned:
            self._turned = 0
            self.beside(turned)
        if before and self.item and self.item.key == before.key and self.item is not before:
            self.preview.show_item(self.item)

    def _fill(self) -> None:
        """Show the open tab's items."""
        view = self.view
        self._arrange()
        rows = view.rows(datetime.now(), self.reader.catalog.troubles)
        table = Table(rows, view.by, view.down) if view.tab == RUNS else None
        nothing = f"no {view.tab.lower()} yet"
        if view.tab == RUNS:
            nothing += f": {bound_key('start_pause', self.shell.keymap)} trains {self.document.name}"
        empty = view.trouble or ("no matches; esc shows all" if view.text else nothing)
        self.names.set_rows(rows, empty=empty, table=table)
        tabs = [Tab(title, len(view.found[title]), len(items)) for title, items in view.tabs.items()]
        marked = f"{len(view.marked)} marked" if view.marked and view.tab == RUNS else ""
        self.tabs.show(tabs, view.tab, view.trouble or marked)
        self.header.refresh()
        self.refresh_bindings()

    def go_to(self, key: Key) -> bool:
        """Open the tab of an item and put the cursor on it; ``False`` if it is not in the list."""
        self.view.tab = self.view.tab_of(key) or self.view.tab
        self._fill()
        return self.names.select(key)

    @on(ItemList.Moved)
    def _moved(self) -> None:
        self.preview.show_item(self.item)
        self.refresh_bindings()

    @on(ItemList.Chosen)
    def _chosen(self) -> None:
        if self.enabled("item_open"):
            self.opener.action_item_open()

    # -- tabs, order and filter ---------------------------------------------------------------------------

    @action("left", "tab before", "The tab before.", "library", "tab_before", -1, rank=110, shown=False)
    @action("right", "next tab", "The next tab: runs, studies, presets.", "library", "tab_after", 1, rank=120)
    def beside(self, by: int) -> None:
        """Open the tab before or after."""
        if not self._seen:
            self._turned += by
            return
        self.view.open_beside(by)
        self._open_tab()

    @on(TabBar.Clicked)
    def _tab_clicked(self, message: TabBar.Clicked) -> None:
        self.view.tab = message.title
        self._open_tab()

    def _open_tab(self) -> None:
        self.view.arrange()
        self._fill()
        self._show_preview(False)
        if not self.filter.has_focus:
            self.names.focus()
        if self.view.tab == PRESETS and (key := key_of(self.document, self.view.shown)):
            self.names.select(key)

    @on(TableHeader.Clicked)
    def _header_clicked(self, message: TableHeader.Clicked) -> None:
        self.view.sort(message.column)
        self._fill()

    @action(
        "slash",
        "filter",
        "Show only what has these words and settings.",
        "library",
        rank=15,
        also="search, find",
    )
    def action_item_filter(self) -> None:
        self._show_preview(False)
        self.filter.add_class("used")
        self.filter.focus()

    @action("escape", "show all", "Clear the filter, then the marks.", "library", rank=60)
    def action_item_all(self) -> None:
        if self.has_class("-previewing"):
            self._show_preview(False)
            return
        if self.filter.has_class("used"):
            self.filter.value = ""
            self.filter.remove_class("used")
        else:
            self.view.marked.clear()
            self._fill()
        self.names.focus()

    @on(Input.Changed, "#library-filter")
    def _typed(self) -> None:
        self.view.text = self.filter.value
        self.view.arrange()
        self._fill()
        sorted_runs = self.view.tab == RUNS
        key = best(self.view.shown, self.filter.value) if self.filter.value and not sorted_runs else None
        if key:
            self.names.select(key)

    @on(Input.Submitted, "#library-filter")
    def _to_list(self) -> None:
        self.names.focus()

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
            item = self.view.item(("study", str(item.path.parent)))
        if item and item.study:
            self.reader.catalog.unfolded ^= {item.path}
            self.refresh_list(item.key)

    @action("p", "its preset", "Open the preset of the selected run in Build.", "library", rank=30)
    def action_item_preset(self) -> None:
        item = self.item
        if item and item.run:
            self._changes.attempt(lambda: self.opener.edit(past_run.run_document(item.path)))

    def ask(self, browse: Callable[[Path | None], None]) -> None:
        """Show the open dialog over the screen; ``browse`` shows the files at a path in its place."""
        self.opener.ask(OpenDialog(self.reader.catalog, self.items), browse)

    def on_key(self, event: events.Key) -> None:
        if needs_preset(event.key, self.item, self.shell.keymap):
            self.shell.say(OWN_LOOP)
            event.stop()

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "item_all":
            filtered = self.filter.has_class("used") or self.has_class("-previewing")
            return filtered or bool(self.view.marked)
        if action_id == "item_preview":
            return self.narrow
        if action_id == "item_undelete":
            return self._changes.may_undo
        return possible(action_id, self.view, self.item)

    def label(self, action_id: str) -> str | None:
        if action_id in ("item_all", "item_preview") and self.has_class("-previewing"):
            return "list"
        if action_id == "item_all" and not self.filter.has_class("used"):
            return "clear marks"
        if action_id == "item_mark" and self.item and self.item.key in self.view.marked:
            return "unmark"
        if action_id == "item_fold" and self.item and self.item.kind == "trial":
            return "fold"
        return None
