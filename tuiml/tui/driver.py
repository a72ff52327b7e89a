"""Reading the keyboard of a Unix terminal, so that escape is felt at once and a lost terminal is an end.

A terminal sends escape alone as the byte that also begins an arrow key. Textual looks ten times a second
whether more has come, so a press of escape takes up to two tenths of a second; here it takes :data:`DELAY`.
Terminals with the kitty protocol send no such byte.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

DELAY = 0.03
"""Seconds after an escape byte that the rest of a key may take; Textual's own limit is set to it, too."""
IDLE = 0.1
"""Seconds between two looks whether the app is over."""


class UnixDriver(LinuxDriver):
    """Textual's driver with another way of reading."""

    def run_input_thread(self) -> None:
        """Pass on what comes until the app is over, or the terminal is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode  # a stray byte is no reason to fall
        selector = selectors.SelectSelector()
        selector.register(self.fileno, selectors.EVENT_READ)
        wait = IDLE
        with selector:
            while not self.exit_event.is_set():
                if selector.select(wait):
                    data = self._read()
                    if not data:
                        self._app.call_later(self._app.action_quit)
                        return
                    self._pass_on(parser.feed(decode(data)))
                    wait = DELAY if data.endswith(b"\x1b") else IDLE
                else:
                    wait = IDLE
                self._pass_on(parser.tick())

    def _read(self) -> bytes:
        """Bytes that came; none where the terminal is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.process_message(message)
