"""Follows a run that another process may train: a thread reads what that process writes.

A run that nobody trains is checked less often; another process may resume it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.errors import RunError
from tuiml.runs.listing import signature
from tuiml.runs.tail import Tail
from tuiml.runs.watched import MODEL, WatchedModel, read_model
from tuiml.runs.writer import writer_of
from tuiml.spec import SpecError
from tuiml.training.events import Event
from tuiml.tui.model.past_run import load_run, newest_step
from tuiml.tui.model.run_model import RunModel, events_in

OFTEN, RARELY = 0.2, 1.0
"""Seconds between two reads: of a run that is being trained, of one that is not."""


@dataclass
class News(Message):
    """What another process wrote into the folder of the run on the screen."""

    follower: Follower
    events: Sequence[Event] = ()
    model: RunModel | None = None
    """The whole run, if its file was written anew."""
    watched: WatchedModel | None = None
    """The model of a watched run, if it was written anew: more became known of it."""
    writer: str = ""
    saved: int = 0
    lost: bool = False
    """True if its folder is gone."""


class Follower:
    """Reads a run's folder from a thread until :meth:`stop`.

    Args:
        anew: read all of it at first.
    """

    def __init__(
        self,
        post: Callable[[Message], object],
        path: Path,
        tail: Tail,
        files: DataFilesInBackground,
        writer: str = "",
        saved: int = 0,
        anew: bool = False,
    ) -> None:
        self._post, self.path, self._tail, self._files = post, path, tail, files
        self._writer, self._saved = writer, saved
        self._anew = anew
        """True if the file has to be read from its beginning."""
        self._model_file = signature(path / MODEL)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; at most one message may still be under way. A long file is read no further."""
        self._over.set()
        self._tail.closed = True

    def _work(self) -> None:
        wait = 0.0 if self._anew else self._gap
        while not self._over.wait(wait):
            wait = self._gap
            try:
                news = self._read()
            except (FileNotFoundError, NotADirectoryError):
                news = News(self, lost=True)
            except (OSError, SpecError, RunError):
                continue  # it may be there again the next time
            if news is not None and not self._over.is_set():
                self._post(news)
                if news.lost:
                    return

    @property
    def _gap(self) -> float:
        return OFTEN if self._writer else RARELY

    def _read(self) -> News | None:
        """What is new since the last read, or ``None``."""
        tail = self._tail
        writer = writer_of(self.path) or ""  # first: what it wrote before it ended is then read below
        self._anew = self._anew or tail.restarted()
        changed = tail.changed()
        if not self._writer and not self._anew and not changed:
            return None  # a process holds the run and has written nothing yet
        saved, before = newest_step(self.path), (self._writer, self._saved)
        self._writer, self._saved = writer, saved
        if self._anew:
            tail.restart()
            model = load_run(self.path, tail=tail, files=self._files.waiting)
            model.files = self._files
            self._anew = False
            return News(self, model=model, writer=writer, saved=saved)
        watched = self._changed_model()
        events = list(events_in(tail.read())) if changed else []
        if tail.changed():
            self._writer = self._writer or before[0]  # there is more to read before it is over
            writer = self._writer
        if not events and watched is None and (writer, saved) == before:
            return None
        return News(self, events, writer=writer, saved=saved, watched=watched)

    def _changed_model(self) -> WatchedModel | None:
        """The model of a watched run, if its file was written since it was last read."""
        signed, before = signature(self.path / MODEL), self._model_file
        if signed == before:
            return None
        self._model_file = signed
        with contextlib.suppress(RunError):  # what was known of it before is still shown
            return read_model(self.path)
        return None
