"""Inspects the file under the cursor in a background thread: one at a time, the newest next."""

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

SHOWN = 0.25
"""Seconds between two looks how far a file is read."""
PAUSE = 0.12
"""Seconds that the cursor stays on a file before it is inspected."""


def in_thread(do: Callable[[], object]) -> threading.Thread:
    """Run a function in a thread that the app, unlike for a worker's, does not wait for at its end."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


@dataclass(frozen=True)
class FileRequest:
    """The file to inspect, and how."""

    entry: Entry
    label: str = ""
    """The target column, by name or number; empty: detected."""
    asked: bool = False
    """True if it is inspected whatever its name."""

    @property
    def holds(self) -> bool:
        """True if it may be data: other folders and files are inspected only when asked for."""
        return self.asked or self.entry.known or self.entry.name == HERE


@dataclass
class Looked(Message):
    """A file was inspected."""

    wish: FileRequest
    found: Report | Item


class FileInspector:
    """The file that is wanted, and its report once there is one.

    Args:
        owner: gets :class:`Looked` and passes it to :meth:`took`.
        changed: called when there is something else to show.
    """

    def __init__(self, owner: MessagePump, presets: bool, changed: Callable[[], object]) -> None:
        self._owner, self._presets, self._changed = owner, presets, changed
        self.wish: FileRequest | None = None
        self.found: Report | Item | None = None
        self._looking: threading.Thread | None = None
        self._timer: Timer | None = None
        self._shown: Timer | None = None

    @property
    def words(self) -> str:
        """What is shown while a file is inspected."""
        done, total = cast("Shell", self._owner.app).looks.progress
        return (
            f"looking … {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            if self._looking and total
            else "looking …"
        )

    def want(self, wish: FileRequest | None, pause: float = 0.0) -> None:
        """Inspect a file after a pause: the cursor may only pass over it."""
        self.let_go()
        self.wish, self.found = wish, None
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._owner.set_timer(pause or 0.001, self._begin)
        self._changed()

    def let_go(self) -> None:
        """Cancel the inspection in progress."""
        if self._looking:
            cast("Shell", self._owner.app).looks.cancel(self._looking)

    def _files(self) -> DataFiles:
        return cast("Shell", self._owner.app).files.waiting

    def _begin(self) -> None:
        """Inspect what is wanted; if another inspection is in progress, its end calls this."""
        self._timer = None
        if self.wish is not None and self.wish.holds and self.found is None and not self._looking:
            self._looking = in_thread(partial(self._look, self.wish))
            self._shown = self._owner.set_interval(SHOWN, self._changed)

    def _look(self, wish: FileRequest) -> None:
        """In a thread: inspect a file."""
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
        """Store a report; False if another file is wanted by now, which is then inspected."""
        self._looking = None
        if self._shown is not None:
            self._shown.stop()
        if message.wish is not self.wish:  # or is wanted again, after it was let go
            if self._timer is None:
                self._begin()
            return False
        self.found = message.found
        self._changed()
        return True
