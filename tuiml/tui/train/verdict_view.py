"""What is wrong with the run on the screen, below everything else, and the key that applies the remedy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

from tuiml.training.remedies import Remedy
from tuiml.training.verdicts import Verdict, verdicts
from tuiml.tui.charts.palette import Look
from tuiml.tui.keys import action
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.train.part import Part
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.lines import Lines, verdict_lines

EVERY = 0.5
"""Minimum seconds between two diagnoses of a run that is trained."""


class Diagnosis:
    """The verdicts on a run, computed again when there is a new snapshot, at most every half second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stamp: Hashable = None
        self._at = -EVERY
        self._verdicts: list[Verdict] = []

    def of(self, run: RunModel) -> list[Verdict]:
        """What is wrong now, the worst first."""
        if run.snapshot is None:
            return []
        stamp, now = (run.snapshots_version, run.status), self._clock()
        if stamp != self._stamp and (run.status != "running" or now - self._at >= EVERY):
            self._stamp, self._at = stamp, now
            self._verdicts = diagnose(run)
        return self._verdicts


def diagnose(run: RunModel) -> list[Verdict]:
    """What is wrong with a run according to its newest snapshot."""
    if run.preset is None or run.network is None or run.snapshot is None:
        return []
    losses = (run.loss.first, run.loss.recent) if len(run.loss.train) else None
    return verdicts(
        run.preset,
        run.network,
        run.snapshot.layers,
        run.snapshot.step,
        losses=losses,
        diverged=run.status == "diverged",
        rate=run.rate if run.preset.training.schedule.name == "constant" else math.nan,
    )


class VerdictView(Lines):
    """The worst verdict and its remedy; hidden when nothing is wrong."""

    DEFAULT_CSS = "VerdictView { height: auto; padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[str, str] = ("", "")
        self.display = False

    def update(self, found: list[Verdict], key: str, width: int, look: Look) -> bool:
        """Show the first verdict; return True if it, or the key that applies its remedy, is another one."""
        lines = verdict_lines(found[0], width, look, key, most=1 if width >= 100 else 2) if found else []
        self.display = bool(lines)
        self.show(lines)
        before, self._shown = self._shown, (found[0].name if found else "", key)
        return before != self._shown


class Advice(Part):
    """The verdict below the charts, and the action that applies its remedy to the preset."""

    def __init__(self, screen: AppScreen) -> None:
        self._screen = screen
        self._diagnosis = Diagnosis()
        self.view = VerdictView(id="verdict")

    def _remedy(self) -> Remedy | None:
        """The advised remedy, if the preset in Build is the run's."""
        run = self._screen.run
        found = self._diagnosis.of(run)
        same = run.preset is not None and run.preset == self._screen.document.preset
        return found[0].remedy if same and found and found[0].remedy.edits else None

    def update(self) -> None:
        """Show what is wrong now."""
        key, width = "f" if self._remedy() else "", self._screen.size.width - 2
        if self.view.update(self._diagnosis.of(self._screen.run), key, width, look_of(self._screen)):
            self._screen.shell.refresh_bindings()

    @action("f", "try it", "Apply the remedy to the preset; ctrl+r trains it.", "train", rank=10)
    def action_apply_remedy(self) -> None:
        remedy = self._remedy()
        if remedy is not None:
            self._screen.document.apply(remedy.edits)
            self._screen.shell.document_edited()
            self._screen.shell.say(f"changed the preset: {remedy.words}; ctrl+r starts a new run")

    def enabled(self, action_id: str) -> bool:
        return self._remedy() is not None
