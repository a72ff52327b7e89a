"""Ctrl-C and similar signals while a run trains."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Protocol

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stoppable(Protocol):
    """The control of a run or a study."""

    def stop(self) -> None:
        """End it after the current batch, and save."""


class Stopping:
    """A context in which the first SIGINT, SIGTERM or SIGHUP stops and saves the run; a second one kills."""

    def __init__(self, control: Stoppable) -> None:
        self._control = control
        self._before: dict[int, Any] = {}
        self.number: int | None = None
        """The signal that arrived, if any."""
        self.failed = False
        """True if stdout took nothing any more."""

    def __enter__(self) -> Stopping:
        for number in ENDING:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # nohup, or in the background of a script
                self._before[number] = before
                signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def stop(self, number: int | None) -> None:
        """Stop the run, as if signal ``number`` had arrived."""
        self.number = self.number or number
        # From a thread: a signal may have interrupted the trainer inside this very lock.
        threading.Thread(target=self._control.stop, daemon=True).start()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.stop(number)
