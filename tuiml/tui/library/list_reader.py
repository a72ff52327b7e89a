"""Reads the list of the Library in a thread, so that keys never wait for the disk."""

from __future__ import annotations

from asyncio import TimerHandle
from dataclasses import dataclass

from textual.message import Message

from tuiml.tui.model.catalog import Catalog, Item
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.later import later

AGAIN = 1.0
"""Seconds between two readings of the list while a run goes on."""


class ListReader:
    """Posts to a screen what it has read."""

    @dataclass
    class Listed(Message):
        """The list was read."""

        items: list[Item]
        reading: int

    def __init__(self, screen: AppScreen) -> None:
        self.catalog = Catalog()
        self._screen = screen
        self._reading = 0
        """Counts the readings: threads of earlier ones may end later."""
        self._waiting: TimerHandle | None = None

    def is_newest(self, message: Listed) -> bool:
        """False if the list is being read again since."""
        return message.reading == self._reading

    def read_soon(self) -> None:
        """Read the list again after a moment, however often that is asked for meanwhile."""
        if not self._waiting:
            self._waiting = later(self._screen, AGAIN, self.read)

    def read(self) -> None:
        """Read the list."""
        self._waiting = None
        self._reading += 1
        reading, files = self._reading, self._screen.shell.files

        def read() -> None:
            for items in self.catalog.readings(files):
                self._screen.post_message(self.Listed(items, reading))

        self._screen.run_worker(read, thread=True, group="list", exclusive=True)
