"""Records the events of a run and saves its state; training continues if the disk refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tuiml.runs.folder import RunFolder
from tuiml.text import plain_text
from tuiml.training.events import FOLDER, SAVING, Event, Notice

FIRST, LONGEST = 1.0, 60.0
"""Seconds before a failed save is tried again: the first time, and at most; each wait doubles."""


class Recorder:
    """Keeps a run's folder up to date, and reports when it cannot.

    Lines that the disk refuses wait in memory; a state that could not be saved is saved later, as it is then.

    Args:
        newest: returns the step of the newest checkpoint on the disk, if any.
    """

    def __init__(
        self, folder: RunFolder, newest: Callable[[], int | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._newest = newest
        self._clock = clock
        self._path = folder.path
        self._failed: OSError | None = None
        self._reported = ""
        self._unsaved = False
        self._wait, self._last_save = FIRST / 2, 0.0

    def record(self, event: Event) -> None:
        """Append the line of an event."""
        self._try(lambda: self._folder.record(event.to_json()))

    def save(self, save: Callable[[], None]) -> None:
        """Call ``save``; if it raises OSError, it is tried again later."""
        self._unsaved = not self._try(save, saves=True)
        self._wait = min(2 * self._wait, LONGEST) if self._unsaved else FIRST / 2
        self._last_save = self._clock()

    def ready(self, due: bool, *, now: bool = False, soon: bool = False) -> bool:
        """True if it is time to save: when due, or after a failure when its wait is over.

        Args:
            now: try again whatever the wait: training pauses.
            soon: try again after :data:`FIRST` seconds: this is the best epoch so far.
        """
        if not self._unsaved:
            return due
        return now or self._clock() - self._last_save >= (FIRST if soon else self._wait)

    def _try(self, write: Callable[[], None], saves: bool = False) -> bool:
        try:
            write()
        except OSError as error:
            self._failed = error
            return False
        if (saves or not self._unsaved) and self._folder.recorded is not None:
            self._failed = None  # and no line waits
        return True

    @property
    def why(self) -> str:
        """What the system refuses; empty if everything is written."""
        if self._failed is None:
            return ""
        said = str(self._failed.strerror or self._failed)
        return plain_text(f"cannot write in {self._folder.path}: {said}")

    def changes(self, step: int) -> Iterator[Notice]:
        """A notice if :attr:`why` has changed since the last one, and one if the folder was moved."""
        if self._folder.path != self._path:
            self._path = self._folder.path
            moved = Notice(FOLDER, plain_text(f"the run's folder was moved; it is now {self._path}"), step)
            self.record(moved)
            yield moved
        if self.why == self._reported:
            return
        self._reported, newest = self.why, self._newest()
        last = f"the last checkpoint is of step {newest}"
        last = last if newest is not None else "there is no checkpoint yet"
        rest = "what it learns is on no disk" if self._folder.lost else f"{last}; trying again"
        notice = Notice(SAVING, f"{self._reported}; {rest}" if self._reported else "", step)
        self.record(notice)
        yield notice

    def at_end(self, step: int) -> str:
        """What is on the disk of a run that ends at ``step``, if that is not everything or may not stay; else
        empty."""
        if not self._failed:
            return ""
        newest = self._newest()
        if newest == step and self._folder.recorded is None:
            return f"{self.why}; the weights of step {step} are saved, the last lines of its metrics are not"
        if newest == step:
            return f"{self.why}; everything is written, but a power cut may undo the last of it"
        if newest is None:
            return f"{self.why}; there is no checkpoint: what {step} steps have learned is not on the disk"
        return f"{self.why}; what is on the disk is step {newest} of {step}"
