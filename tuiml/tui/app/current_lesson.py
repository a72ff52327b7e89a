"""The lesson that is open: its panel, and what the app looks at to see its steps done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import App

from tuiml.tui.chart_views.histograms import QuantityView
from tuiml.tui.charts.palette import QUIET
from tuiml.tui.keys import with_keys
from tuiml.tui.lessons.panel import COLUMN, INVITATION, LARGE, SMALL, WIDE, LessonPanel, lesson_lines
from tuiml.tui.model.document import Document
from tuiml.tui.model.pace import Pace
from tuiml.tui.model.settings import Settings
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.train.screen import Train

if TYPE_CHECKING:
    from tuiml.lessons.facts import Facts
    from tuiml.lessons.lesson import Language
    from tuiml.lessons.library import Listed
    from tuiml.lessons.progress import Progress

READ_AFTER = 2.0
"""Seconds after the start: reading all lessons takes a tenth of a second."""
EVERY = 0.2
"""Seconds between two looks at the app."""
DIALOGS = {"ExplorerScreen": "explorer", "RateScreen": "range_test", "FilePicker": "file_picker"}


class CurrentLesson:
    """Opens lessons, follows their steps and shows the panel.

    Args:
        preference: language: ``en``, ``ko`` or ``auto``.
    """

    def __init__(
        self, app: App[Any], shell: Shell, pace: Pace, remembered: Settings, preference: str = "auto"
    ) -> None:
        self._app, self._shell, self._pace, self._preference = app, shell, pace, preference
        self.name = remembered.lesson
        self.done: dict[str, int] = dict(remembered.lessons)
        """How many steps of each lesson were done."""
        self.hidden = remembered.lesson_hidden
        self._at = remembered.lesson_step
        self._invites = remembered.first
        self.progress: Progress | None = None
        self._listed: list[Listed] = []
        self._run_before = ""
        """The folder of the run that was on the screen when the lesson was opened."""

    @property
    def panel(self) -> LessonPanel:
        return self._app.query_one(LessonPanel)

    @property
    def shown(self) -> bool:
        """True if the panel shows a lesson."""
        return self.progress is not None and not self.hidden

    def lessons(self) -> list[Listed]:
        """All lessons in their order, as they were found first."""
        if not self._listed:
            from tuiml.lessons.library import lessons  # late: nobody may open one

            self._listed = lessons()
        return self._listed

    def mounted(self, wanted: str = "") -> None:
        """Begin the lesson that is wanted, or show the one that was open; look at the app from now on."""
        self._app.set_interval(EVERY, self.look)
        if not self._app.is_headless:
            self._app.set_timer(READ_AFTER, self._read_ahead)
        if wanted:
            self.open(wanted)
        elif self.name:
            self._begin(self.name, self._at)
        self.show()

    def _read_ahead(self) -> None:
        """Read the lessons, for the palette."""
        self._app.run_worker(lambda: self.lessons(), thread=True, group="lessons")

    def open(self, name: str) -> None:
        """Begin a lesson, with its preset in Build."""
        listed = next((one for one in self.lessons() if one.name == name), None)
        if listed is None or listed.lesson is None:
            self._shell.complain(listed.problem if listed else f"there is no lesson {name}")
            return
        self._run_before = self._shell.model.path
        self._shell.edit(Document(listed.lesson.document(name)))
        self._begin(name, 0)
        self.hidden = False
        self._shell.show_screen("build")
        self.look()  # what is so from the beginning
        self._changed()

    def _begin(self, name: str, at: int) -> None:
        from tuiml.lessons.progress import Progress

        listed = next((one for one in self.lessons() if one.name == name), None)
        if listed is not None and listed.lesson is not None:
            self.name = self._pace.lesson = name
            self.progress, self._invites = Progress(listed.lesson, at), False

    def toggle(self) -> None:
        """Hide the panel or show it; without a lesson, open the first one that was not finished."""
        if self.progress is not None:
            self.hidden = not self.hidden
            self._changed()
        else:
            name = next((one.name for one in self.lessons() if self._unfinished(one)), "")
            self.open(name or self.lessons()[0].name)

    def _unfinished(self, one: Listed) -> bool:
        return one.lesson is not None and self.done.get(one.name, 0) < len(one.lesson.steps)

    def go_on(self) -> None:
        """Skip the step; after the last one begin the next lesson."""
        following = self._following
        if self.progress is None:
            return
        if self.progress.step is not None:
            self.progress.skip()
            self.look()
            self._changed()
        elif following is not None:
            self.open(following.name)

    @property
    def _following(self) -> Listed | None:
        names = [one.name for one in self.lessons()]
        after = self.lessons()[names.index(self.name) + 1 :] if self.name in names else []
        return next((one for one in after if one.lesson is not None), None)

    def look(self) -> None:
        """See whether the step is done by now."""
        if self.progress is None and not self._invites:
            return
        if not all(self._app.query(part) for part in ("Train", "LessonPanel")):
            return  # the app ends
        if self._invites and self._shell.model.status != "empty":  # whoever has trained has found the keys
            self._invites = False
            self.show()
        if self.progress is None or self.progress.step is None:
            return
        if self.progress.see(self._facts()):
            self._changed()
        else:
            self.show()

    def _changed(self) -> None:
        if self.progress is not None:
            self.done[self.name] = max(self.done.get(self.name, 0), self.progress.at)
        self.show()
        self._shell.renew()
        self._shell.session.write_soon()

    def remember(self, here: Settings) -> Settings:
        """The settings with the progress of the lessons."""
        at = self.progress.at if self.progress is not None else self._at
        return replace(
            here, lesson=self.name, lesson_step=at, lesson_hidden=self.hidden, lessons=dict(self.done)
        )

    def show(self) -> None:
        """Draw the panel as it should be now."""
        panel, size = self.panel, self._app.size
        wide = self.shown and size.width >= WIDE
        rows = 1 if not self.shown else SMALL if size.height <= 30 else LARGE
        self._app.query_one("#work").set_class(wide, "-wide")
        invites = self._invites and self._shell.screen_name != "study"  # whose key starts the study
        panel.display = self.shown or invites
        if self.progress is not None and self.shown:
            width = (COLUMN if wide else size.width) - 2
            rows = size.height - 2 if wide else rows
            after = self._following
            title = after.title(self.language) if after else ""
            panel.show(
                lesson_lines(
                    self.progress, self.language, width, rows, self._shell.look, title, self._shell.keymap
                )
            )
        elif invites:
            panel.show([[(with_keys(INVITATION, self._shell.keymap), self._shell.look.style(QUIET))]])
        panel.take_place(wide, rows)

    @property
    def language(self) -> Language:
        """The language of the lessons."""
        from tuiml.lessons.library import language

        return language(self._preference)

    def _facts(self) -> Facts:
        from tuiml.lessons.facts import Facts

        model, opened = self._shell.model, frozenset(self._opened())
        if not model.path or model.path == self._run_before:
            return Facts(self._shell.document.preset, opened=opened)
        losses = [epoch.val_loss for epoch in model.epochs]
        figures = {
            "train_loss": model.loss.train.last,
            "train_accuracy": model.accuracy.train.last,
            "val_loss": model.loss.validation.last,
            "val_accuracy": model.accuracy.validation.last,
        }
        if losses and min(losses) > 0:
            figures["rise"] = losses[-1] / min(losses)
        return Facts(
            self._shell.document.preset,
            model.preset,
            model.status,
            model.step,
            model.snapshot.layers if model.snapshot else (),
            figures,
            opened,
        )

    def _opened(self) -> set[str]:
        """What is open now."""
        top, train = self._app.screen, self._app.query_one(Train)
        found = {self._shell.screen_name}
        dialog = DIALOGS.get(type(top).__name__, "")
        if dialog:
            found.add(dialog)
        if dialog == "explorer":
            found.add(f"explorer:{getattr(top, 'model').activation.name}")  # noqa: B009 - imported late
        if dialog == "range_test" and getattr(top, "finding").rate is not None:  # noqa: B009 - imported late
            found.add("suggested_rate")
        if train.is_current:
            found |= {"comparison"} if train.selection.other else set()
            found |= {"past_snapshot"} if train.selection.past_snapshot else set()
            if any(isinstance(slot.view, QuantityView) for slot in train.charts.shown_slots):
                found.add(train.selection.kind)
        return found
