"""A Unix driver that reacts to escape at once, and ends the app when the terminal is lost.

Escape alone is the byte that also begins an arrow key. Textual waits up to 0.2 seconds for more; this driver
waits :data:`DELAY`. Terminals with the kitty protocol send no such byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
from codecs import getincrementaldecoder
from collections.abc import Iterable
from typing import IO, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.keys import Keys
from textual.message import Message

from tuiml.tui.app.ending import TAKE_SCREEN, Ending

DELAY = 0.03
"""Seconds after an escape byte that the rest of a key may take; also set as Textual's own limit."""
IDLE = 0.1
"""Seconds between two checks whether the app is over."""
GIVEN, TRIES = 0.05, 6
"""Seconds between two looks whether the shell gives the terminal back, and how many there are: it does so a
moment after the signal to go on where ``bg; fg`` was typed."""
MOST_CELLS = 4_000
"""Rows or columns of a screen: what says that it has more is passed over."""


class KeyParser(XTermParser):
    """Textual's parser, but what it cannot read is passed over: its own errors would end the app.

    Such bytes are reports of released keys and alternate keys in the kitty protocol, or garbage.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        try:
            keys = list(super()._sequence_to_key_events(sequence, alt))
        except (ValueError, ArithmeticError):
            return [events.Key(Keys.Ignore, sequence)]
        return [key if _is_text(key.character or "") else events.Key(Keys.Ignore, sequence) for key in keys]

    def parse_mouse_code(self, code: str) -> Message | None:
        try:
            found = super().parse_mouse_code(code)
        except ArithmeticError:  # of a screen without size
            return None
        far = isinstance(found, events.MouseEvent) and max(found.x, found.y) > MOST_CELLS
        return None if far else found


def _is_text(characters: str) -> bool:
    """False for half a surrogate pair, which no file can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in characters)


class Quiet:
    """A terminal to write to; when it is lost, ``gone`` is called once and nothing more is written."""

    def __init__(self, file: IO[str], gone: Any) -> None:
        self._file = file
        self._gone = gone
        self._lost = False

    def write(self, text: str) -> None:
        self._do(lambda: self._file.write(text))

    def flush(self) -> None:
        self._do(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _do(self, act: Any) -> None:
        if not self._lost:
            try:
                act()
            except (OSError, ValueError):  # an exception would end the thread that writes, and block the app
                self._lost = True
                self._gone()


class UnixDriver(LinuxDriver):
    """Textual's driver with another way of reading, suspending and resuming.

    Args:
        ending: what took the screen and drew its first line, which stays until the app draws.
    """

    def __init__(self, *args: Any, ending: Ending, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self._file: Any = Quiet(self._file, self._hung_up)
        self.on_screen = False
        """True while the terminal is set up for the app."""
        # From the loop: a handler may have interrupted the very queue that it would write to.
        signal.signal(signal.SIGTSTP, lambda *_: self._soon(self._stop))
        signal.signal(signal.SIGCONT, lambda *_: self._soon(self._resume))

    def _soon(self, act: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: it ends anyway
            self._loop.call_soon_threadsafe(act)

    def _hung_up(self) -> None:
        """The terminal is gone: end as after a hangup signal."""
        self._soon(lambda: self._app.leave(128 + signal.SIGHUP))  # type: ignore[attr-defined]

    def start_application_mode(self) -> None:
        before = self._writer_thread
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.on_screen = self._writer_thread is not before
        self._ending.opening = False
        if self.on_screen and self._ending.notifier:
            self._ending.notifier.keep_title("tuiml")
        if self._ending.attributes is not None:
            self.attrs_before = self._ending.attributes

    def write(self, data: str) -> None:
        if data == TAKE_SCREEN and self._ending.opening:
            return  # taking it again would clear the first line
        super().write(data)

    def stop_application_mode(self) -> None:
        if self.on_screen:
            if self._ending.notifier:
                self._ending.notifier.restore_title()
            if self._mouse_pixels:
                self.write("\x1b[?1016l")
            super().stop_application_mode()
            self.on_screen = False

    def disable_input(self) -> None:
        if self.on_screen:  # while it is given back the mouse has been switched off before
            super().disable_input()

    def _stop(self) -> None:
        """Suspend: restore the terminal and stop."""
        if self._auto_restart and self.on_screen:
            self.suspend_application_mode()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self, tries: int = TRIES) -> None:
        """Resume: set the terminal up again, also after SIGSTOP, which left no time to restore it."""
        if not self._auto_restart or self._app._exit:
            return
        if (
            tries and self._in_background()
        ):  # to write now would stop the app just as the shell brings it back
            self._loop.call_later(GIVEN, self._resume, tries - 1)
            return
        if self.on_screen:
            self.suspend_application_mode()
        self._must_signal_resume = True
        self.start_application_mode()

    def _in_background(self) -> bool:
        """True if another process group has the terminal."""
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self.fileno) != os.getpgrp()
        return False

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:
            self._soon(lambda error=error: self._app._handle_exception(error))

    def run_input_thread(self) -> None:
        """Pass on what comes until the app is over, or the terminal is gone."""
        parser = KeyParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode  # a stray byte is no reason to fall
        selector = selectors.SelectSelector()
        selector.register(self.fileno, selectors.EVENT_READ)
        wait = IDLE
        with selector:
            while not self.exit_event.is_set():
                if selector.select(wait):
                    data = self._read()
                    if not data:
                        self._hung_up()
                        return
                    self._pass_on(parser.feed(decode(data)))
                    wait = DELAY if data.endswith(b"\x1b") else IDLE
                else:
                    wait = IDLE
                self._pass_on(parser.tick())

    def _read(self) -> bytes:
        """Bytes from the terminal; none if it is gone."""
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def _pass_on(self, messages: Iterable[Message]) -> None:
        for message in messages:
            wrong = isinstance(message, events.Resize) and not all(0 < n <= MOST_CELLS for n in message.size)
            if not wrong:
                self.process_message(message)
