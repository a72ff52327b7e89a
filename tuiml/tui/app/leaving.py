"""How the app leaves, asked to or not: the user's work is put where it is safe, the screen is closed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from textual import events
from textual.app import App
from textual.css.query import NoMatches
from textual.worker import WorkerFailed

from tuiml.tui.keys import Keyed, action


class LeavingApp(Keyed, App[int]):
    """An app that knows one way out, whatever drives it there."""

    def __init__(self) -> None:
        super().__init__()
        self.left = False
        """Whether it is on its way out."""
        self.crash: BaseException | None = None
        """What ended it unasked."""
        self.kept = ""
        """What became of the user's work when it did."""

    def safe_work(self) -> Iterator[str]:
        """Put the user's work where it is safe, step by step; what became of it."""
        raise NotImplementedError  # pragma: no cover - the app has it

    async def on_event(self, event: events.Event) -> None:
        if self.left and isinstance(event, events.InputEvent):
            return  # pressed while the screens are being closed: there is nothing to take it
        await super().on_event(event)

    @action("ctrl+q", "quit", "Quit; everything is as it was at the next start.", rank=120, priority=True)
    async def action_quit(self) -> None:
        self.leave(0)

    def leave(self, code: int) -> None:
        """Remember where we are, let the run save itself, and end with an exit code."""
        if not self.left:
            self.keep()
            self.exit(code, return_code=code)

    def keep(self) -> None:
        """Save all there is to save, whatever state the app is in; the first time only."""
        if not self.left:
            self.left = True
            self.kept = "; ".join(filter(None, self.safe_work()))

    @contextlib.contextmanager
    def in_any_case(self) -> Iterator[None]:
        """An error on the way out keeps nothing else from being done; it is told if it is the first."""
        try:
            yield
        except NoMatches:  # so early that there is nothing yet
            pass
        except Exception as error:
            self.crash = self.crash or error

    def catch_all(self) -> None:
        """Errors in callbacks of the loop and in threads are errors like others."""
        loop = asyncio.get_running_loop()

        def found(error: BaseException | None) -> None:
            if isinstance(error, Exception) and not self.left:
                self._handle_exception(error)

        def in_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            found(context.get("exception"))

        def in_thread(args: threading.ExceptHookArgs) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(found, args.exc_value)

        loop.set_exception_handler(in_loop)
        threading.excepthook = in_thread

    def _handle_exception(self, error: Exception) -> None:
        if self.is_headless or self._driver is None:
            super()._handle_exception(error)
            return
        if not self.left:  # else half of the screen is gone, or was never there
            cause = error.error if isinstance(error, WorkerFailed) else error
            self.keep()
            self.crash = cause
            self._return_code = 1
        self._close_messages_no_wait()
