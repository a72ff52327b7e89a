"""Inspects the file under the cursor in a background thread: one at a time, the newest next."""

from __future__ import annotations

import threading
from asyncio import TimerHandle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

from tuiml.data.file_report import Report, inspect
from tuiml.data.own.entries import DataFiles
from tuiml.text import plain_text
from tuiml.tui.dialogs import folders
from tuiml.tui.dialogs.folders import HERE, Entry
from tuiml.tui.model import catalog
from tuiml.tui.model.catalog import Item
from tuiml.tui.widgets.later import later

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
    options: Mapping[str, Any] = field(default_factory=dict)
    """Other options of the entry: a remedy that was chosen."""
    asked: bool = False
    """True if it is inspected whatever its name."""

    @property
    def may_be_data(self) -> bool:
        """True if it may be data: other folders and files are inspected only when asked for."""
        return self.asked or self.entry.known or self.entry.name == HERE


@dataclass
class FileInspected(Message):
    """A file was inspected."""

    request: FileRequest
    found: Report | Item


class FileInspector:
    """The file that is wanted, and its report once there is one.

    Args:
        owner: gets :class:`FileInspected` and passes it to :meth:`receive`.
        changed: called when there is something else to show.
    """

    def __init__(self, owner: MessagePump, presets: bool, changed: Callable[[], object]) -> None:
        self._owner, self._presets, self._changed = owner, presets, changed
        self.request: FileRequest | None = None
        self.found: Report | Item | None = None
        self._thread: threading.Thread | None = None
        self._timer: TimerHandle | None = None
        self._shown: Timer | None = None

    @property
    def words(self) -> str:
        """What is shown while a file is inspected."""
        done, total = cast("Shell", self._owner.app).file_reader.progress
        return (
            f"inspecting … {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            if self._thread and total
            else "inspecting …"
        )

    @property
    def columns(self) -> list[str]:
        """The columns of the table shown, as the option of the target column takes them."""
        found = self.found
        if not isinstance(found, Report) or found.format != "csv" or len(found.columns) < 2:
            return []
        names = [column.name for column in found.columns]
        return [
            name if names.count(name) == 1 and name and not name.isdigit() else str(i + 1)
            for i, name in enumerate(names)
        ]

    def turn(self, by: int) -> None:
        """Inspect the table with another of its columns as the target."""
        found, request = self.found, self.request
        if not isinstance(found, Report) or request is None:
            return
        kinds = [column.kind for column in found.columns]
        at = kinds.index("label") if "label" in kinds else -1 if by > 0 else 0
        if request.label in self.columns:
            at = self.columns.index(request.label)
        self.inspect(replace(request, label=self.columns[(at + by) % len(self.columns)]))

    def inspect(self, request: FileRequest | None, pause: float = 0.0) -> None:
        """Inspect a file after a pause: the cursor may only pass over it."""
        self.cancel()
        self.request, self.found = request, None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = later(self._owner, pause or 0.001, self._begin)
        self._changed()

    def cancel(self) -> None:
        """Cancel the inspection in progress."""
        if self._thread:
            cast("Shell", self._owner.app).file_reader.cancel(self._thread)

    def _files(self) -> DataFiles:
        return cast("Shell", self._owner.app).files.waiting

    def _begin(self) -> None:
        """Inspect what is wanted; if another inspection is in progress, its end calls this."""
        self._timer = None
        if self.request is not None and self.request.may_be_data and self.found is None and not self._thread:
            self._thread = in_thread(partial(self._inspect, self.request))
            self._shown = self._owner.set_interval(SHOWN, self._changed)

    def _inspect(self, request: FileRequest) -> None:
        """In a thread: inspect a file."""
        path = request.entry.path
        found: Report | Item
        try:
            if self._presets and path.suffix.lower() == folders.PRESET:
                found = catalog.preset_item(path, "file", self._files())
            else:
                found = inspect(str(path), self._files(), label=request.label or None, **request.options)
        except Exception as error:  # whatever a file does to a reader, the picker stays
            text = plain_text(f"it cannot be read: {error}"[:300])
            found = Report(plain_text(str(path)), "", problems=(text,))
        self._owner.post_message(FileInspected(request, found))

    def receive(self, message: FileInspected) -> bool:
        """Store a report; False if another file is wanted by now, which is then inspected."""
        self._thread = None
        if self._shown is not None:
            self._shown.stop()
        if message.request is not self.request:  # or is wanted again, after it was cancelled
            if self._timer is None:
                self._begin()
            return False
        self.found = message.found
        self._changed()
        return True
