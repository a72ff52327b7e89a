"""Looking at the file under the cursor, in threads that nothing waits for: one at a time, the newest next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

from tuiml.data.file_report import Report, look
from tuiml.data.own.entries import DataFiles
from tuiml.text import plain_text
from tuiml.tui.dialogs import folders
from tuiml.tui.dialogs.folders import HERE, Entry
from tuiml.tui.model import catalog
from tuiml.tui.model.catalog import Item

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell

PAUSE = 0.12
"""Seconds that the cursor stays on a file before it is looked at."""


def in_thread(do: Callable[[], object]) -> threading.Thread:
    """Do something beside the screen; unlike a worker's thread, this one is not waited for at the end."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True)
class FileRequest:
    """What is to be looked at, and how."""

    entry: Entry
    label: str = ""
    """The target column, by name or number; empty: detected."""
    asked: bool = False
    """Whether it is to be looked at whatever its name."""

    @property
    def holds(self) -> bool:
        """Whether it may be data: a folder, or a file of another kind, that one only passes is left alone."""
        return self.asked or self.entry.known or self.entry.name == HERE


@dataclass
class Looked(Message):
    """A file was looked at."""

    wish: FileRequest
    found: Report | Item


class FileInspector:
    """What is wanted, and what was found out about it.

    Args:
        owner: gets :class:`Looked`, and hands it to :meth:`took`.
        presets: whether preset files may be picked too.
        changed: called when there is something else to show.
    """

    def __init__(self, owner: MessagePump, presets: bool, changed: Callable[[], object]) -> None:
        self._owner, self._presets, self._changed = owner, presets, changed
        self.wish: FileRequest | None = None
        self.found: Report | Item | None = None
        self._looking: threading.Thread | None = None
        self._timer: Timer | None = None

    def want(self, wish: FileRequest | None, pause: float = 0.0) -> None:
        """Look at a file in a moment: the cursor may only pass over it."""
        self.let_go()
        self.wish, self.found = wish, None
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._owner.set_timer(pause or 0.001, self._begin)
        self._changed()

    def let_go(self) -> None:
        """What is being looked at is not wanted any more."""
        if self._looking:
            cast("Shell", self._owner.app).looks.cancel(self._looking)

    def _files(self) -> DataFiles:
        return cast("Shell", self._owner.app).files.waiting

    def _begin(self) -> None:
        """Look at what is wanted, unless another is being looked at: that one's end leads here."""
        self._timer = None
        if self.wish is not None and self.wish.holds and self.found is None and not self._looking:
            self._looking = in_thread(partial(self._look, self.wish))

    def _look(self, wish: FileRequest) -> None:
        """In a thread: what a file holds."""
        path = wish.entry.path
        found: Report | Item
        try:
            if self._presets and path.suffix.lower() == folders.PRESET:
                found = catalog.preset_item(path, "file", self._files())
            else:
                found = look(str(path), self._files(), label=wish.label or None)
        except Exception as error:  # whatever a file does to a reader, the picker stays
            text = plain_text(f"it cannot be read: {error}"[:300])
            found = Report(plain_text(str(path)), "", problems=(text,))
        self._owner.post_message(Looked(wish, found))

    def took(self, message: Looked) -> bool:
        """Whether what was found is what is wanted still; else that is looked at next."""
        self._looking = None
        if message.wish is not self.wish:  # or is wanted again, after it was let go
            if self._timer is None:
                self._begin()
            return False
        self.found = message.found
        self._changed()
        return True
