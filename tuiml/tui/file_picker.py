"""The file picker: folders and files, what tuiml makes of the one under the cursor, which column to tell.

Folders are read, and files looked at, by threads that nothing waits for: a slow disk or a long file never
holds up a key, nor the end of the app. What comes too late is let go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from tuiml.data.report import Report, look
from tuiml.text import plain_text
from tuiml.tui import folders, items
from tuiml.tui.actions import bindings
from tuiml.tui.charts.palette import QUIET
from tuiml.tui.data_preview import report_strips
from tuiml.tui.document import Document
from tuiml.tui.filter_input import FilterInput
from tuiml.tui.folders import Entry, Listing
from tuiml.tui.item_list import ItemList, Row
from tuiml.tui.items import Item
from tuiml.tui.modal import Modal
from tuiml.tui.preview import broken_strips, preset_strips
from tuiml.tui.strips_view import StripsView

PAUSE = 0.12
"""Seconds that the cursor stays on a file before it is looked at."""
WIDE = 96
"""Cells from which the preview is at the right."""
UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@dataclass(frozen=True)
class Taken:
    """What was picked: data with the table of a preset that means it, or a preset."""

    path: Path
    table: dict[str, Any] | None = None
    preset: Item | None = None


@dataclass(frozen=True)
class Wish:
    """What is to be looked at, and how."""

    entry: Entry
    label: str = ""
    """The column to be told, by name or number; empty: as it is found out."""


class PathInput(FilterInput):
    """Typing narrows the list, or is a path; keys that would do nothing in an empty field go about."""

    def __init__(self, target: ItemList, placeholder: str, go: Callable[[str], bool]) -> None:
        super().__init__(target, placeholder, id="file-words")
        self._go = go

    async def _on_key(self, event: events.Key) -> None:
        if not self.value and event.key in ("backspace", "left", "right") and self._go(event.key):
            event.prevent_default()
            event.stop()
            return
        await super()._on_key(event)

    def _on_paste(self, event: events.Paste) -> None:
        lines = event.text.strip().splitlines()
        if lines and folders.as_path(lines[0]) is not None:  # as of a file dropped on the terminal
            self.value = lines[0].strip()
            self.cursor_position = len(self.value)
            event.prevent_default()
            event.stop()
            return
        super()._on_paste(event)


class FilePicker(Modal[Taken | None]):
    """Looks through folders; answered with what was picked, ``None`` where nothing was.

    Args:
        presets: whether preset files may be picked too.
        start: the folder to begin in, or the file to begin at; absent: where the last one was.
    """

    BINDINGS: ClassVar[list[Any]] = list(bindings("files"))
    DEFAULT_CSS = """
    FilePicker {
        background: $background;
        & > Vertical {
            padding: 0 1;
            & > .title { text-style: bold; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
            & > .said { color: $error; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
            & > .keys { color: $foreground 60%; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
        }
        & #files { height: 1fr; margin: 1 0 0 0; }
        & ItemList { width: 2fr; }
        & StripsView { width: 3fr; border-left: solid $foreground 15%; padding: 0 0 0 1; }
        &.narrow {
            & #files { layout: vertical; }
            & ItemList { width: 1fr; height: 1fr; }
            & StripsView { width: 1fr; height: 1fr; border-left: none; border-top: solid $foreground 15%; }
        }
        &.preview ItemList { display: none; }
    }
    """

    class Listed(Message):
        """A folder was read."""

        def __init__(self, found: Listing, places: list[Entry]) -> None:
            super().__init__()
            self.found, self.places = found, places

    class Looked(Message):
        """A file was looked at."""

        def __init__(self, wish: Wish, found: Report | Item) -> None:
            super().__init__()
            self.wish, self.found = wish, found

    class Found(Message):
        """Whether there is something at a typed path."""

        def __init__(self, typed: str, path: Path, folder: bool | None) -> None:
            super().__init__()
            self.typed, self.path, self.folder = typed, path, folder

    def __init__(self, *, presets: bool = False, start: Path | None = None) -> None:
        super().__init__()
        self._presets, self._start = presets, start
        self._folder = Path()
        self._at: Path | None = None
        """What the cursor goes to, once the folder is read."""
        self._listing: Listing | None = None
        self._places: list[Entry] = []
        self._entries: dict[str, Entry] = {}
        """What is listed, by the keys of its rows."""
        self._typing = False
        """Whether the path of the folder was typed, and stays."""
        self._wish: Wish | None = None
        self._looking: Wish | None = None
        self._found: Report | Item | None = None
        """What was found out about :attr:`_wish`."""
        self._take = False
        """Whether it is to be taken as soon as that is known."""
        self._timer: Timer | None = None
        self.names = ItemList(empty="reading", id="file-items")
        self.view = StripsView(id="file-preview")
        self.words = PathInput(self.names, "type to find, or a path", self._go)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("", markup=False, classes="title")
            yield self.words
            with Horizontal(id="files"):
                yield self.names
                yield self.view
            yield Static("", markup=False, classes="said")
            yield Static("", markup=False, classes="keys")

    def on_mount(self) -> None:
        self.names.can_focus = self.view.can_focus = False
        self.words.focus()
        self._in_thread(self._begin)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < WIDE, "narrow")
        self._show_keys()

    @staticmethod
    def _in_thread(do: Callable[[], object]) -> None:
        # Not a worker: Python would wait for its thread at the end of the app.
        threading.Thread(target=do, daemon=True).start()

    # -- folders -------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        start = self._start
        folder = folders.begin() if start is None else start if start.is_dir() else start.parent
        self._at = start
        self._read(folder, True)

    def _read(self, folder: Path, first: bool = False) -> None:
        """In a thread: list a folder; at first, the places too."""
        if first:
            self._folder = folder
        places = folders.places() if first else []
        self.post_message(self.Listed(folders.listing(folder, self._presets), places))

    def open_folder(self, folder: Path, at: Path | None = None, *, typing: bool = False) -> None:
        """List another folder, the cursor on ``at``.

        Args:
            typing: its path is being typed: what was typed stays.
        """
        self._folder, self._at, self._typing = folder, at, typing
        self._in_thread(partial(self._read, folder))

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        if message.found.folder != self._folder:
            return  # by now another one is wanted
        if message.found.problem and self._listing is not None:
            self._say(message.found.problem)
            self._folder = self._listing.folder
            return
        self._listing, self._places = message.found, message.places
        self._say(message.found.problem)
        self.query_one(".title", Static).update(Content(folders.short(self._folder)), layout=False)
        if not self._typing:
            with self.prevent(Input.Changed):
                self.words.value = ""
        self._fill()
        if self._at is not None:
            self.names.select(str(self._at))
            self._at = None

    @property
    def _typed_path(self) -> Path | None:
        return folders.as_path(self.words.value)

    def _fill(self) -> None:
        found = self._listing
        if found is None:
            return
        typed = self.words.value.strip()
        path = self._typed_path
        if path is not None:
            typed = "" if folders.ends_in_folder(self.words.value) else path.name
        shown = folders.matching(found.entries, typed)
        rows: list[Row] = []
        if self._places and not typed:
            rows.append(Row(None, "lately, and where data is"))
            rows += [self._row(e) for e in self._places]
            rows.append(Row(None, f"in {folders.short(found.folder)}"))
        if any(e.folder for e in found.entries) and not typed:
            rows.append(Row(f"{found.folder}/.", "this folder", ("as data",), colour=QUIET))
        known = [e for e in shown if e.folder or e.known]
        rows += [self._row(e) for e in known]
        if len(known) < len(shown):
            rows.append(Row(None, "other files"))
            rows += [self._row(e) for e in shown if not (e.folder or e.known)]
        if found.more:
            rows.append(Row(None, f"and more: {folders.MOST:,} are listed"))
        self._entries = {str(e.path): e for e in (*self._places, *shown)}
        self._entries[f"{found.folder}/."] = Entry(found.folder, "this folder", True, True)
        empty = found.problem or ("nothing has these words" if typed else "an empty folder")
        self.names.set_rows(rows, empty=empty)

    @staticmethod
    def _row(entry: Entry) -> Row:
        return Row(str(entry.path), f"{entry.name}/" if entry.folder else entry.name, (_size(entry),))

    # -- typing --------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("")
        path = self._typed_path
        if path is None:
            self._fill()
        else:
            self._in_thread(partial(self._find, event.value, path))

    def _find(self, typed: str, path: Path) -> None:
        """In a thread: whether there is a file or a folder at a typed path."""
        try:
            folder = path.is_dir() if path.exists() else None
        except OSError:
            folder = None
        self.post_message(self.Found(typed, path, folder))

    @on(Found)
    def _path_found(self, message: Found) -> None:
        if message.typed != self.words.value:
            return  # typed on
        inside = folders.ends_in_folder(message.typed)
        if message.folder is False:  # a file: there it is
            self.open_folder(message.path.parent, message.path)
        elif message.folder and inside:
            self.open_folder(message.path, typing=True)
        elif message.path.parent != self._folder:
            self.open_folder(message.path.parent, typing=True)
        else:
            self._fill()

    def _go(self, key: str) -> bool:
        """A key in an empty field: up, into a folder, or another column to tell."""
        if key != "backspace" and self._columns:
            self._turn(1 if key == "right" else -1)
        elif key == "right":
            entry = self._entry
            if entry is not None and entry.folder and entry.name != "this folder":
                self.open_folder(entry.path)
        elif self._folder.parent != self._folder:
            self.open_folder(self._folder.parent, self._folder)
        return True

    # -- the file under the cursor -------------------------------------------------------------------------

    @property
    def _entry(self) -> Entry | None:
        return self._entries.get(cast(str, self.names.key)) if self.names.rows else None

    @on(ItemList.Moved)
    def _moved(self) -> None:
        entry = self._entry
        if self._wish is not None and entry == self._wish.entry:
            return
        self._want(Wish(entry) if entry is not None else None, PAUSE)

    def _want(self, wish: Wish | None, pause: float = 0.0) -> None:
        """Look at a file in a moment: the cursor may only pass over it."""
        self._wish, self._found, self._take = wish, None, False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(pause or 0.001, self._look)
        self._draw()
        self._show_keys()

    def _look(self) -> None:
        """Start to look at what is wanted, unless another is being looked at: that one's end starts it."""
        self._timer = None
        wish = self._wish
        if wish is None or self._looking is not None or self._found is not None:
            return
        if wish.entry.folder and wish.entry.name != "this folder" and not wish.entry.known:
            return
        self._looking = wish
        self._in_thread(partial(self._look_at, wish))

    def _look_at(self, wish: Wish) -> None:
        """In a thread: what a file holds."""
        found: Report | Item
        if self._presets and wish.entry.path.suffix.lower() == folders.PRESET:
            found = items.preset_item(wish.entry.path, "file")
        else:
            try:
                found = look(str(wish.entry.path), label=wish.label or None)
            except Exception as error:  # whatever a file does to a reader, the picker stays
                text = plain_text(f"it cannot be read: {error}"[:300])
                found = Report(plain_text(str(wish.entry.path)), "", problems=(text,))
        self.post_message(self.Looked(wish, found))

    @on(Looked)
    def _looked(self, message: Looked) -> None:
        self._looking = None
        if message.wish != self._wish:
            if self._timer is None:
                self._look()
            return
        self._found = message.found
        self._draw()
        self._show_keys()
        if self._take:
            self._choose()

    def _draw(self) -> None:
        wish, found = self._wish, self._found
        if wish is None or (wish.entry.folder and found is None and not self._looked_at(wish)):
            self.view.show(None)
            return
        name = wish.entry.path.name or str(wish.entry.path)
        if found is None:
            self.view.show(partial(broken_strips, "looking …", ""))
        elif isinstance(found, Item) and found.document is not None:
            self.view.show(partial(preset_strips, Document(found.document), "preset"))
        elif isinstance(found, Item):
            self.view.show(partial(broken_strips, name, found.problem))
        else:
            self.view.show(partial(report_strips, found, name))

    @staticmethod
    def _looked_at(wish: Wish) -> bool:
        return not wish.entry.folder or wish.entry.known or wish.entry.name == "this folder"

    # -- the column to tell --------------------------------------------------------------------------------

    @property
    def _columns(self) -> list[str]:
        """The columns of the table that is shown, as an option takes them."""
        found = self._found
        if not isinstance(found, Report) or found.format != "csv" or len(found.columns) < 2:
            return []
        names = [column.name for column in found.columns]
        return [
            name if names.count(name) == 1 and name and not name.isdigit() else str(i + 1)
            for i, name in enumerate(names)
        ]

    def _turn(self, by: int) -> None:
        found, wish = self._found, self._wish
        if not isinstance(found, Report) or wish is None:
            return
        kinds = [column.kind for column in found.columns]
        at = kinds.index("label") if "label" in kinds else -1 if by > 0 else 0
        if wish.label in self._columns:
            at = self._columns.index(wish.label)
        self._want(replace(wish, label=self._columns[(at + by) % len(self._columns)]))

    # -- taking --------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_take_file()

    @on(ItemList.Chosen)
    def _clicked_twice(self) -> None:
        self.action_take_file()

    def action_take_file(self) -> None:
        """Into a folder; what a file holds is taken as soon as it is known."""
        entry = self._entry
        if entry is None:
            return
        if entry.folder and entry.name != "this folder" and not (entry.known and self._found):
            self.open_folder(entry.path)
        elif self._found is None:
            self._take = True
            self._say("looking …")
        else:
            self._choose()

    def _choose(self) -> None:
        found, wish = self._found, self._wish
        self._take = False
        if wish is None:
            return
        if isinstance(found, Item):
            if found.document is None:
                self._say(found.problem)
            else:
                self.dismiss(Taken(wish.entry.path, preset=found))
        elif found is not None and found.usable and found.table is not None:
            self._in_thread(partial(folders.remember, wish.entry.path))
            self.dismiss(Taken(wish.entry.path, found.table))
        elif found is not None:
            self._say(found.problems[0] if found.problems else "it cannot be used")

    def action_folder_up(self) -> None:
        self._go("backspace")

    def action_flip(self) -> None:
        self.set_class(not self.has_class("preview"), "preview")

    def action_leave_files(self) -> None:
        if self.words.value:
            self.words.value = ""
        else:
            self.dismiss(None)

    # -- words ---------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.query_one(".said", Static).update(Content(plain_text(text)), layout=False)

    def _show_keys(self) -> None:
        words = ["enter open or take", "backspace up", "tab preview", "esc cancel"]
        if self._columns:
            words.insert(1, "←→ column to tell")
        self.query_one(".keys", Static).update(Content("   ".join(words)), layout=False)


def _size(entry: Entry) -> str:
    if entry.folder or entry.size < 0:
        return ""
    for unit, word in UNITS:
        if entry.size >= unit:
            return f"{entry.size / unit:.3g} {word}"
    return f"{entry.size} B"
