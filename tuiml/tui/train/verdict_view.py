"""What is wrong with the run on the screen, below everything else, and the keys that help."""

from __future__ import annotations

from collections.abc import Sequence

from tuiml.training.verdicts import Verdict
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs import find_rate
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.cures import Cure, cures_of
from tuiml.tui.model.diagnosis import Diagnosis
from tuiml.tui.model.status import OWN_LOOP
from tuiml.tui.shell import resume, start_stop
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.train.part import Part
from tuiml.tui.train.run_keys import RunKeys
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.diagnosis import DiagnosisDialog
from tuiml.tui.widgets.dialogs import ConfirmDialog
from tuiml.tui.widgets.lines import Lines, verdict_lines


class VerdictView(Lines):
    """The worst verdict and its remedy; hidden when nothing is wrong."""

    DEFAULT_CSS = "VerdictView { height: auto; padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[str, str] = ("", "")
        self.display = False

    def update(
        self, found: list[Verdict], keys: tuple[str, str], cures: Sequence[Cure], width: int, look: Look
    ) -> bool:
        """Show the first verdict and its first cure; return True if it, or its key, is another."""
        most, words = 1 if width >= 100 else 2, cures[0].words if keys[0] else ""
        more = len(cures) - 1
        lines = verdict_lines(found[0], width, look, keys, words, most=most, more=more) if found else []
        self.display = bool(lines)
        self.show(lines)
        before, self._shown = self._shown, (found[0].name if found else "", keys[0])
        return before != self._shown


class Advice(Part):
    """The verdict below the charts, the whole diagnosis, and the actions that apply a cure."""

    def __init__(self, screen: AppScreen, keys: RunKeys) -> None:
        self._screen, self._keys = screen, keys
        self._diagnosis = Diagnosis()
        self._restart = False
        """True while the run is stopped so that one of the changed preset can begin."""
        self.view = VerdictView(id="verdict")

    @property
    def _verdicts(self) -> list[Verdict]:
        return self._diagnosis.of(self._screen.run)

    def _cures(self, verdict: Verdict) -> list[Cure]:
        return cures_of(verdict, self._screen.run, alive=self._keys.alive)

    @property
    def _same(self) -> bool:
        """True if the preset in Build is the run's."""
        run = self._screen.run
        return run.preset is not None and run.preset == self._screen.document.preset

    @property
    def _first(self) -> Cure | None:
        """The first cure of the first verdict; edits, if the preset in Build is the run's."""
        cures = self._cures(self._verdicts[0]) if self._verdicts else []
        return cures[0] if cures and (self._same or not cures[0].edits) else None

    def update(self) -> None:
        """Show what is wrong now."""
        keymap = self._screen.shell.keymap
        found, key = self._verdicts, key_of("apply_remedy", keymap) if self._first else ""
        cures = self._cures(found[0]) if found else []
        width, look = self._screen.size.width - 2, look_of(self._screen)
        if self.view.update(found, (key, key_of("diagnosis", keymap)), cures, width, look):
            self._screen.shell.refresh_bindings()

    def run_changed(self, kinds: set[str]) -> None:
        """The run that was to be replaced by one of the changed preset has ended: begin that one."""
        if self._restart and "end" in kinds and not self._keys.alive:
            self._restart = False
            self._screen.call_later(start_stop.start, self._screen.shell)

    @action(
        "f",
        "try it",
        "Apply the first cure; a run that is on begins again.",
        "train",
        rank=10,
        also="fix, cure, advice",
    )
    def action_apply_remedy(self) -> None:
        if self._first is not None:
            self._apply(self._first)

    @action("w", "why", "The whole diagnosis: evidence, reasons, every cure.", "train", rank=65)
    def action_diagnosis(self) -> None:
        snapshot = self._screen.run.snapshot
        if snapshot is not None and self._verdicts:
            found = [(verdict, self._cures(verdict)) for verdict in self._verdicts]
            dialog = DiagnosisDialog(f"diagnosis as of step {snapshot.step:,}", found)
            self._screen.shell.push_screen(dialog, self._apply)

    def _apply(self, cure: Cure | None) -> None:
        shell = self._screen.shell
        if cure is None:
            return
        if cure.find_rate:
            find_rate.find_rate(shell)
        elif cure.back_to is not None:
            self._go_back(cure)
        elif cure.resume_from is not None:
            resume.begin(shell, [f"{resume.RATE}={cure.rate:g}"])
        elif self._keys.alive:
            dialog = ConfirmDialog(
                "Restart with this?",
                f"{cure.words}: the run is stopped and saved, and a new one begins.",
                verb="Restart",
                keep="Train on",
            )
            shell.push_screen(dialog, lambda yes: self._begin_again(cure) if yes else None)
        else:
            before = self._screen.document.raw
            self._edit(cure)
            if self._same and self._screen.document.raw == before:  # only the run differs from the preset
                start_stop.start(shell)
                return
            key = key_of("start_pause", shell.keymap)
            shell.say(f"{key} starts a new run with {cure.words}")

    def _edit(self, cure: Cure) -> None:
        """Change the run's preset in Build."""
        shell, run = self._screen.shell, self._screen.run
        if not self._same:
            shell.open_document(run.document, origin=run.preset.name if run.preset else "")
        self._screen.document.apply(cure.edits)
        shell.document_edited()

    def _begin_again(self, cure: Cure) -> None:
        self._edit(cure)
        if self._keys.alive:  # else it ended while the question was on the screen
            self._restart = True
            self._screen.shell.client.stop()
        else:
            start_stop.start(self._screen.shell)

    def _go_back(self, cure: Cure) -> None:
        if self._keys.alive and cure.back_to is not None:
            client = self._screen.shell.client
            client.rewind(cure.back_to)
            client.set_rate(cure.rate)
            client.resume()
            self._screen.shell.say(f"{cure.words}; the rest is kept beside the curves")

    def enabled(self, action_id: str) -> bool:
        return bool(self._verdicts) if action_id == "diagnosis" else self._first is not None

    def why_not(self, action_id: str) -> str:
        """What is said of a key that does not work now."""
        run, key = self._screen.run, key_of("diagnosis", self._screen.shell.keymap)
        if self._verdicts and run.watched:
            return OWN_LOOP
        if self._verdicts:
            mine = self._cures(self._verdicts[0])
            return (
                f"{key} lists the cures: the preset in Build is not this run's"
                if mine
                else f"no cure: {key} says why"
            )
        if run.snapshot is None:
            return "nothing to advise: no layer statistics" + (" yet" if run.alive else "")
        return f"nothing to advise: nothing wrong found as of step {run.snapshot.step:,}"

    def label(self, action_id: str) -> str | None:
        first = self._first if action_id == "apply_remedy" else None
        if first is not None and first.resume_from is not None:
            return "resume"
        if first is None or not self._keys.alive:
            return None
        return "restart" if first.edits else None
