"""Three next experiments once a run is over, each with a key that starts it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

from tuiml.training.diagnosis_context import DiagnosisContext
from tuiml.training.experiments import Experiment, Outcome, experiments
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.diagnosis import diagnose
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.shell import start_stop
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.train.part import Part
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.lines import Lines
from tuiml.tui.widgets.picker import Part as Text

IDS = ("next_1", "next_2", "next_3")
LOW = 30
"""Rows of a screen below which the card has one line, without reasons."""
ENDS = ("completed", "stopped", "early_stopped", "diverged")


def next_experiments(run: RunModel) -> list[Experiment]:
    """What to try after a run; nothing while it is trained."""
    if run.status not in ENDS or run.end is None or run.preset is None or run.network is None:
        return []
    if run.snapshot is None or len(run.snapshot.layers) != len(run.network.nodes):
        return []
    context = DiagnosisContext(run.preset, run.network, layers=run.snapshot.layers, step=run.snapshot.step)
    return experiments(context, outcome_of(run), diagnose(run))


def outcome_of(run: RunModel) -> Outcome:
    """How a run ended."""
    losses = [epoch.val_loss for epoch in run.epochs if math.isfinite(epoch.val_loss)]
    rise = losses[-1] / min(losses) if losses and min(losses) > 0 else math.nan
    gap = run.accuracy.train.last - run.accuracy.validation.last
    best = run.end.best_epoch if run.end else 0
    return Outcome(run.status, run.end.epochs if run.end else 0, best, rise, gap)


class NextView(Lines):
    """The experiments; hidden where there are none."""

    DEFAULT_CSS = "NextView { height: auto; padding: 0 1; display: none; }"


class NextCard(Part):
    """Offers the experiments while the preset in Build is the run's, and starts one beside the former run."""

    def __init__(self, screen: AppScreen, selection: ChartSelection) -> None:
        self._screen, self._selection = screen, selection
        self._stamp: tuple[object, ...] = ()
        self._found: list[Experiment] = []
        self._hidden = False
        self.view = NextView(id="next")

    @property
    def experiments(self) -> list[Experiment]:
        """What is offered now."""
        run = self._screen.run
        if run.preset is None or run.preset != self._screen.document.preset:
            return []
        stamp = (run.status, run.snapshots_version, id(run.document))
        if stamp != self._stamp:
            self._stamp, self._found = stamp, next_experiments(run)
        return self._found

    def update(self) -> None:
        """Show what is offered now."""
        found = [] if self._hidden else self.experiments
        was = self.view.display
        self.view.display = bool(found)
        self.view.show(
            card_lines(found, self._screen.app.size.height, look_of(self._screen), self._screen.shell.keymap)
        )
        if was != bool(found):
            self._screen.shell.refresh_bindings()

    @action(
        "5", "try 1st", "Train the first of the next experiments.", "train", "next_1", 0, rank=12, shown=False
    )
    @action("6", "try 2nd", "Train the second one.", "train", "next_2", 1, rank=13, shown=False)
    @action("7", "try 3rd", "Train the third one.", "train", "next_3", 2, rank=14, shown=False)
    def _try(self, number: int) -> None:
        shell, found = self._screen.shell, self.experiments
        if number >= len(found) or shell.client.active:
            return
        former = copy.copy(self._screen.run)  # which begins anew
        shell.document.apply(found[number].remedy.edits)
        shell.document_edited()
        start_stop.start(shell)
        self._selection.others = (former,)
        undo = key_of("undo", shell.keymap)
        shell.say(f"{found[number].remedy.words}, beside the former run; {undo} in Build undoes it")
        shell.run_changed({"state"})

    @action("0", "hide", "Hide the next experiments, or show them again.", "train", rank=15, shown=False)
    def action_hide_next(self) -> None:
        self._hidden = not self._hidden
        self.update()

    def enabled(self, action_id: str) -> bool:
        found = self.experiments
        if action_id == "hide_next":
            return bool(found)
        return not self._hidden and int(action_id[-1]) <= len(found)


def card_lines(
    found: list[Experiment], height: int, look: Look, keymap: Mapping[str, str]
) -> list[list[Text]]:
    """A line for each experiment, or one for all on a low screen."""
    bold, quiet, plain = look.style(bold=True), look.style(QUIET), look.style()
    lines: list[list[Text]] = []
    for id, one in zip(IDS, found, strict=False):
        lines.append([(key_of(id, keymap), bold), (f" {one.remedy.words}", plain), (f"   {one.why}", quiet)])
    if height < LOW:
        short = [part for line in lines for part in (("   ", plain), *line[:2])]
        return [[("next: ", quiet), *short[1:]]] if short else []
    heads = ["next  ", *["      "] * len(lines)]
    lines = [[(head, quiet), *line] for head, line in zip(heads, lines, strict=False)]
    if lines:
        lines[-1].append((f"   ({key_of('hide_next', keymap)} hides this)", quiet))
    return lines
