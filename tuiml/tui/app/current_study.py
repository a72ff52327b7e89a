"""The study on the screen: its model, the client of the process that runs it, the follower of its folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.message import Message

from tuiml.notify.notifier import Notifier
from tuiml.runs.folder import studies_folder
from tuiml.runs.folder_names import fitting
from tuiml.spec import SpecError
from tuiml.spec.library import slug
from tuiml.studies import library
from tuiml.studies.events import StudyEnd
from tuiml.studies.folder import STUDY
from tuiml.text import plain_text
from tuiml.training import codec
from tuiml.tui.app.session import Session
from tuiml.tui.keys import key_of
from tuiml.tui.model.document import Document
from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.process.child import Post
from tuiml.tui.process.study_client import StudyProcessEnded, StudyReport
from tuiml.tui.process.study_follower import StudyFollower, StudyNews
from tuiml.tui.shell.protocol import Shell

MOST_NAMES = 100


class CurrentStudy:
    """Feeds the model of the study on the screen; starts, pauses and stops the process that runs one."""

    def __init__(
        self, shell: Shell, make_client: Callable[[Post], Any], session: Session, notifier: Notifier
    ) -> None:
        self._shell, self._make_client, self._session = shell, make_client, session
        self._notifier = notifier
        self.model = StudyModel()
        self.client: Any = None
        """The client of the process that runs a study; ``None`` until the app is mounted."""
        self.follower: StudyFollower | None = None
        self._source: Path | None = None
        self._running: Path | None = None
        """The folder of the study that this app runs."""

    def connect(self) -> None:
        """Make the client."""
        self.client = self._make_client(self._shell.post_message)

    @property
    def active(self) -> bool:
        """True if this app runs a study."""
        return self.client is not None and bool(self.client.active)

    @property
    def may_run(self) -> bool:
        """True if there is something to pause, resume or go on with."""
        results = self.model.results
        left = results is None or results.done < results.total
        return self.active or (not self.model.empty and self.model.where != "elsewhere" and left)

    def start(self, document: Document) -> None:
        """Run the study that the marks of a preset make, and show it; or say why it cannot be run."""
        if self.active:
            self._shell.complain("a study is being run; stop it to run another")
            return
        from tuiml.studies.check import check  # not at the app's start, of which it takes 20 ms

        tables = document.marks.study(document.raw)
        _, problems = check(tables, self._shell.files.waiting)
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            self._shell.complain(f"not run: {problems[0]}{more}")
            return
        try:
            file = library.save(tables, _file_for(tables))
        except (OSError, SpecError, ValueError) as error:
            self._shell.complain(f"the study cannot be written: {error}")
            return
        self.show(studies_folder() / fitting(file.stem), file)
        self._start(file)

    def show(self, path: Path, source: Path | None = None, *, go: bool = True) -> None:
        """Show a study by its folder, or by its file while it was not begun; ``go``: on its screen."""
        self._stop_following()
        self._source = source
        self.model.begin(path)
        self.model.message = ""
        self._where(held=False)
        self.follower = StudyFollower(self._shell.post_message, path, self._shell.files, source)
        self._session.write_soon()
        if go:
            self._shell.show_screen("study")

    def moved(self, path: Path | None) -> None:
        """Show the study on the screen from where it is now; ``None``: it was deleted."""
        if path is not None:
            self.show(path, go=False)
        else:
            self._stop_following()
            self._source = None
            self.model.begin(None)
        self._changed()

    def _start(self, word: Path, *, resume: bool = False, order: tuple[str, str, int] | None = None) -> None:
        self._running = self.model.path
        self.model.message, self.model.starting = "", True
        self.client.start(str(word), resume=resume, order=order)
        self._where(held=False)
        self._changed()

    def toggle(self) -> None:
        """Pause or resume the study that is run here, or go on with the one on the screen."""
        if self.active:
            if self.client.paused:
                self.client.resume()
            else:
                self.client.pause()
            self._where(held=True)
            self._changed()
        else:
            self._go_on()

    def _go_on(self, order: tuple[str, str, int] | None = None) -> None:
        """Go on with the study on the screen; ``order``: what is to be done first."""
        path, source = self.model.path, self._source
        if self.model.where == "elsewhere":
            self._shell.complain("another process runs this study; stop it there first")
        elif path is not None:
            begun = source is None or (path / STUDY).is_file()
            self._start(path if begun or source is None else source, resume=begun, order=order)

    def stop(self) -> None:
        """Stop the study that is run here; its trials are saved."""
        self.client.stop()
        key = key_of("start_pause", self._shell.keymap)
        self._shell.say(f"the study stops after the current batches; {key} goes on with it")

    def order(self, do: str, trial: str, count: int = 1) -> None:
        """Ask for something to be done with a trial; a study that is not run is gone on with for it."""
        if self.active:
            self.client.order(do, trial, count)
        else:
            self._go_on((do, trial, count))
        if self.follower:
            self.follower.look()

    def want(self) -> None:
        """Read the snapshots of the configurations that are in the charts now."""
        if self.follower:
            wanted = self.model.wanted()
            if {one.trial.folder for one in wanted} != {one.trial.folder for one in self.follower.wanted}:
                self.follower.wanted = wanted
                self.follower.look()
            self.follower.wanted = wanted

    def receive(self, message: Message) -> None:
        """Handle a message of the process or of the follower."""
        match message:
            case StudyNews():
                self._news(message)
            case StudyReport():
                for line in message.lines:
                    self._reported(line)
            case StudyProcessEnded():
                self._running = None
                if message.reason:
                    self.model.message = message.reason
                    self._shell.complain(message.reason)
                self.model.starting = False
                self._where(held=False)
                if self.follower:
                    self.follower.look()
                self._changed()

    def _reported(self, line: Any) -> None:
        text = plain_text(str(line.get("message") or line.get("text") or ""))[:300]
        kind = line.get("event")
        if kind == "failed" or (kind == "study_end" and line.get("reason") == "failed"):
            self.model.message, self.model.starting = text or "the study failed", False
            self._shell.complain(self.model.message)
            self._changed()
        elif kind == "study_start":
            self.model.starting = False
            self._changed()
        elif kind == "study_end" and line.get("reason") == "completed":
            self._shell.say("the study is done")
        if kind == "study_end":
            self._tell(line)

    def _tell(self, line: Any) -> None:
        """Notify of the end, as of that of a run."""
        with contextlib.suppress(ValueError):  # it is not such a line
            end = codec.read(StudyEnd, line)
            self._notifier.tell(end.reason, end.study, end.path, f"{end.study}: {end.said}")

    def _news(self, news: StudyNews) -> None:
        if news.follower is not self.follower:
            return
        if news.problem:
            if not self.model.starting:
                self.model.message = news.problem
        elif news.results is not None:
            self.model.feed(news.study, news.results, news.snapshots)
            self.want()
        self._where(news.held)
        self._changed()

    def _where(self, held: bool) -> None:
        model = self.model
        here = self.active and self._running is not None and self._running == model.path
        model.where = "here" if here else "elsewhere" if held else ""
        model.paused = here and bool(self.client.paused)
        model.changed()

    def _changed(self) -> None:
        self._shell.study_changed()

    def _stop_following(self) -> None:
        if self.follower:
            self.follower.stop()
            self.follower = None

    def close(self, timeout: float) -> str:
        """Stop what runs, and save it; words for the user."""
        self._stop_following()
        if self.client is None:
            return ""
        text = "the study was stopped, and its trials are saved" if self.client.active else ""
        self.client.close(timeout)
        return text


def _file_for(tables: dict[str, Any]) -> Path:
    """The file for a study that marks made: the same one for the same preset and settings, else a new one."""
    base = str(tables["name"])
    for number in range(1, MOST_NAMES):
        tables["name"] = base if number == 1 else f"{base[:74]} {number}"
        stem = slug(tables["name"])
        file = library.own_folder() / f"{stem}.toml"
        begun = studies_folder() / fitting(stem) / STUDY
        there = file if file.exists() else begun if begun.exists() else None
        if there is None or _alike(tables, there):
            return file
    return file


def _alike(tables: dict[str, Any], file: Path) -> bool:
    """True if a file's study varies the same settings of the same preset: its trials are of use."""
    try:
        there = library.read(file)
    except SpecError:
        return False
    paths = [[v.get("path") for v in t.get("vary", ()) if isinstance(v, dict)] for t in (tables, there)]
    known = {"version", "name", "preset", "seeds", "vary", "tune"}
    return set(there) <= known and there.get("preset") == tables["preset"] and paths[0] == paths[1]
