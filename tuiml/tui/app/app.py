"""The app: three places, one line above them, one line of keys below."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.css.query import NoMatches
from textual.message import Message
from textual.timer import Timer
from textual.widgets import ContentSwitcher

from tuiml.data.own.reading import DataFiles, DataFilesInBackground
from tuiml.runs.tail import Tail
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.tui.app import main as start
from tuiml.tui.app import opening, theme
from tuiml.tui.app.bars import PLACES, KeyBar, TopBar
from tuiml.tui.app.drafts import Drafts, SavedState
from tuiml.tui.app.help import HelpScreen
from tuiml.tui.app.leaving import LeavingApp
from tuiml.tui.app.palette import palette
from tuiml.tui.build.screen import Build
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import actions, bindings
from tuiml.tui.library.preview_pane import read_run
from tuiml.tui.library.screen import Library
from tuiml.tui.model import catalog as shelf
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.problems import where
from tuiml.tui.model.run_model import MOVING, RunModel
from tuiml.tui.model.settings import Settings
from tuiml.tui.process.child import (
    InspectionFailed,
    Post,
    TrainingEvents,
    TrainingProblems,
    TrainingProcessEnded,
)
from tuiml.tui.process.file_inspection_client import FileInspectionClient
from tuiml.tui.process.follower import Following, News
from tuiml.tui.process.probe_client import ProbeClient
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.shell import resume, start_stop
from tuiml.tui.shell.screen import Place
from tuiml.tui.train.screen import Train

REMEMBER = 0.5
"""Seconds without another edit after which the edits are written down."""
LATEST = 2.0
"""Seconds after the first edit at which they are, whatever goes on: a crash costs no more."""
SHOWN = 1.0
"""Seconds after which what was opened at the start has been drawn: it does not end the app."""
LEAVING = 2.0
"""Seconds that the run in hand has to save itself when the app is left."""
APART = frozenset(a.id for a in actions("any") if a.id not in ("quit", "suspend_process"))
ALL_KINDS = frozenset({"loading", "start", "batch", "epoch", "picture", "state", "notice", "end"})


class TuimlApp(LeavingApp):
    """The shell: it holds the preset being edited and the run on the screen, and tells the places.

    Args:
        document: what to open; absent: what the settings remember.
        settings: where the app was left; absent: a first start.
        run: the folder of a run to open on, in Train.
        client_factory: makes the client of the training process, given where its messages go.
        probe_client_factory: makes that of the process that looks at networks before they are trained.
    """

    TITLE = "tuiml"
    BINDINGS: ClassVar[list[Any]] = list(bindings("any"))
    ENABLE_COMMAND_PALETTE = False  # the palette is one of our own
    CSS = theme.CSS

    def __init__(
        self,
        document: Document | None = None,
        settings: Settings | None = None,
        *,
        run: Path | None = None,
        client_factory: Callable[[Post], Any] = TrainingClient,
        probe_client_factory: Callable[[Post], Any] | None = None,
    ) -> None:
        super().__init__()
        self.looks = FileInspectionClient()
        self.files = DataFilesInBackground(DataFiles(self.looks.find))
        self._named = document is not None
        self._remembered = opening.spared(settings or Settings(), run, self._named)
        if run is not None:
            self._remembered = replace(self._remembered, run=str(run), place="train")
        self._asked_for = run
        self.following = Following(self)
        self.drafts = Drafts(self, self._remembered)
        self.document = self._first(document)
        self.model = RunModel(self.files)
        self.client: Any = None
        self._client_factory = client_factory
        self.probe_client_factory: Callable[[Post], Any] = probe_client_factory or ProbeClient
        self._here = replace(self._remembered, trouble="")
        self.look = theme.look(self._remembered.dark)
        self.set_class(not self.look.unicode, "ascii")
        self._asked_to_leave = False
        self._remembering: Timer | None = None
        self._unsafe_since = 0.0
        for dark in (True, False):
            self.register_theme(theme.theme(dark))
        self.theme = theme.name_of(self._remembered.dark)

    def _first(self, given: Document | None) -> Document:
        document = start.left(self._remembered)
        if given is not None:
            self.drafts.put_away(document)
            document = self.drafts.take(given)
        document.find_in(self.files)
        return document

    def compose(self) -> ComposeResult:
        yield TopBar(id="top")
        with ContentSwitcher(initial="build", id="places"):
            yield Build(id="build")
            yield Train(id="train", charts=self._remembered.charts)
            yield Library(id="library")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        self.looks.start()
        self.client = self._client_factory(self.post_message)
        if not self.is_headless:
            self.catch_all()
            self.call_after_refresh(start.settle)
        if self._remembered.trouble:
            self.complain(self._remembered.trouble)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.call_after_refresh(self._open_run)
        if not self._named:
            self.query_one(Build).select(self._remembered.row)
        self.show_place("build" if self._named else self._remembered.place)
        use_file.look_ahead(self)

    class RunRead(Message):
        """The run that was on the screen when the app was left."""

        def __init__(self, model: RunModel | str, tail: Tail) -> None:
            super().__init__()
            self.model, self.tail = model, tail

    def on_load(self) -> None:
        if self._named or self._remembered.document or self._remembered.run:
            self.drafts.remember(self._opening(opening.PRESET))

    def _opening(self, stage: str) -> SavedState:
        """What is to be written down before something is opened that might end the app."""
        self._here = replace(self._here, opening=stage)
        return self.drafts.snapshot(self._here)

    def _opened(self) -> None:
        """All that was to be opened is on the screen, and has been for a while."""
        if self._here.opening and not self.left:
            self._here = replace(self._here, opening="")
            self._remember()

    def _open_run(self) -> None:
        """Read the run that is to be shown, now that the screen is."""
        if self._remembered.run and not self.left:
            read = partial(self._read_run, self._opening(opening.RUN))
            self.run_worker(read, thread=True, group="run")
        else:
            self.set_timer(SHOWN, self._opened)

    def _read_run(self, mark: SavedState) -> None:
        self.drafts.remember(mark)
        path = Path(self._remembered.run)
        tail = Tail(path)
        self.post_message(self.RunRead(read_run(path, self.files, pictures=True, tail=tail), tail))

    def on_tuiml_app_run_read(self, message: RunRead) -> None:
        if isinstance(message.model, str):
            if self._asked_for:
                self.complain(message.model)
        elif self.model.status == "empty":
            self.show_run(message.model, message.tail)
            if not self._asked_for:
                self.query_one(Train).see(self._remembered.seen)
        self.set_timer(SHOWN, self._opened)

    def show_run(self, model: RunModel, tail: Tail) -> None:
        """Put a run on the screen that is not trained here; what it learned is asked of its folder."""
        self.model = model
        self.client.look_at(str(tail.path))
        self.following.watch(str(tail.path), tail)
        self.run_changed(set(ALL_KINDS))
        self._remember_soon()

    # -- places --------------------------------------------------------------------------------------------

    @property
    def place_name(self) -> str:
        """The id of the place on the screen."""
        return self.query_one("#places", ContentSwitcher).current or PLACES[0]

    @property
    def current_place(self) -> Place:
        """The place on the screen."""
        return self.query_one(f"#{self.place_name}", Place)

    def show_place(self, name: str) -> None:
        """Go to a place."""
        self.query_one("#places", ContentSwitcher).current = name if name in PLACES else PLACES[0]
        self.current_place.shown()
        if self.client:
            self.client.watch(self.place_name == "train")
            self._remember_soon()
        self.renew()

    def renew(self) -> None:
        """Say anew what the two bars say."""
        self.query_one(TopBar).renew()
        self.refresh_bindings()

    @property
    def _places(self) -> Iterator[Place]:
        return iter(self.query(Place))

    def action_place_build(self) -> None:
        self.show_place("build")

    def action_place_train(self) -> None:
        self.show_place("train")

    def action_place_library(self) -> None:
        self.show_place("library")

    # -- the document --------------------------------------------------------------------------------------

    def document_edited(self) -> None:
        """The document was changed: tell everyone."""
        for place in self._places:
            place.document_changed()
        self.renew()
        self._remember_soon()
        use_file.look_ahead(self)

    def on_files_looked(self) -> None:
        """A file that the preset may name is known now."""
        self.document.look_again()
        self.document_edited()

    def open_document(self, raw: Raw, *, path: Path | None = None, origin: str = "") -> None:
        """Edit another preset; one left with unsaved edits has them still when it is opened again."""
        fresh = Document(raw, path=path, origin=origin)
        self.drafts.put_away(self.document)
        found = self.drafts.take(fresh)
        if found is not fresh:
            self.say("with your unsaved changes")
        self._take(found)

    def show_document(self, document: Document) -> None:
        """Go on with a document that was put away, in Build."""
        self.drafts.put_away(self.document)
        self._take(self.drafts.take(document))
        self.show_place("build")

    def _take(self, document: Document) -> None:
        document.find_in(self.files)
        self.document = document
        self.query_one(Build).table.cursor = 0
        self.document_edited()

    def action_save(self) -> None:
        self.drafts.save()

    def action_save_as(self) -> None:
        self.drafts.save_as()

    def action_open(self) -> None:
        self.query_one(Library).ask()

    def action_revert(self) -> None:
        if self.document.dirty and self.document.saved_raw:
            self.document.replace(self.document.saved_raw)
            self.document_edited()

    # -- the run -------------------------------------------------------------------------------------------

    def action_toggle_run(self) -> None:
        start_stop.toggle(self)

    def follow(self, path: str, tail: Tail | None = None) -> None:
        self.following.watch(path, tail)

    def stop_following(self) -> None:
        self.following.stop()

    def go_to_problem(self, problem: Problem) -> None:
        self.show_place("build")
        self.query_one(Build).go_to(problem)

    def open_preset(self, item: Item) -> None:
        self.query_one(Library).open(item)

    def run_changed(self, kinds: set[str]) -> None:
        """The run model was fed: tell the places."""
        if not self.query(TopBar):  # the screen is being taken away
            return
        for place in self._places:
            place.run_changed(kinds)
        self.query_one(TopBar).renew()
        if kinds - MOVING:
            self.refresh_bindings()

    def on_training_events(self, message: TrainingEvents) -> None:
        kinds = self.model.feed(message.events)
        self.run_changed(kinds)
        if "end" in kinds:
            self.run_ended()
        elif "start" in kinds:
            self._remember()  # at once: what trains is to be found again, whatever happens

    def on_news(self, message: News) -> None:
        if self.query(TopBar):  # else the screen is being taken away
            self.following.take(message)

    def on_unmount(self) -> None:
        self.following.stop()
        self.looks.close()

    def on_training_problems(self, message: TrainingProblems) -> None:
        text = "; ".join(f"{where(p)}{p.message}" for p in message.problems)
        if not resume.refused(self, text):
            self.model.fail(text)
            self.run_changed({"end"})

    def on_inspection_failed(self, message: InspectionFailed) -> None:
        self.model.cannot_look(message.reason)
        self.run_changed({"blind"})

    def on_training_process_ended(self, message: TrainingProcessEnded) -> None:
        if resume.refused(self, message.reason):
            return
        model, reason = self.model, message.reason
        model.fail(reason, message.asked)
        if model.path:
            model.saved = shelf.newest_step(Path(model.path))
            model.message = reason + resume.offer(model)
            self.client.look_at(model.path)
        self.run_ended()

    def run_ended(self) -> None:
        """The run on the screen is not trained here any more."""
        self.following.watch(self.model.path)
        self.run_changed({"end"})
        self._remember_soon()

    # -- words, help, palette ------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A few quiet words in the top bar."""
        self.query_one(TopBar).say(plain_text(text))

    def complain(self, text: str) -> None:
        """What went wrong, in one line that cannot be missed."""
        self.notify(plain_text(text), severity="error", markup=False)

    def label(self, action_id: str) -> str | None:
        """Words of the key bar that suit the moment."""
        if action_id == "toggle_run" and self.client and self.client.active:
            return "go on" if self.client.paused else "pause"
        if action_id == "toggle_dark":
            return "light" if self.look.dark else "dark"
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if len(self.screen_stack) > 1 and action in APART:
            return False  # a dialog waits for its answer
        if action == "toggle_run" and self.model.followed and self.place_name == "train":
            return False  # it is not ours to pause; a new run is started from Build
        if action == "revert":
            return self.document.dirty and bool(self.document.saved_raw)
        return True

    def action_command_palette(self) -> None:
        self.push_screen(*palette(self))

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_help_quit(self) -> None:
        self.say("ctrl+q quits")

    def action_toggle_dark(self) -> None:
        dark = not self.look.dark
        self.look = theme.look(dark)
        self.theme = theme.name_of(dark)
        self.document_edited()
        self.run_changed(set(ALL_KINDS))

    # -- leaving -------------------------------------------------------------------------------------------

    def leave(self, code: int) -> None:
        self._here = replace(self._here, opening="")
        self._asked_to_leave = True
        super().leave(code)

    def safe_work(self) -> Iterator[str]:
        said = "your last edits are not kept"
        with self.in_any_case():
            self.drafts.remember(self._snapshot(), last=True)
            said = self.drafts.trouble or "your edits are kept for the next start"
        yield said
        for close in (self.following.stop, self.looks.close, lambda: self.query_one(Build).flight.close()):
            with self.in_any_case():
                close()
        with self.in_any_case():
            if self.client is not None:
                yield "training was stopped, and the run is in the library" if self.client.active else ""
                self.client.close(LEAVING)

    def _snapshot(self) -> SavedState:
        """Where the app is; once the screen is gone, where it was."""
        here, path = self._here, self.model.path
        with contextlib.suppress(NoMatches):
            row, train = self.query_one(Build).table.cursor, self.query_one(Train)
            here = replace(here, place=self.place_name, row=row, charts=train.charts)
            if path:  # else it may still be read, and is shown as it was seen last
                here = replace(here, run=path, seen=train.seen)
            if self.left and not self._asked_to_leave:  # what is shown there may be what ended the app
                here = replace(here, place="build")
        self._here = replace(here, dark=self.look.dark)
        return self.drafts.snapshot(self._here)

    def _remember_soon(self) -> None:
        """Write down where the app is a little later, away from the screen: a crash shall cost little."""
        now = time.monotonic()
        if self._remembering is None:
            self._unsafe_since = now
        else:
            self._remembering.stop()
        delay = min(REMEMBER, max(0.01, self._unsafe_since + LATEST - now))  # 0: Textual divides by it
        self._remembering = self.set_timer(delay, self._remember)

    def _remember(self) -> None:
        if self._remembering is not None:
            self._remembering.stop()
        self._remembering = None
        self.run_worker(partial(self.drafts.remember, self._snapshot()), thread=True, group="state")
