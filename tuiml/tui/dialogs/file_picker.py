"""The file picker: folders and files, a preview of the file under the cursor, and its target column.

Folders and files are read by background threads, so that a slow disk never delays a key or the end of the
app.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuiml.data.file_report import Remedy, Report
from tuiml.text import plain_text
from tuiml.tui.dialogs import folders
from tuiml.tui.dialogs.data_preview import hint_strips, report_strips
from tuiml.tui.dialogs.file_inspector import PAUSE, FileInspected, FileInspector, FileRequest, in_thread
from tuiml.tui.dialogs.folders import HERE, Entry, Listing, PathInput, file_rows
from tuiml.tui.keys import action
from tuiml.tui.library.preview import broken_strips, preset_strips
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Document
from tuiml.tui.shell.protocol import HasShell
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.item_list import ItemList
from tuiml.tui.widgets.picker import Pick
from tuiml.tui.widgets.strips_view import StripsView

WIDE = 96
"""Cells from which the preview is at the right."""


@dataclass(frozen=True)
class Taken:
    """What was picked: data, as a table of a preset, or a preset."""

    path: Path
    table: dict[str, Any] | None = None
    preset: Item | None = None


class FilePicker(Modal[Taken | None]):
    """Browses folders; answers with what was picked, or ``None``."""

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

    @dataclass
    class Listed(Message):
        """A folder was read."""

        found: Listing
        places: list[Entry]

    @dataclass
    class Found(Message):
        """What is at a typed path: a folder, a file (``False``) or nothing (``None``)."""

        typed: str
        path: Path
        folder: bool | None

    def __init__(self, *, presets: bool = False, start: Path | None = None) -> None:
        super().__init__()
        self._presets, self._start = presets, start
        self._folder = Path()
        self._at: Path | None = None
        """Where the cursor goes once the folder is read."""
        self._listing: Listing | None = None
        self._places: list[Entry] = []
        self._entries: dict[str, Entry] = {}
        """The listed entries by the keys of their rows."""
        self._typing = False
        """True if the path of the folder was typed, and stays."""
        self._inspector = FileInspector(self, presets, self._show)
        self._take = False
        """True if the file is used as soon as it is inspected."""
        self.names = ItemList(id="file-items")
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
        in_thread(self._begin)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < WIDE, "narrow")
        self._show_keys()

    def on_unmount(self) -> None:
        self._inspector.cancel()

    def _begin(self) -> None:
        start = self._start
        folder = folders.begin() if start is None else start if start.is_dir() else start.parent
        self._at = start
        self._read(folder, True)

    def _read(self, folder: Path, first: bool = False) -> None:
        """In a thread: list a folder; the first time, the places too."""
        if first:
            self._folder = folder
        places = folders.places() if first else []
        self.post_message(self.Listed(folders.listing(folder, self._presets), places))

    def open_folder(self, folder: Path, at: Path | None = None, *, typing: bool = False) -> None:
        """List another folder with the cursor on ``at``; ``typing``: keep the typed path in the field."""
        self._folder, self._at, self._typing = folder, at, typing
        in_thread(partial(self._read, folder))

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
        at, self._at = self._at or folders.first(message.found, message.places), None
        if at is not None:
            self.names.select(str(at))

    @property
    def _typed_path(self) -> Path | None:
        return folders.as_path(self.words.value)

    def _fill(self) -> None:
        found, typed = self._listing, self.words.value.strip()
        if found is None:
            return
        path = self._typed_path
        if path is not None:
            typed = "" if folders.ends_in_folder(typed) else path.name
        rows, self._entries = file_rows(found, self._places, typed)
        empty = found.problem or ("nothing has these words" if typed else "an empty folder")
        self.names.set_rows(rows, empty=empty)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("")
        path = self._typed_path
        if path is None:
            self._fill()
        else:
            in_thread(partial(self._find, event.value, path))

    def _find(self, typed: str, path: Path) -> None:
        """In a thread: what is at a typed path."""
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
        """A key in an empty field: up, into a folder, or another target column."""
        if key != "backspace" and self._inspector.columns:
            self._take = False
            self._inspector.turn(1 if key == "right" else -1)
        elif key == "right":
            entry = self._entry
            if entry is not None and entry.folder and entry.name != HERE:
                self.open_folder(entry.path)
        elif self._folder.parent != self._folder:
            self.open_folder(self._folder.parent, self._folder)
        return True

    @property
    def _entry(self) -> Entry | None:
        return self._entries.get(cast(str, self.names.key)) if self.names.rows else None

    @on(ItemList.Moved)
    def _moved(self) -> None:
        entry, request = self._entry, self._inspector.request
        if request is None or entry != request.entry:
            self._take = False
            self._inspector.inspect(FileRequest(entry) if entry is not None else None, PAUSE)

    @on(FileInspected)
    def _inspected(self, message: FileInspected) -> None:
        if self._inspector.receive(message) and self._take:
            self._choose()

    def _show(self) -> None:
        """The preview, and the keys that work on it."""
        self._show_keys()
        request, found = self._inspector.request, self._inspector.found
        if request is None or (request.entry.folder and not request.may_be_data):
            self.view.show(None)
            return
        name = request.entry.path.name or str(request.entry.path)
        if not request.may_be_data:
            self.view.show(partial(hint_strips, name, "unknown kind of file: enter inspects it"))
            return
        if found is None:
            self.view.show(partial(hint_strips, name, self._inspector.words))
        elif isinstance(found, Item) and found.document is not None:
            document = Document(found.document, files=cast(HasShell, self.app).shell.files)
            self.view.show(partial(preset_strips, document, "preset"))
        elif isinstance(found, Item):
            self.view.show(partial(broken_strips, name, found.problem))
        else:
            self.view.show(partial(report_strips, found, name))

    @on(Input.Submitted)
    @on(ItemList.Chosen)
    def _chosen(self, event: Message) -> None:
        event.stop()
        self.action_take_file()

    @action("enter", "take it", "Into the folder, or take the file as data.", "files", rank=10)
    def action_take_file(self) -> None:
        entry = self._entry
        if entry is None:
            return
        if entry.folder and entry.name != HERE and not (entry.known and self._inspector.found):
            self.open_folder(entry.path)
        elif self._inspector.request is not None and not self._inspector.request.may_be_data:
            self._inspector.inspect(replace(self._inspector.request, asked=True))
        elif self._inspector.found is None:
            self._take = True
            self._say("inspecting …")
        else:
            self._choose()

    def _choose(self) -> None:
        found, request = self._inspector.found, self._inspector.request
        self._take = False
        if request is None:
            return
        if isinstance(found, Item):
            if found.document is None:
                self._say(found.problem)
            else:
                self.dismiss(Taken(request.entry.path, preset=found))
        elif found is not None and found.usable and found.table is not None:
            in_thread(partial(folders.remember, request.entry.path))
            self.dismiss(Taken(request.entry.path, found.table))
        elif found is not None and found.remedies:
            self._ask(found.remedies)
        elif found is not None:
            self._say(found.problems[0] if found.problems else "it cannot be used")

    def _ask(self, remedies: Sequence[Remedy]) -> None:
        """What can be done about the problems of a table; it is inspected again with what is chosen."""
        by_words = {remedy.words: remedy for remedy in remedies}

        def chosen(words: str | None) -> None:
            request = self._inspector.request
            if words is not None and request is not None:
                options = {**request.options, **by_words[words].options}
                self._inspector.inspect(replace(request, options=options))

        picks = [Pick(remedy.words, advice=remedy.why) for remedy in remedies]
        self.app.push_screen(Chooser("What to do", picks), chosen)

    @action("ctrl+u", "up", "To the folder above; also backspace.", "files", rank=30, shown=False)
    def action_folder_up(self) -> None:
        self._go("backspace")

    @action("tab", "preview", "The preview alone, and back.", "files", rank=40, shown=False)
    def action_flip(self) -> None:
        self.set_class(not self.has_class("preview"), "preview")

    @action("escape", "back", "Empty the field, or leave everything as it is.", "files", rank=20)
    def action_leave_files(self) -> None:
        if self.words.value:
            self.words.value = ""
        else:
            self.dismiss(None)

    def _say(self, text: str) -> None:
        self.query_one(".said", Static).update(Content(plain_text(text)), layout=False)

    def _show_keys(self) -> None:
        found = self._inspector.found
        ill = isinstance(found, Report) and found.remedies
        words = [
            "enter what to do" if ill else "enter open or take",
            "backspace up",
            "tab preview",
            "esc cancel",
        ]
        if self._inspector.columns:
            words.insert(1, "←→ target")
        self.query_one(".keys", Static).update(Content("   ".join(words)), layout=False)
