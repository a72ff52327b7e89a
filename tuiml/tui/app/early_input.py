"""Keys and clicks that come before the first screen has the focus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from textual import events
from textual.app import App


class EarlyInput:
    """Keeps them in their order, and hands each to ``handle`` once the one before was handled."""

    def __init__(self, app: App[Any], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app, self._handle = app, handle
        self._kept: list[events.InputEvent] | None = []

    def keeps(self, event: events.InputEvent) -> bool:
        """True if it comes too early: it is kept. A test types only once the screen is there."""
        if self._kept is None or event.is_forwarded or self._app.is_headless:
            return False
        self._kept.append(event)
        return True

    async def hand_over(self) -> None:
        """Handle what was kept; from its end on nothing is too early."""
        if self._kept:
            await self._handle(self._kept.pop(0))
            self._app.call_after_refresh(self._app.call_later, self.hand_over)
        else:
            self._kept = None
