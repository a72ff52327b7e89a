"""How the app notifies of its run: in its own terminal, and not in a browser."""

from __future__ import annotations

import contextlib
from typing import Any, cast

from textual.app import App

from tuiml.notify.notifier import Notifier
from tuiml.tui.model.run_notices import RunNotices
from tuiml.tui.shell.protocol import Shell


def notices_of(shell: Shell) -> RunNotices:
    """What notifies of the run on the screen, as the user's settings say."""
    app = cast(App[Any], shell)

    def write(text: str) -> None:
        driver = app._driver
        if getattr(driver, "on_screen", False):  # our own driver's, while it has the terminal
            driver.write(text)  # type: ignore[union-attr] # there is one

    def failed(text: str) -> None:
        if app._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed: the app has ended
                app._loop.call_soon_threadsafe(shell.complain, text)

    return RunNotices(Notifier(shell.preferences.notices(), write, failed))
