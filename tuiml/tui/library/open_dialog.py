"""The open dialog: type a few letters of a preset or a run, or the path of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuiml.text import plain_text
from tuiml.tui.keys import action
from tuiml.tui.model import catalog, item_rows
from tuiml.tui.model.catalog import Catalog, Item, Key
from tuiml.tui.shell.protocol import HasShell
from tuiml.tui.widgets.dialogs import Dialog, key_line
from tuiml.tui.widgets.item_list import FilterInput, ItemList


@dataclass(frozen=True)
class Browse:
    """The answer that asks for the file picker instead, at a path or in the last folder."""

    path: Path | None = None


class OpenDialog(Dialog[Item | Browse | None]):
    """A list that typing filters; answers with a preset or a run that can be opened.

    Args:
        items: shown until the list is read again.
        only: which items are offered; absent: all, and the path of any preset file.
    """

    DEFAULT_CSS = """
    OpenDialog > .dialog {
        width: 80;
        height: 80%;
        & > FilterInput { border: none; height: 1; padding: 0; background: $panel; }
        & > FilterInput:focus { border: none; }
        & > ItemList { height: 1fr; margin: 1 0 0 0; }
    }
    """

    @dataclass
    class Listed(Message):
        """The list was read."""

        items: list[Item]

    @dataclass
    class FileRead(Message):
        """The file of a typed path was read."""

        item: Item

    def __init__(
        self,
        source: Catalog | None = None,
        items: Sequence[Item] = (),
        *,
        title: str = "Open",
        only: Callable[[Item], bool] | None = None,
    ) -> None:
        super().__init__()
        self._asked = title
        self._only = only
        self._source = source or Catalog()
        self.items = list(items)
        self._by_key: dict[Key, Item] = {}
        self._names = ItemList(id="open-items")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            hint = "type to find" if self._only else "a preset, a run, or the path of a preset file"
            yield Static(self._asked, markup=False, classes="title")
            yield FilterInput(self._names, hint, id="open-words")
            yield self._names
            yield Static("", markup=False, classes="said")
            keys = "↑↓ select   enter choose   " + ("" if self._only else "tab files   ") + "esc cancel"
            yield key_line(self, keys)

    @action("tab", "files", "Look through folders for a file of yours.", "opening", shown=False)
    def action_browse(self) -> None:
        if self._only is None:
            self.dismiss(Browse(self.path if self.path and self.path.is_absolute() else None))

    def on_mount(self) -> None:
        self._names.can_focus = False
        self.query_one(FilterInput).focus()
        if self.items:
            self._fill()
        self.run_worker(self._read, thread=True, group="list")

    @property
    def typed(self) -> str:
        return self.query_one(FilterInput).value.strip()

    @property
    def path(self) -> Path | None:
        """The path that was typed, if what was typed looks like one."""
        typed = self.typed
        is_path = not self._only and (typed.endswith(".toml") or typed.startswith(("/", "./", "../", "~")))
        return Path(os.path.expanduser(typed)) if is_path and "\0" not in typed else None

    def _read(self) -> None:
        self.post_message(self.Listed(self._source.read(cast(HasShell, self.app).shell.files)))

    @on(Listed)
    def _listed(self, message: Listed) -> None:
        self.items = [item for item in message.items if self._only is None or self._only(item)]
        self._fill()

    def _fill(self) -> list[Item]:
        self._by_key = {item.key: item for item in self.items}
        found = [] if self.path else item_rows.matching(self.items, self.typed)
        empty = "enter reads this file" if self.path else "no matches"
        self._names.set_rows(item_rows.rows(found, datetime.now(), self._source.troubles), empty=empty)
        return found

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("")
        key = item_rows.best(self._fill(), self.typed)
        if key:
            self._names.select(key)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.path and self.path.suffix != ".toml" and self.path.is_absolute():
            self.action_browse()
        elif self.path:
            self.run_worker(partial(self._read_file, self.path), thread=True, group="file", exclusive=True)
        else:
            self._choose()

    @on(ItemList.Chosen)
    def _choose(self) -> None:
        item = self._by_key.get(cast(Key, self._names.key))
        if item:
            self._answer(item)

    def _read_file(self, path: Path) -> None:
        files = cast(HasShell, self.app).shell.files.waiting
        self.post_message(self.FileRead(catalog.preset_item(path, "file", files)))

    @on(FileRead)
    def _file_read(self, message: FileRead) -> None:
        self._answer(message.item)

    def _answer(self, item: Item) -> None:
        if item.document is None and (item.problem or not item.run):
            self._say(item.problem)
        else:
            self.dismiss(item)

    def _say(self, text: str) -> None:
        self.query_one(".said", Static).update(Content(plain_text(text.replace("\n", "; "))), layout=False)
