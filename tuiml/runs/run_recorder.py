"""What a run tells is recorded and its state saved, and training goes on where the disk refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tuiml.runs.folder import RunFolder
from tuiml.text import plain_text
from tuiml.training.events import SAVING, Event, Notice

FIRST, LONGEST = 1.0, 60.0
"""Seconds before a save that failed is tried again: at first, and at most; each wait is twice the last."""


class Recorder:
    """Keeps a run's folder up to date, and says when it cannot be.

    Lines that the disk does not take wait in the folder's memory; a state that could not be saved is saved as
    it is when writing works again.

    Args:
        newest: the step of the newest checkpoint on the disk, if any.
    """

    def __init__(
        self,
        folder: RunFolder,
        newest: Callable[[], int | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._newest = newest
        self._clock = clock
        self._failed: OSError | None = None
        self._told = ""
        self._owed = False
        self._wait, self._since = FIRST / 2, 0.0

    def record(self, event: Event) -> None:
        """Append an event's line."""
        self._try(lambda: self._folder.record(event.to_json()))

    def save(self, save: Callable[[], None]) -> None:
        """Save by calling ``save``; where it raises OSError, it is owed."""
        self._owed = not self._try(save, saves=True)
        self._wait = min(2 * self._wait, LONGEST) if self._owed else FIRST / 2
        self._since = self._clock()

    def ready(self, due: bool, *, now: bool = False, soon: bool = False) -> bool:
        """Whether to save: when due; but after a failure when its wait is over.

        Args:
            now: a moment at which it is tried whatever the wait: training pauses.
            soon: a moment worth a try each :data:`FIRST` seconds: the best epoch so far.
        """
        if not self._owed:
            return due
        return now or self._clock() - self._since >= (FIRST if soon else self._wait)

    def _try(self, write: Callable[[], None], saves: bool = False) -> bool:
        try:
            write()
        except OSError as error:
            self._failed = error
            return False
        if (saves or not self._owed) and self._folder.recorded is not None:
            self._failed = None  # and no line waits
        return True

    @property
    def why(self) -> str:
        """What the system refuses; empty: all is written."""
        if self._failed is None:
            return ""
        said = str(self._failed.strerror or self._failed)
        return plain_text(f"cannot write in {self._folder.path}: {said}")

    def changes(self, step: int) -> Iterator[Notice]:
        """What is to be said about it since the last time."""
        if self.why == self._told:
            return
        self._told, newest = self.why, self._newest()
        last = f"the last checkpoint is of step {newest}"
        last = last if newest is not None else "there is no checkpoint yet"
        notice = Notice(SAVING, f"{self._told}; {last}; trying again" if self._told else "", step)
        self.record(notice)
        yield notice

    def at_end(self, step: int) -> str:
        """What a run that ends at ``step`` leaves on the disk, where that is not all; else empty."""
        if not self._failed:
            return ""
        newest = self._newest()
        if newest == step:
            return f"{self.why}; the weights of step {step} are saved, the last lines of its metrics are not"
        if newest is None:
            return f"{self.why}; there is no checkpoint: what {step} steps have learned is not on the disk"
        return f"{self.why}; what is on the disk is step {newest} of {step}"
