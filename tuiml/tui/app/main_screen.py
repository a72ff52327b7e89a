"""The main screen: the actions that work on Build, Train and Library, but not in dialogs above it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from textual.app import App
from textual.css.query import NoMatches
from textual.screen import Screen

from tuiml.text import plain_text
from tuiml.training.events import KINDS
from tuiml.tui.app import clipboard, exporting, pictures, saving, theme
from tuiml.tui.app.compositor import Compositor
from tuiml.tui.app.palette import palette
from tuiml.tui.app.shutdown import Shutdown
from tuiml.tui.build.screen import Build
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import Keyed, action
from tuiml.tui.library.screen import Library
from tuiml.tui.model import preferences
from tuiml.tui.model.settings import Settings
from tuiml.tui.shell import start_stop
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.dialogs import ConfirmDialog, action_help
from tuiml.tui.widgets.jump import action_jump
from tuiml.tui.widgets.picker import Pick


class MainScreen(Keyed, Screen[None]):
    """Below all dialogs."""

    action_jump = action_jump
    AUTO_FOCUS = ""  # each screen focuses its main widget when it is shown

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._compositor = Compositor()

    @property
    def shell(self) -> Shell:
        """The app, with its own type."""
        return cast(Shell, self.app)

    @action(
        "1",
        "build",
        "Go to Build: the layers and their settings.",
        rank=60,
        shown=False,
        also="edit, network",
    )
    def action_place_build(self) -> None:
        self.shell.show_screen("build")

    @action("2", "train", "Go to Train: the run, live.", rank=70, shown=False, also="watch")
    def action_place_train(self) -> None:
        self.shell.show_screen("train")

    @action(
        "3", "library", "Go to Library: presets and past runs.", rank=80, shown=False, also="history, runs"
    )
    def action_place_library(self) -> None:
        self.shell.show_screen("library")

    @action("4", "study", "Go to the study: its trials, ranked.", rank=85, shown=False, also="sweep")
    def action_place_study(self) -> None:
        self.shell.show_screen("study")

    @action(
        "ctrl+s",
        "save",
        "Save the preset; a bundled or new one asks for a name.",
        rank=10,
        priority=True,
        also="write, store",
    )
    def action_save(self) -> None:
        saving.save(self.shell)

    @action("", "save as", "Save the preset under another name.", rank=20, also="save under, copy preset")
    def action_save_as(self) -> None:
        saving.save_as(self.shell)

    @action(
        "",
        "discard",
        "Discard unsaved changes; undo brings them back.",
        rank=30,
        destructive=True,
        also="revert, throw away",
    )
    def action_revert(self) -> None:
        document = self.shell.document

        def answered(yes: bool | None) -> None:
            if yes and document.saved_raw:
                document.replace(document.saved_raw)
                self.shell.document_edited()

        if document.dirty and document.saved_raw:
            dialog = ConfirmDialog("Discard unsaved changes?", "Undo brings them back.", verb="Discard")
            self.app.push_screen(dialog, answered)

    @action("ctrl+o", "open", "Open a preset or a run.", rank=40, priority=True, also="load, file")
    def action_open(self) -> None:
        self.query_one(Library).ask(partial(use_file.browse, self.shell))

    @action(
        "ctrl+r",
        "start",
        "Start the training, pause it, or resume it.",
        rank=-2,
        priority=True,
        also="run, go, continue, go on",
    )
    def action_start_pause(self) -> None:
        start_stop.toggle(self.shell)

    @action(
        "ctrl+l",
        "lesson",
        "Show the lesson or hide it; the first time, open one.",
        rank=50,
        priority=True,
        also="tutorial, learn",
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

    action_help = action_help

    @action(
        "ctrl+p", "palette", "Find an action by its name.", rank=100, priority=True, also="commands, search"
    )
    def action_command_palette(self) -> None:
        self.app.push_screen(*palette(self.app, self.shell))

    @action("", "light", "Colours for a light or a dark background.", rank=110, also="dark, theme, colors")
    def action_toggle_dark(self) -> None:
        self._show_theme(theme.name_of(not self.shell.look.dark))

    @action("", "theme", "Choose a theme; each is shown while the cursor is on it.", rank=112)
    def action_choose_theme(self) -> None:
        before = self.app.theme
        picks = [Pick(name, self._kind(name)) for name in theme.names(self.app)]
        chooser = Chooser("Theme", picks, before, moved=self._show_theme)
        self.app.push_screen(chooser, lambda name: self._show_theme(name or before))

    def _kind(self, name: str) -> str:
        if name == theme.CONTRAST:
            return "high contrast"
        return "dark" if self.app.available_themes[name].dark else "light"

    def _show_theme(self, name: str) -> None:
        if name != self.app.theme:
            self.shell.look = theme.show(self.app, name)
            self.shell.document_edited()
            self.shell.run_changed(set(KINDS))
            self.shell.study_changed()

    @action(
        "",
        "settings file",
        "Create the settings file, if there is none, and say where it is.",
        rank=115,
        also="preferences, config",
    )
    def action_settings_file(self) -> None:
        path = preferences.settings_path()
        try:
            new = preferences.create(path)
        except OSError as error:
            self.shell.complain(f"{path}: {error.strerror or error}")
        else:
            self.app.notify(
                plain_text(f"{path}\n{'written; ' if new else ''}it is read when the app starts"),
                title="Settings file",
                markup=False,
                timeout=15,
            )

    @action("ctrl+e", "save chart", "Save the selected chart as an SVG file.", rank=116, shown=False)
    def action_save_chart(self) -> None:
        found = pictures.chart_on(self.app)
        if found:
            self._saved(lambda: pictures.save_chart(self.app, *found, self._subject()))
        else:
            self.shell.complain("there is no chart here; 'save screenshot' in the palette saves the screen")

    @action("", "save screenshot", "Save the screen as an SVG file.", rank=117)
    def action_save_screenshot(self) -> None:
        self.app.clear_notifications()  # they would hide a part of it
        self.call_after_refresh(self._saved, lambda: pictures.save_screen(self.app, self._subject()))

    def _subject(self) -> str:
        """What the screen shows: the run on Train, elsewhere the preset."""
        model = self.shell.model
        return model.name if self.shell.screen_name == "train" and model.name else self.shell.document.name

    def _saved(self, save: Callable[[], Path]) -> None:
        """Save a picture, and say where it is."""
        try:
            path = save()
        except OSError as error:
            self.shell.complain(f"nothing was saved: {error.strerror or error}")
        else:
            self.app.notify(plain_text(str(path)), title="Saved", markup=False, timeout=10)

    @action(
        "E",
        "export",
        "Export the run: code for PyTorch, Keras or MLX, ONNX, a report, tables, charts.",
        rank=117,
        shown=False,
        also="safetensors, tensorboard, csv, html, svg, share, report, weights",
    )
    def action_export(self) -> None:
        run = exporting.exported(self.shell, self.query_one(Library))
        if run is not None:
            exporting.choose(cast("App[int]", self.app), self.shell, run)

    @action("", "copy preset", "Copy the preset as TOML to the clipboard.", rank=118)
    def action_copy_preset(self) -> None:
        clipboard.copy_preset(self.app)

    @action("", "copy command", "Copy the command line that repeats this training.", rank=118)
    def action_copy_command(self) -> None:
        clipboard.copy_command(self.app)

    @action("", "copy layer table", "Copy the layer table, its columns separated by tabs.", rank=118)
    def action_copy_layers(self) -> None:
        clipboard.copy_layers(self.app, self.query_one(f"#{self.shell.screen_name}"))

    def label(self, action_id: str) -> str | None:
        """Words for the key bar that fit the state of the app."""
        if action_id == "start_pause" and self.shell.client and start_stop.means_study(self.shell):
            model = self.shell.study.model
            if self.shell.study.active:
                return "resume" if model.paused else "pause"
            words = "go on" if model.begun else "start"
            return "run study" if self.shell.screen_name == "build" else words
        if action_id == "start_pause" and self.shell.client and self.shell.client.active:
            return "resume" if self.shell.client.paused else "pause"
        if action_id == "toggle_dark":
            return "light" if self.shell.look.dark else "dark"
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        run, on_train = self.shell.model, self.shell.screen_name == "train"
        if action == "start_pause" and on_train and (run.followed or run.watched):
            return False  # another process trains it; a new run is started from Build
        if action == "start_pause" and self.shell.screen_name == "study":
            return self.shell.study.may_run
        if action == "place_study":
            return not self.shell.study.model.empty
        if action == "export":
            return exporting.exported(self.shell, self.query_one(Library)) is not None
        if action == "copy_layers":
            return self.shell.screen_name in ("build", "train")
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
        tab = app.query_one(Library).view.tab or here.library_tab
        here = replace(here, study=str(shell.study.model.path or ""), library_tab=tab)
        if shutdown.begun and not shutdown.requested:  # the screen may be what ended the app
            here = replace(here, screen="build")
    return replace(here, dark=shell.look.dark, theme=app.theme, pace=shell.pace.kept)
