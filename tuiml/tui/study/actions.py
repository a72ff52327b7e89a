"""What the study's screen does with a study and its trials. Its keys are those of the screen."""

from __future__ import annotations

import copy
from collections.abc import Callable

from tuiml.runs.folder import METRICS
from tuiml.studies.results import Row, TrialResult
from tuiml.tui.keys import action
from tuiml.tui.model.catalog import run_item
from tuiml.tui.model.document_paths import put
from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.study.compare_dialog import CompareScreen


class TrialActions:
    """Opens, compares, promotes, stops and repeats."""

    def __init__(self, screen: AppScreen, changed: Callable[[], None]) -> None:
        self._screen, self._changed = screen, changed

    @property
    def _model(self) -> StudyModel:
        return self._screen.shell.study.model

    @property
    def _selected(self) -> tuple[Row | None, TrialResult | None]:
        return self._model.under_cursor()

    def enabled(self, action_id: str) -> bool:
        """True if an action works now."""
        row, one = self._selected
        here = self._model.where == "here"
        works = {
            "open_trial": one is not None and (one.path / METRICS).is_file(),
            "promote": row is not None,
            "compare_settings": self._other(row) is not None,
            "stop_study": here,
            "stop_trial": here and one is not None and one.state in ("running", "paused", "waiting"),
            "resume_trial": one is not None and one.state in ("cut", "stopped", "failed") and self._may_run,
            "more_seeds": row is not None
            and bool(row.trials)
            and row.trials[0].trial.fold is None
            and self._may_run,
        }
        return works.get(action_id, True)

    @property
    def _may_run(self) -> bool:
        """True if this app runs the study or may run it."""
        return self._model.where != "elsewhere"

    @action(
        "o",
        "open in Train",
        "Open the trial under the cursor, or the best of its seeds, in Train.",
        "study",
        rank=75,
    )
    def action_open_trial(self) -> None:
        _, one = self._selected
        if one is not None:
            self._screen.shell.go.to_preset(run_item(one.path))

    @action(
        "p",
        "promote",
        "Edit a preset with the settings of this configuration.",
        "study",
        rank=30,
        also="take settings",
    )
    def action_promote(self) -> None:
        row, _ = self._selected
        if row is None or not row.trials:
            return
        raw = copy.deepcopy(dict(row.trials[0].trial.document))
        put(raw, ["name"], row.configuration.document.get("name", row.configuration.name))
        self._screen.shell.open_document(raw)
        self._screen.shell.show_screen("build")
        self._screen.shell.say(f"the settings of {row.configuration.name}")

    @action(
        "equals_sign",
        "compare",
        "The settings in which it differs from the best, or from the marked one.",
        "study",
        rank=40,
        also="diff, differences",
    )
    def action_compare_settings(self) -> None:
        row, _ = self._selected
        other, results = self._other(row), self._model.results
        if row is not None and other is not None and results is not None:
            self._screen.app.push_screen(CompareScreen(row, other, results))

    def _other(self, row: Row | None) -> Row | None:
        """The configuration to compare one with: another that is marked, else the best, else the next."""
        if row is None or self._model.results is None:
            return None
        marked = [self._model.row(name) for name in self._model.selection.marked]
        return next((r for r in (*marked, *self._model.results.rows) if r is not None and r is not row), None)

    @action(
        "s",
        "stop",
        "Stop the study; its trials are saved, and start goes on with them.",
        "study",
        rank=50,
        destructive=True,
        also="end study, cancel study",
    )
    def action_stop_study(self) -> None:
        self._screen.shell.study.stop()

    @action(
        "x",
        "stop trial",
        "Stop the trial under the cursor; resume goes on with it.",
        "study",
        rank=60,
        destructive=True,
        also="end trial, cancel trial",
    )
    def action_stop_trial(self) -> None:
        self._order("stop_trial")

    @action(
        "g",
        "go on",
        "Go on with a trial that was cut, stopped or has failed.",
        "study",
        rank=65,
        also="continue, resume",
    )
    def action_resume_trial(self) -> None:
        self._order("resume_trial")

    @action(
        "plus",
        "more seeds",
        "Repeat the configuration with one more seed.",
        "study",
        rank=70,
        also="replicate",
    )
    def action_more_seeds(self) -> None:
        self._order("more_seeds")

    def _order(self, do: str) -> None:
        row, one = self._selected
        if row is not None and one is not None:
            if do == "stop_trial" and self._model.selection.cursor[1] == "":
                one = next((t for t in row.trials if t.state in ("running", "paused")), one)
            self._screen.shell.study.order(do, one.trial.folder)
            self._screen.shell.say(f"{do.replace('_', ' ')}: {row.configuration.name}")
            self._changed()
