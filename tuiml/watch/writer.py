"""Writes the events of a watched loop to its folder; what the disk refuses is said once, and waits."""

from __future__ import annotations

import contextlib
import sys

from tuiml.runs.folder import RunFolder
from tuiml.text import plain_text
from tuiml.training.events import SAVING, Event, Notice, Snapshot
from tuiml.watch.snapshot_line import SnapshotLine


def say(text: str) -> None:
    """One line to the user, beside whatever the loop prints."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # there is no stderr
        print(f"tuiml.watch: {plain_text(text)}", file=sys.stderr, flush=True)  # noqa: T201 - as warnings do


class Writer:
    """Records events; an error of the disk never reaches the loop."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.snapshot_line = SnapshotLine()
        self._said = False
        self._failing = False

    def record(self, event: Event) -> None:
        """Append the line of an event; one that the disk refuses waits in memory."""
        try:
            line = self.snapshot_line(event) if isinstance(event, Snapshot) else event.to_json()
            self.folder.record(line)
        except OSError as error:
            self._failing = True
            if not self._said:
                self._said = True
                say(
                    f"cannot write in {self.folder.path}: {error.strerror or error}; "
                    "training goes on, and tuiml tries again"
                )
            return
        if self._failing and self.folder.recorded is not None:
            self._failing = False
            self.record(Notice(SAVING, "the disk had refused lines for a while; snapshots may be missing"))

    def close(self) -> None:
        """Release the folder."""
        self.folder.close()
