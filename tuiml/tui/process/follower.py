"""The run on the screen while another process may train it: what that one writes is read, and shown.

A thread looks at the size of one file a few times a second and reads what is new; nothing is asked of the
writer, which goes on whatever becomes of us. A run that nobody trains is looked at more rarely: somebody may
go on with it elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.tail import Tail
from tuiml.runs.writer import writer_of
from tuiml.spec import SpecError
from tuiml.training.events import Event
from tuiml.tui.model.catalog import load_run, newest_step
from tuiml.tui.model.run_model import RunModel, events_in

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell

OFTEN, RARELY = 0.2, 1.0
"""Seconds between two looks: at a run that is trained, at one that is not."""


class News(Message):
    """What another process made of the run on the screen."""

    def __init__(
        self,
        follower: Follower,
        events: list[Event] | None = None,
        *,
        model: RunModel | None = None,
        writer: str = "",
        saved: int = 0,
        lost: bool = False,
    ) -> None:
        super().__init__()
        self.follower = follower
        self.events = events or []
        self.model = model
        """The whole run, where its file was written anew."""
        self.writer, self.saved = writer, saved
        self.lost = lost
        """Whether its folder is gone."""


class Follower:
    """Looks at a run's folder from a thread until :meth:`stop`.

    Args:
        post: takes :class:`News`; called from the thread.
        tail: where the reading is to go on.
        files: finds what the file of the user's that it was trained on holds.
        writer: who trains the run, as far as is known.
    """

    def __init__(
        self,
        post: Callable[[Message], object],
        path: Path,
        tail: Tail,
        files: DataFilesInBackground,
        writer: str = "",
        saved: int = 0,
    ) -> None:
        self._post, self.path, self._tail, self._files = post, path, tail, files
        self._writer, self._saved = writer, saved
        self._anew = False
        """Whether the file is to be read from its beginning."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; at most one message may still be on its way."""
        self._over.set()

    def _work(self) -> None:
        while not self._over.wait(OFTEN if self._writer else RARELY):
            try:
                news = self._look()
            except (FileNotFoundError, NotADirectoryError):
                news = News(self, lost=True)
            except (OSError, SpecError):
                continue  # it may be there again the next time
            if news is not None and not self._over.is_set():
                self._post(news)
                if news.lost:
                    return

    def _look(self) -> News | None:
        """What is new; ``None``: nothing."""
        tail = self._tail
        writer = writer_of(self.path) or ""  # first: what it wrote before it ended is then read below
        self._anew = self._anew or tail.restarted()
        changed = tail.changed()
        if not self._writer and not self._anew and not changed:
            return None  # whoever holds the run has done nothing to it yet
        saved, before = newest_step(self.path), (self._writer, self._saved)
        self._writer, self._saved = writer, saved
        if self._anew:
            tail.restart()
            model = load_run(self.path, tail=tail, files=self._files.waiting)
            model.files = self._files
            self._anew = False
            return News(self, model=model, writer=writer, saved=saved)
        events = list(events_in(tail.read())) if changed else []
        if tail.changed():
            self._writer = self._writer or before[0]  # there is more to read before it is over
            writer = self._writer
        if not events and (writer, saved) == before:
            return None
        return News(self, events, writer=writer, saved=saved)


class Following:
    """The follower of the run on the screen, and what its news do to the screen."""

    def __init__(self, app: Shell) -> None:
        self._app = app
        self.follower: Follower | None = None

    def watch(self, path: str, tail: Tail | None = None) -> None:
        """Look at the folder of the run on the screen, which we do not train ourselves."""
        self.stop()
        if not path:
            return
        model, folder = self._app.model, Path(path)
        if tail is None:
            tail = Tail(folder)
            try:
                tail.to_end()
            except OSError:
                return
        parts = (tail, self._app.files, model.writer, model.saved)
        self.follower = Follower(self._app.post_message, folder, *parts)

    def stop(self) -> None:
        """Look no more."""
        if self.follower:
            self.follower.stop()
            self.follower = None

    def take(self, news: News) -> None:
        """Show what is new."""
        app = self._app
        if news.follower is not self.follower or app.client.active:
            return
        if news.lost:
            self.stop()
            app.model.lose()
            app.run_changed({"state", "end"})
            return
        was, saved = app.model.followed, app.model.saved
        if news.model is not None:
            app.model = news.model
        kinds = app.model.feed(news.events)
        app.model.told_by(news.writer)
        app.model.saved = news.saved
        if news.model is not None:
            kinds |= {"start", "epoch", "picture"}
        if was != app.model.followed:
            kinds |= {"state", "end"}
        if news.saved != saved:
            self._look_again(news.follower.path)
        app.run_changed(kinds)

    def _look_again(self, path: Path) -> None:
        """There is another checkpoint: what the network learned is asked of that one."""
        if self._app.model.blind:
            self._app.model.cannot_look("")
            self._app.client.look_at(str(path))
        else:
            self._app.client.look_again()
