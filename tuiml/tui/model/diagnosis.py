"""What is wrong with a run, by its newest snapshot."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable

import numpy as np

from tuiml.runs.watched import WatchedModel
from tuiml.runs.watched_diagnosis import diagnosed
from tuiml.training.events import Snapshot
from tuiml.training.verdicts import Verdict, verdicts
from tuiml.tui.model.run_data import RunData

EVERY = 0.5
"""Minimum seconds between two diagnoses of a run that is trained."""


class Diagnosis:
    """The verdicts on a run, computed again when there is a new snapshot, at most every half second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stamp: Hashable = None
        self._at = -EVERY
        self._verdicts: list[Verdict] = []

    def of(self, run: RunData) -> list[Verdict]:
        """What is wrong now, the worst first."""
        if run.snapshot is None:
            return []
        stamp, now = (run.snapshots_version, run.status), self._clock()
        if stamp != self._stamp and (run.status != "running" or now - self._at >= EVERY):
            self._stamp, self._at = stamp, now
            self._verdicts = diagnose(run)
        return self._verdicts


def diagnose(run: RunData) -> list[Verdict]:
    """What is wrong with a run according to its newest snapshot."""
    if run.snapshot is None:
        return []
    losses = (run.loss.first, run.loss.recent) if len(run.loss.train) else None
    if run.watched:
        return _diagnose_watched(run.watched, run, run.snapshot, losses)
    if run.preset is None or run.network is None:
        return []
    by_hand = any(mark.what == "rate" for mark in run.interventions.marks)
    return verdicts(
        run.preset,
        run.network,
        run.snapshot.layers,
        run.snapshot.step,
        losses=losses,
        diverged=run.status == "diverged",
        rate=run.rate if run.preset.training.schedule.name == "constant" or by_hand else math.nan,
        score=run.score,
    )


def _diagnose_watched(
    model: WatchedModel, run: RunData, snapshot: Snapshot, losses: tuple[float, float] | None
) -> list[Verdict]:
    """What is wrong with a watched run. Once its loss is no number, neither are its statistics: the last
    snapshot with numbers shows what led there."""
    diverged = run.status == "diverged" or run.loss.lost
    layers, step = snapshot.layers, snapshot.step
    if diverged:
        with_numbers = (
            past
            for past in reversed(run.history.snapshots)
            if np.isfinite(past.figures("gradient_norm")).any()
        )
        last = next(with_numbers, None)
        layers, step = (last.layers(), last.step) if last else (layers, step)
    return diagnosed(
        model,
        layers,
        step,
        losses=losses if losses and math.isfinite(losses[0]) else None,
        diverged=diverged,
        rate=run.rate,
        score=run.score,
    )
