"""The driver of an app in a browser: ``tuiml serve`` is at the other end of its stdin and stdout."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

from textual.drivers.web_driver import WebDriver


class TabDriver(WebDriver):
    """Textual's driver, but the app saves its work and ends with its tab, and with the server.

    Textual's lets an app live on without a server, and its handlers of signals save nothing.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._loop = asyncio.get_running_loop()
        self._lost = False
        self._write: Any = self._write_all

    def start_application_mode(self) -> None:
        ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        super().start_application_mode()
        for number, handler in ours.items():
            self._loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def _write_all(self, data: bytes) -> int:
        """Write all of it: a pipe may take a part; nothing once the server is gone."""
        left = memoryview(data)
        while left and not self._lost:
            try:
                left = left[os.write(self.fileno, left) :]
            except OSError:
                self._gone()
        return len(data)

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._gone()

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        if packet_type == "quit":  # the tab was closed
            self._leave(0)
        else:
            super().on_meta(packet_type, payload)

    def _gone(self) -> None:
        """There is no server any more: end as after a hangup of the terminal."""
        self._lost = True
        self._leave(128 + signal.SIGHUP)

    def _leave(self, code: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it ends anyway
            self._loop.call_soon_threadsafe(self._app.leave, code)  # type: ignore[attr-defined]
