"""What helps against a verdict, as the app can do it: edits of the preset, a way back, the range test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuiml.training.remedies import Edit, Remedy
from tuiml.training.verdicts import Verdict
from tuiml.tui.model.run_data import RunData

RATE = "training.learning_rate"
OF_THE_RATE = ("learning rate far too high", "learning rate too high", "learning rate too low", "diverged")
"""The verdicts for which the range test finds a rate."""
RAISED = 10.0
"""The rate in force is that of a change by hand, from this multiple of the preset's on."""
NEAR = 1.1
"""A restore point is of before things went wrong if its loss is within this factor of the best one's."""


@dataclass(frozen=True)
class Cure:
    """One thing to do; exactly one of its kinds."""

    words: str
    why: str = ""
    edits: tuple[Edit, ...] = ()
    """Of the preset, for a new run."""
    back_to: int | None = None
    """The step of a restore point, from which to train on with :attr:`rate`."""
    resume_from: int | None = None
    """The step of the newest checkpoint of a run that is over, from which to train on with :attr:`rate`."""
    rate: float = math.nan
    find_rate: bool = False
    """The range test."""

    def details(self) -> list[str]:
        """The edits for reading, one a line."""
        return Remedy("", self.edits).lines()


def cures_of(verdict: Verdict, run: RunData | None = None, *, alive: bool = True) -> list[Cure]:
    """All cures of a verdict, the best first.

    Args:
        run: it may go back to a restore point while it is trained here, and to its newest checkpoint later.
        alive: whether it is trained here now.
    """
    found = [Cure(remedy.words, remedy.why, remedy.edits) for remedy in verdict.remedies]
    back = (_way_back(verdict, run) if alive else _resumed(verdict, run)) if run else None
    if back:  # a run that was well before a change by hand need not begin again
        found.insert(0 if run and _raised(run) else 1, back)
    if verdict.name in OF_THE_RATE and not (run and run.watched):
        why = "trains some steps at growing rates and shows where the loss falls fastest (Smith 2017)"
        found.append(Cure("the range test", why, find_rate=True))
    return found


def _raised(run: RunData) -> bool:
    """True if the learning rate in force is far above the preset's."""
    return run.preset is not None and run.rate >= RAISED * run.preset.training.rate


def _way_back(verdict: Verdict, run: RunData) -> Cure | None:
    """The restore point before things went wrong, with the rate that is advised; ``None``: there is none."""
    rate = dict(verdict.remedy.edits).get(RATE)
    if not isinstance(rate, float) or rate >= run.rate or not run.restore_points:
        return None
    step = _well(run)
    words = f"back to step {step:,} with a learning rate of {rate:g}"
    return Cure(words, "what was learned until then is kept", back_to=step, rate=rate)


def _resumed(verdict: Verdict, run: RunData) -> Cure | None:
    """The newest checkpoint of a run that is over, with the rate that is advised; ``None``: there is none, or
    things had gone wrong before it was written."""
    rate = dict(verdict.remedy.edits).get(RATE)
    if not isinstance(rate, float) or rate >= run.rate or not (run.resumable and run.saved):
        return None
    if run.saved >= run.steps_planned > 0 or not _well_at(run, run.x_of(run.saved)):
        return None
    words = f"resume from step {run.saved:,} with a learning rate of {rate:g}"
    return Cure(words, "what was learned until then is kept", resume_from=run.saved, rate=rate)


def _well_at(run: RunData, x: float) -> bool:
    """True if the training loss was then as good as the best one until then, and no raised rate in force."""
    changes = [mark.x for mark in run.interventions.marks if mark.what == "rate"]
    if changes and _raised(run) and x > changes[-1] + 1e-9:
        return False
    places, values = run.loss.raw.points()
    losses = values[places <= x + 1e-9]
    finite = losses[np.isfinite(losses)]
    return len(finite) > 0 and bool(losses[-1] <= NEAR * finite.min())


def _well(run: RunData) -> int:
    """The step of the newest restore point that is as good as the best one; of those before the last change
    of the rate, if the rate was raised by hand."""
    points: Sequence[tuple[int, int, float]] = run.restore_points
    changes = [mark.x for mark in run.interventions.marks if mark.what == "rate"]
    if changes and _raised(run):
        points = [point for point in points if run.x_of(point[0]) <= changes[-1] + 1e-9] or points[:1]
    losses = [loss for _, _, loss in points if math.isfinite(loss)]
    good = [step for step, _, loss in points if losses and loss <= NEAR * min(losses)]
    return good[-1] if good else points[0][0]
