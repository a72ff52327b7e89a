"""The main screen: the actions that work on Build, Train and Library, but not in dialogs above it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import Any, cast

from textual.app import App
from textual.css.query import NoMatches
from textual.screen import Screen

from tuiml.training.events import KINDS
from tuiml.tui.app import saving, theme
from tuiml.tui.app.help import HelpScreen
from tuiml.tui.app.palette import palette
from tuiml.tui.app.shutdown import Shutdown
from tuiml.tui.build.screen import Build
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import Keyed, action
from tuiml.tui.library.screen import Library
from tuiml.tui.model.settings import Settings
from tuiml.tui.shell import start_stop
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.dialogs import ConfirmDialog


class MainScreen(Keyed, Screen[None]):
    """Below all dialogs."""

    AUTO_FOCUS = ""  # each screen focuses its main widget when it is shown

    @property
    def shell(self) -> Shell:
        """The app, with its own type."""
        return cast(Shell, self.app)

    @action("1", "build", "Go to Build: the layers and their settings.", rank=60, shown=False)
    def action_place_build(self) -> None:
        self.shell.show_screen("build")

    @action("2", "train", "Go to Train: the run, live.", rank=70, shown=False)
    def action_place_train(self) -> None:
        self.shell.show_screen("train")

    @action("3", "library", "Go to Library: presets and past runs.", rank=80, shown=False)
    def action_place_library(self) -> None:
        self.shell.show_screen("library")

    @action("4", "study", "Go to the study: its trials, ranked.", rank=85, shown=False)
    def action_place_study(self) -> None:
        self.shell.show_screen("study")

    @action(
        "ctrl+s", "save", "Save the preset; a bundled or new one asks for a name.", rank=10, priority=True
    )
    def action_save(self) -> None:
        saving.save(self.shell)

    @action("", "save as", "Save the preset under another name.", rank=20)
    def action_save_as(self) -> None:
        saving.save_as(self.shell)

    @action("", "discard", "Discard unsaved changes; undo brings them back.", rank=30, destructive=True)
    def action_revert(self) -> None:
        document = self.shell.document

        def answered(yes: bool | None) -> None:
            if yes and document.saved_raw:
                document.replace(document.saved_raw)
                self.shell.document_edited()

        if document.dirty and document.saved_raw:
            dialog = ConfirmDialog("Discard unsaved changes?", "Undo brings them back.", verb="Discard")
            self.app.push_screen(dialog, answered)

    @action("ctrl+o", "open", "Open a preset or a run.", rank=40, priority=True)
    def action_open(self) -> None:
        self.query_one(Library).ask(partial(use_file.browse, self.shell))

    @action("ctrl+r", "start", "Start the training, pause it, or resume it.", rank=-2, priority=True)
    def action_toggle_run(self) -> None:
        start_stop.toggle(self.shell)

    @action(
        "ctrl+l", "lesson", "Show the lesson or hide it; the first time, open one.", rank=50, priority=True
    )
    def action_toggle_lesson(self) -> None:
        self.shell.lesson.toggle()

    @action(
        "ctrl+n",
        "next step",
        "Skip the step of the lesson; at its end, the next one.",
        rank=55,
        priority=True,
    )
    def action_next_step(self) -> None:
        self.shell.lesson.go_on()

    @action("question_mark f1", "help", "Show all keys.", rank=90)
    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    @action("ctrl+p", "palette", "Find an action by its name.", rank=100, priority=True)
    def action_command_palette(self) -> None:
        self.app.push_screen(*palette(self.app, self.shell))

    @action("", "light", "Colours for a light or a dark background.", rank=110)
    def action_toggle_dark(self) -> None:
        dark = not self.shell.look.dark
        self.shell.look = theme.look(dark)
        self.app.theme = theme.name_of(dark)
        self.shell.document_edited()
        self.shell.run_changed(set(KINDS))

    def label(self, action_id: str) -> str | None:
        """Words for the key bar that fit the state of the app."""
        if action_id == "toggle_run" and self.shell.client and start_stop.means_study(self.shell):
            model = self.shell.study.model
            if self.shell.study.active:
                return "resume" if model.paused else "pause"
            return "run study" if self.shell.screen_name == "build" else "go on"
        if action_id == "toggle_run" and self.shell.client and self.shell.client.active:
            return "resume" if self.shell.client.paused else "pause"
        if action_id == "toggle_dark":
            return "light" if self.shell.look.dark else "dark"
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "toggle_run" and self.shell.model.followed and self.shell.screen_name == "train":
            return False  # another process trains it; a new run is started from Build
        if action == "toggle_run" and self.shell.screen_name == "study":
            return self.shell.study.may_run
        if action == "place_study":
            return not self.shell.study.model.empty
        if action == "next_step":
            return self.shell.lesson.shown
        if action == "revert":
            return self.shell.document.dirty and bool(self.shell.document.saved_raw)
        return True


def described(app: App[Any], shell: Shell, shutdown: Shutdown, here: Settings) -> Settings:
    """The settings with what the screens show now; once they are closed, what they showed last."""
    if shutdown.requested:
        here = replace(here, opening="")
    with contextlib.suppress(NoMatches):
        row, train = app.query_one(Build).table.cursor, app.query_one(Train)
        here = replace(here, screen=shell.screen_name, row=row, charts=train.charts.chosen)
        if shell.model.path:  # else the last session's run may still be read
            here = replace(here, run=shell.model.path, train_view=train.view_state)
        here = replace(here, study=str(shell.study.model.path or ""))
        if shutdown.begun and not shutdown.requested:  # the screen may be what ended the app
            here = replace(here, screen="build")
    return replace(here, dark=shell.look.dark, pace=shell.pace.kept)
