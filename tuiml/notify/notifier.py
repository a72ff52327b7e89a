"""Notifies of what happens to a run, in the ways that the user chose."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from tuiml.notify import sequences
from tuiml.notify.hook import Hook
from tuiml.text import plain_text

Way = Literal["bell", "title", "desktop", "osc9", "osc777"]
Occasion = Literal["completed", "early_stopped", "stopped", "diverged", "failed", "verdict"]
WAYS: tuple[str, ...] = get_args(Way)
OCCASIONS: tuple[str, ...] = get_args(Occasion)
EVERY = 1.0
"""Seconds between two titles."""
PATIENCE = 0.5
"""Seconds that the end of a command waits for hooks that are about to fail."""


@dataclass(frozen=True)
class Wanted:
    """How and when the user wants to be notified; by default not at all."""

    ways: Collection[str] = ()
    occasions: Collection[str] = field(default=OCCASIONS)
    hook: str | Sequence[str] = ""

    def __bool__(self) -> bool:
        return bool(self.ways or self.hook)


class Notifier:
    """Rings, sets the title, shows notifications and runs the hook.

    Args:
        wanted: by the user's settings or command line, never by a file that may be a stranger's.
        write: writes to the terminal; ``None``: there is none, and only the hook is run.
        failed: called once with what went wrong with the hook, from any thread.
    """

    def __init__(
        self,
        wanted: Wanted,
        write: Callable[[str], None] | None,
        failed: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wanted = wanted
        self._write = write
        self._hook = Hook(wanted.hook, failed) if wanted.hook else None
        self._clock = clock
        self._title, self._set_at = "", -math.inf

    def keep_title(self, text: str = "") -> None:
        """Have the terminal remember its title; set the last one again if there was one, else ``text``."""
        if self.has_title:
            self._put(sequences.KEEP_TITLE)
            text, self._title = self._title or text, ""
            if text:
                self.title(text, now=True)

    def restore_title(self) -> None:
        """Give the terminal the title back that it had."""
        if self.has_title:
            self._put(sequences.RESTORE_TITLE)

    def title(self, text: str, *, now: bool = False) -> None:
        """Set the title, at most once a second unless it is to be ``now``."""
        if self.has_title and text != self._title and (now or self._clock() - self._set_at >= EVERY):
            self._title, self._set_at = text, self._clock()
            self._put(sequences.title(text))

    @property
    def has_title(self) -> bool:
        """True if the title of the terminal is set."""
        return "title" in self.wanted.ways and sequences.understands()

    def tell(self, occasion: str, run: str, path: str, message: str, *, hook: bool = True) -> None:
        """Notify, if the user wants to hear of such an occasion.

        Args:
            run: its name.
            path: its folder.
            message: one line.
            hook: False: only on the screen.
        """
        if occasion not in self.wanted.occasions:
            return
        if "bell" in self.wanted.ways:
            self._put(sequences.BELL)
        for way in ("desktop", "osc9", "osc777"):
            if way in self.wanted.ways and sequences.understands():
                self._put(sequences.notification(message, way))
        if hook and self._hook is not None:
            words = {"RUN": run, "EVENT": occasion, "PATH": path, "MESSAGE": plain_text(message)}
            self._hook.run({f"TUIML_{name}": text for name, text in words.items()})

    def join(self) -> None:
        """Wait a moment for hooks that are about to fail."""
        if self._hook is not None:
            self._hook.join(PATIENCE)

    def _put(self, sequence: str) -> None:
        if self._write is not None:
            self._write(sequence)
