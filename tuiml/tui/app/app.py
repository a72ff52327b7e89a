"""The app: three screens, a line above them, and a line of keys below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import ContentSwitcher, Input, TextArea

from tuiml.data.own.reading import DataFiles, DataFilesInBackground
from tuiml.text import plain_text
from tuiml.tui.app import keymap, opening, theme
from tuiml.tui.app.bars import SCREENS, KeyBar, TopBar
from tuiml.tui.app.collector import Collector
from tuiml.tui.app.current_lesson import CurrentLesson
from tuiml.tui.app.current_run import CurrentRun
from tuiml.tui.app.current_study import CurrentStudy
from tuiml.tui.app.early_input import EarlyInput
from tuiml.tui.app.help import HelpScreen, places_of
from tuiml.tui.app.main_screen import MainScreen, described
from tuiml.tui.app.navigation import Navigation
from tuiml.tui.app.session import Session
from tuiml.tui.app.shutdown import LEAVING, Shutdown, save_work
from tuiml.tui.build.screen import Build
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import Keyed, action, key_of
from tuiml.tui.lessons.panel import LessonPanel
from tuiml.tui.library.screen import Library
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.pace import Pace
from tuiml.tui.model.preferences import Preferences
from tuiml.tui.model.run_model import KEYS_UNCHANGED, RunModel
from tuiml.tui.model.settings import Settings
from tuiml.tui.process import child
from tuiml.tui.process.file_inspection_client import FileInspectionClient
from tuiml.tui.process.follower import News
from tuiml.tui.process.probe_client import ProbeClient
from tuiml.tui.process.study_client import StudyClient, StudyProcessEnded, StudyReport
from tuiml.tui.process.study_follower import StudyNews
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.study.screen import StudyScreen
from tuiml.tui.train.screen import Train


class TuimlApp(Keyed, App[int]):
    """Holds the session and the run on the screen, and reports their changes to the screens."""

    TITLE = "tuiml"
    ENABLE_COMMAND_PALETTE = False  # the palette is one of our own
    CSS = theme.CSS
    shutdown: Shutdown
    session: Session
    current_run: CurrentRun
    study: CurrentStudy

    def __init__(
        self,
        document: Document | None = None,
        settings: Settings | None = None,
        *,
        run: Path | None = None,
        client_factory: Callable[[child.Post], Any] = TrainingClient,
        probe_client_factory: Callable[[child.Post], Any] | None = None,
        study: tuple[Path, Path | None] | None = None,
        study_client_factory: Callable[[child.Post], Any] = StudyClient,
        preferences: Preferences | None = None,
        trouble: str = "",
        lesson: str = "",
    ) -> None:
        super().__init__()
        self.shell: Shell = self
        self.preferences = preferences or Preferences()
        self.file_reader = FileInspectionClient()
        self.files = DataFilesInBackground(DataFiles(self.file_reader.find))
        self._named, self._lesson = document is not None, lesson
        remembered = opening.spared(settings or Settings(), run, self._named)
        remembered, self._study = opening.wanted(remembered, run, study)
        theme.register(self)
        chosen, no_theme = theme.wanted(self, self.preferences.theme, remembered.theme, remembered.dark)
        self.keymap, ignored = keymap.chosen(self.preferences.keymap, self.preferences.keys)
        found = (remembered.trouble, trouble, no_theme, keymap.in_one_line(ignored))
        self._troubles = [text for text in found if text]
        self.set_keymap(self.keymap)
        self.look = theme.show(self, chosen)
        if self.preferences.reduced_motion:
            self.animation_level = "none"
        self._early = EarlyInput(self, super().on_event)
        self.collector = Collector(self)
        others = self.file_reader.close, lambda: self.query_one(Build).flight.close()
        self.shutdown = Shutdown(
            self, lambda: save_work(self.shutdown, self.session, self.current_run, self.study, others)
        )
        self.go = Navigation(self, self)
        self.pace = Pace(remembered.pace, self.preferences.pace)
        self.lesson = CurrentLesson(self, self, self.pace, remembered, self.preferences.language)
        self.session = Session(
            self,
            self.files,
            self.complain,
            remembered,
            document,
            lambda here: described(self, self, self.shutdown, self.lesson.remember(here)),
        )
        self.drafts = self.session.drafts
        self.current_run = CurrentRun(self, client_factory, self.session)
        self.study = CurrentStudy(self, study_client_factory, self.session, self.current_run.notices.notifier)
        self.opening = opening.Opening(self, self, self.session, asked=self._named, run=run)
        self.probe_client_factory: Callable[[child.Post], Any] = probe_client_factory or ProbeClient

    def get_default_screen(self) -> MainScreen:
        return MainScreen(id="_default")

    def compose(self) -> ComposeResult:
        yield TopBar(id="top")
        with Container(id="work"):
            with ContentSwitcher(initial="build", id="screens"):
                yield Build(id="build")
                yield Train(id="train", charts=self.session.remembered.charts)
                yield Library(id="library", tab=self.session.remembered.library_tab)
                yield StudyScreen(id="study")
            yield LessonPanel(id="lesson")
        yield KeyBar(id="keys")

    def on_load(self) -> None:
        self.opening.mark_preset()

    def on_mount(self) -> None:
        self.file_reader.start()
        self.current_run.connect()
        if not self.is_headless:
            self.shutdown.catch_all()
            self.call_after_refresh(self.collector.start)
            self.set_timer(1.0, self.query_one(TopBar).watch_machine)
        remembered = self.session.remembered
        for text in self._troubles:
            self.complain(text)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.call_after_refresh(self.call_later, self._early.hand_over)
        self.call_after_refresh(self.opening.open_run)
        if not self._named:
            self.query_one(Build).select(remembered.row)
        self.study.connect()
        screen = "build" if self._named else remembered.screen
        if self._study is not None:
            self.study.show(*self._study, go=False)
        self.show_screen("build" if screen == "study" and self.study.model.empty else screen)
        self.lesson.mounted(self._lesson)
        use_file.read_ahead(self)

    def on_resize(self) -> None:
        if self.query(LessonPanel):
            self.lesson.show()

    @property
    def screen_name(self) -> str:
        """The id of the screen that is shown."""
        return self.query_one("#screens", ContentSwitcher).current or SCREENS[0]

    def show_screen(self, name: str) -> None:
        self.query_one("#screens", ContentSwitcher).current = name if name in SCREENS else SCREENS[0]
        self.query_one(f"#{self.screen_name}", AppScreen).shown()
        if self.client:
            self.client.observe(self.screen_name == "train")
            self.session.write_soon()
        self.renew()

    def renew(self) -> None:
        self.query_one(TopBar).renew()
        self.refresh_bindings()

    @property
    def document(self) -> Document:
        return self.session.document

    def document_edited(self) -> None:
        for screen in _screens(self):
            screen.document_changed()
        self.renew()
        self.session.write_soon()
        use_file.read_ahead(self)

    def on_files_read(self) -> None:
        """A file that the preset may name has been read."""
        self.document.check()
        self.document_edited()

    def open_document(self, raw: Raw, *, path: Path | None = None, origin: str = "") -> None:
        """Edit another preset; if it was left with unsaved edits, with these."""
        self.edit(Document(raw, path=path, origin=origin))

    def edit(self, document: Document) -> None:
        """Edit another document, or its draft."""
        if self.session.open(document):
            self.say("with your unsaved changes")
        self.query_one(Build).table.cursor = 0
        self.document_edited()

    @property
    def model(self) -> RunModel:
        return self.current_run.model

    @property
    def client(self) -> Any:
        return self.current_run.client

    def run_changed(self, kinds: set[str]) -> None:
        top = self.query_one_optional(TopBar)
        if top is None:  # the screens are being closed
            return
        for screen in _screens(self):
            screen.run_changed(kinds)
        top.renew()
        if kinds - KEYS_UNCHANGED:
            self.refresh_bindings()

    def study_changed(self) -> None:
        top = self.query_one_optional(TopBar)
        if top is not None:
            self.query_one(StudyScreen).study_changed()
            top.renew()

    @on(StudyNews)
    @on(StudyReport)
    @on(StudyProcessEnded)
    def _study_message(self, message: Message) -> None:
        self.study.receive(message)

    @on(child.TrainingEvents)
    @on(child.TrainingProblems)
    @on(child.TrainingProcessEnded)
    @on(child.InspectionFailed)
    @on(News)
    def _run_message(self, message: Message) -> None:
        self.current_run.receive(message)

    def say(self, text: str) -> None:
        """Show a short message in the top bar for a few seconds."""
        self.query_one(TopBar).say(plain_text(text))

    def complain(self, text: str) -> None:
        """Show an error in one line."""
        self.notify(plain_text(text), severity="error", markup=False)

    @action("ctrl+z", "suspend", "Suspend; fg in the shell goes on.", rank=120, shown=False, priority=True)
    def action_suspend_process(self) -> None:
        super().action_suspend_process()

    @action(
        "ctrl+q",
        "quit",
        "Quit; everything is as it was at the next start.",
        rank=130,
        priority=True,
        also="exit, close",
    )
    async def action_quit(self) -> None:
        self.leave(0)

    def action_help_quit(self) -> None:
        self.say(f"{key_of('quit', self.keymap)} quits")

    def show_help(self) -> None:
        self.push_screen(HelpScreen(places_of(self.screen), self.keymap))

    def leave(self, code: int) -> None:
        """Save the session and the run, and exit."""
        self.shutdown.leave(code)

    def on_unmount(self) -> None:
        self.current_run.stop_following()
        self.study.close(LEAVING)
        self.file_reader.close()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if self.preferences.reduced_motion and isinstance(event.widget, Input | TextArea):
            event.widget.cursor_blink = False

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            if self._early.keeps(event):
                return
            self.collector.pressed()
        if not (self.shutdown.begun and isinstance(event, events.InputEvent)):  # the screens are being closed
            await super().on_event(event)

    def _handle_exception(self, error: Exception) -> None:
        if self.is_headless or self._driver is None:
            super()._handle_exception(error)
        else:
            self.shutdown.failed(error)


def _screens(app: TuimlApp) -> list[AppScreen]:
    """All screens, without a search among all widgets, which takes milliseconds."""
    switcher = app.query_one_optional("#screens", ContentSwitcher)
    return [screen for screen in switcher.children if isinstance(screen, AppScreen)] if switcher else []
