"""The run on the screen: its model, the client of the training process, the follower of its folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from textual.app import App
from textual.message import Message

from tuiml.notify.notifier import Notifier
from tuiml.runs.tail import Tail
from tuiml.training.events import KINDS, Snapshot, Start
from tuiml.tui.app.session import Session
from tuiml.tui.model.past_run import newest_step, resumed
from tuiml.tui.model.problems import where
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.run_notices import RunNotices
from tuiml.tui.process import child
from tuiml.tui.process.follower import Follower, News
from tuiml.tui.shell import resume
from tuiml.tui.shell.protocol import Shell


class CurrentRun:
    """Feeds the model of the run on the screen with what its processes report."""

    def __init__(self, shell: Shell, make_client: Callable[[child.Post], Any], session: Session) -> None:
        self._shell, self._make_client, self._session = shell, make_client, session
        self.model = RunModel(files=shell.files)
        self.notices = notices_of(shell)
        self.client: Any = None
        """The client of the training process; ``None`` until the app is mounted."""
        self.follower: Follower | None = None

    def connect(self) -> None:
        """Make the client."""
        self.client = self._make_client(self._shell.post_message)

    def show(self, model: RunModel, tail: Tail) -> None:
        """Show a run that is not trained here; its folder answers inspection requests."""
        self.model = model
        self._inspect(tail.path)
        self.follow(str(tail.path), tail)
        self._shell.run_changed(set(KINDS))
        self._session.write_soon()

    def follow(self, path: str, tail: Tail | None = None) -> None:
        """Follow the folder of the run on the screen, which is not trained here."""
        self.stop_following()
        if not path:
            return
        folder = Path(path)
        if tail is None:
            tail = Tail(folder)
            try:
                tail.to_end()
            except OSError:
                return
        parts = (tail, self._shell.files, self.model.writer, self.model.saved, self.model.sampled)
        self.follower = Follower(self._shell.post_message, folder, *parts)

    def stop_following(self) -> None:
        if self.follower:
            self.follower.stop()
            self.follower = None

    def ended(self) -> None:
        """The run on the screen is not trained here any more."""
        self.follow(self.model.path)
        self._shell.run_changed({"end"})
        self._session.write_soon()

    def receive(self, message: Message) -> None:
        """Handle a message of the training process or of the follower."""
        match message:
            case child.TrainingEvents():
                self._events(message)
            case News():
                self._news(message)
            case child.TrainingProcessEnded():
                self._process_ended(message)
            case child.InspectionFailed():
                self.model.inspection_failed(message.reason)
                self._shell.run_changed({"blind"})
            case child.TrainingProblems():
                text = "; ".join(f"{where(p)}{p.message}" for p in message.problems)
                if not resume.refused(self._shell, text):
                    self.model.fail(text)
                    self._shell.run_changed({"end"})

    def _events(self, message: child.TrainingEvents) -> None:
        newest, events = self.model.snapshot, message.events
        if self.follower and newest:  # of a checkpoint, which the run's own file may have overtaken
            events = [e for e in events if not isinstance(e, Snapshot) or e.step > newest.step]
        for start in (event for event in events if isinstance(event, Start)):
            self.model = resumed(self.model, start)
        kinds = self.model.feed(events)
        self._shell.run_changed(kinds)
        self.notices.update(self.model, kinds)
        if "end" in kinds:
            self.ended()
        elif "start" in kinds:
            self._session.write_now()  # the run must be found again, whatever happens

    def _process_ended(self, message: child.TrainingProcessEnded) -> None:
        if resume.refused(self._shell, message.reason):
            return
        model, reason = self.model, message.reason
        model.fail(reason, message.stop_requested)
        if model.path:
            model.saved = newest_step(Path(model.path))
            model.message = reason + resume.offer(model, self._shell.keymap)
            self._inspect(Path(model.path))
        self.notices.update(model, {"end"})
        self.ended()

    def _news(self, news: News) -> None:
        if news.follower is not self.follower or self.client.active:
            return
        if news.lost:
            self.stop_following()
            self.model.lose_folder()
            self._shell.run_changed({"state", "end"})
            return
        was, saved = self.model.followed, self.model.saved
        if news.model is not None:
            if self.model.sampled:  # what was inspected is of a checkpoint, not of its metrics
                news.model.inspections = self.model.inspections
            news.model.identity = self.model.identity
            self.model = news.model
        if news.watched and self.model.watched:
            self.model.watched = news.watched
        kinds = self.model.feed(news.events)
        self.model.trained_by(news.writer)
        self.model.saved = news.saved
        if news.model is not None or news.watched is not None:
            kinds |= {"start", "epoch", "snapshot"}
        if was != self.model.followed:
            kinds |= {"state", "end"}
        if news.saved != saved:
            self._inspect_again(news.follower.path)
        self._shell.run_changed(kinds)
        if news.model is None:  # else it was read anew, and all of it is past
            self.notices.update(self.model, kinds, own=False)

    def _inspect(self, path: Path) -> None:
        """Inspect the newest checkpoint, also its layers if no snapshot is as new."""
        model, newest = self.model, self.model.snapshot
        if (
            model.watched
        ):  # its weights are in the user's own process; nor is the run before inspected any more
            self.client.inspect_run("")
            return
        behind = model.saved > (newest.step if newest else -1) and not model.followed
        self.client.inspect_run(str(path), statistics=behind)

    def _inspect_again(self, path: Path) -> None:
        """There is another checkpoint: inspect that one."""
        if self.model.watched:
            return
        if self.model.inspection_problem:
            self.model.inspection_failed("")
            self._inspect(path)
        else:
            self.client.inspect_again()


def notices_of(shell: Shell) -> RunNotices:
    """What notifies of the run on the screen, as the user's settings say: in the app's own terminal, and not
    in a browser."""
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
