"""Which occasions of a run are notified, and in which words: for the app and for ``tuiml train`` alike."""

from __future__ import annotations

import math
from collections.abc import Collection

from tuiml.formatting import metric_text
from tuiml.notify.notifier import Notifier
from tuiml.tui.model.diagnosis import Diagnosis
from tuiml.tui.model.run_data import RunData

ENDS = frozenset({"completed", "early_stopped", "stopped", "diverged", "failed"})
AT_ONCE = frozenset({"start", "state", "end"})
"""Events after which the title is another one at once."""
NAME = 60
"""The most characters of a run's name in a title."""


class RunNotices:
    """Tells a notifier what happens to the run on the screen, each kind of verdict once a run."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self._diagnosis = Diagnosis()
        self._run = ""
        self._told: set[str] = set()

    def update(self, run: RunData, kinds: Collection[str], *, own: bool = True) -> None:
        """Notify of what is new.

        Args:
            kinds: the events that have just come.
            own: False if another process trains it, which runs its own hook.
        """
        if not self.notifier.wanted:
            return
        if run.path != self._run:
            self._run, self._diagnosis = run.path, Diagnosis()
            self._told.clear()
        self.notifier.title(title_of(run), now=not AT_ONCE.isdisjoint(kinds))
        if "end" in kinds and run.status in ENDS:
            self._tell(run, str(run.status), _how_it_ended(run), own)
        elif "snapshot" in kinds and "verdict" in self.notifier.wanted.occasions and run.alive:
            for verdict in self._diagnosis.of(run):
                if verdict.name not in self._told:
                    self._told.add(verdict.name)
                    self._tell(run, "verdict", f"{verdict.name}: {verdict.evidence}", own)

    def _tell(self, run: RunData, occasion: str, text: str, own: bool) -> None:
        self.notifier.tell(occasion, run.name, run.path, f"{run.name}: {text}", hook=own)


def title_of(run: RunData) -> str:
    """``tuiml my-run 45 % 92.1 %``: how far it is and its newest metric; or how it ended."""
    words = ["tuiml", run.name[:NAME]]
    if run.status == "running":
        words.append(f"{100 * run.done:.0f} %")
    elif run.status != "empty":
        words.append(run.status.replace("_", " "))
    held_out = run.accuracy.validation.last if len(run.accuracy.validation) else math.nan
    score = run.score if math.isnan(held_out) else held_out
    if not math.isnan(score):
        words.append(run.metric.text(score))
    return " ".join(filter(None, words))


def _how_it_ended(run: RunData) -> str:
    words = [run.status.replace("_", " ")]
    if run.message:
        words.append(run.message)
    if run.end is not None and not math.isnan(run.end.test_loss):
        words.append(f"test {metric_text(run.end.test_accuracy, run.end.test_r2)}")
    return ", ".join(words)
