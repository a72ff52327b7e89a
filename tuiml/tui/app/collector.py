"""Garbage collection between two keys, rather than while one waits."""

from __future__ import annotations

import gc
import time
from typing import Any

from textual._styles_cache import StylesCache
from textual.app import App

THRESHOLDS = (20_000, 10, 5)
"""Python's own three, for when nobody pauses: young objects wait longer than usual."""
EVERY = 1.0
"""Seconds between two checks."""
IDLE = 0.1
"""Seconds without a key after which nobody is typing."""
FEW = 500
"""Younger objects than these are not worth collecting."""
FULL = 10
"""Collections of younger objects after which all objects are collected."""


class Collector:
    """Collects what dialogs and charts leave behind while no key is pressed.

    Args:
        app: for its timer.
    """

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._pressed_at = 0.0
        self._count = 0

    def start(self) -> None:
        """Exempt what was imported and mounted from collection, and begin."""
        gc.collect()
        gc.freeze()
        gc.collect()  # Python puts a full collection off until a quarter as much is new as at the last one
        gc.set_threshold(*THRESHOLDS)
        gc.enable()
        self._app.set_interval(EVERY, self.collect)

    def pressed(self) -> None:
        """Note that a key was pressed."""
        self._pressed_at = time.monotonic()

    def collect(self) -> None:
        """Collect, unless somebody is typing; let go of widgets that are gone."""
        StylesCache.get_inner_outer.cache_clear()  # Textual's: it keeps the drawn lines of 1,024 widgets
        if time.monotonic() - self._pressed_at >= IDLE and sum(gc.get_count()) > FEW:
            self._count += 1
            gc.collect(1 if self._count % FULL else 2)
