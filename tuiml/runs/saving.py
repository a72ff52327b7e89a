"""When a run's checkpoints are written, and which of them are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tuiml.runs import checkpoints
from tuiml.runs.folder import INITIAL, RunFolder
from tuiml.training.budget import Budget
from tuiml.training.changes import RATE, REWIND
from tuiml.training.course import Position
from tuiml.training.moments import Saved
from tuiml.training.trainer import Trainer

SHARE = 0.01
"""Of the time at most spent on checkpoints while training."""
INTERVAL = 10.0
"""Seconds between two of them at least."""
KEPT = 2
"""The newest checkpoints that stay; the best one stays too."""


class Saver:
    """Writes the checkpoints of one run, from the thread that trains, between two events.

    Args:
        details: what a checkpoint says beside its step and position: preset, versions, threads.
        sound: steps of checkpoints that are there already and were found sound.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        details: Mapping[str, Any],
        sound: list[int] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._trainer = trainer
        self._details = details
        self._sound = set(sound or ())
        self._budget = Budget(SHARE, INTERVAL, clock)
        self._budget.due_at = clock() + INTERVAL
        self._clock = clock
        self._saved: Position | None = None
        self._best: Saved | None = None
        """State in memory and position of the best epoch, where no file has them yet."""

    def initial(self) -> None:
        """Write the values that training starts from: parameters and buffers, no optimizer's.

        Raises:
            OSError: it could not be written.
        """
        trainer = self._trainer
        path = self._folder.path / INITIAL
        checkpoints.write(path, trainer.engine.tensors(), 0, trainer.position, self._details)

    def epoch(self, number: int) -> None:
        """An epoch is done: remember it if it is the best, write what is due.

        Raises:
            OSError: it could not be written.
        """
        trainer = self._trainer
        if trainer.position.best_epoch == number and trainer.engine.finite():
            self._best = trainer.saved()
        if trainer.over and trainer.restores:
            self.save()  # the last weights, to go on from: the run ends with others
        elif self._budget.due(self._clock()):
            with self._budget:
                self.save()

    def changed(self, what: str) -> None:
        """Something was changed by hand, or the run went back: what was done so far is to be gone on from.

        Raises:
            OSError: it could not be written.
        """
        trainer, step = self._trainer, self._trainer.position.step
        if what == REWIND:
            # Files of later steps are of no use any more; they go once there is a newer one, of this step.
            self._sound = {other for other in self._sound if other <= step}
            best = trainer.position.best_step
            self._best = trainer.moments.at(best) if best not in self._sound else None
        if what != RATE:  # of these there may be many in a second
            self.save()

    def save(self) -> None:
        """Write the state as it is now, unless it is not finite or in the midst of a step, and the best one.

        Raises:
            OSError: it could not be written; the checkpoints before are as they were.
        """
        engine = self._trainer.engine
        self._save_best()  # first: what the newest one says is best is then there
        position = self._trainer.standing
        if engine.finite() and engine.step_number == position.step and position != self._saved:
            self._write(position)
            self._saved = position
        self._prune()
        self._folder.sync()

    def _save_best(self) -> None:
        if self._best is None:
            return
        engine, best = self._trainer.engine, self._best
        if best.position.step not in self._sound:
            now = engine.snapshot()
            engine.restore(best.state)
            self._write(best.position)
            self._saved = best.position
            engine.restore(now)
        self._best = None

    def _write(self, position: Position) -> None:
        engine = self._trainer.engine
        step = engine.step_number
        path = checkpoints.path_of(self._folder.path, step)
        checkpoints.write(path, engine.state(), step, position, self._details)
        self._sound.add(step)

    def _prune(self) -> None:
        """Remove what is neither among the newest nor the best; what was found damaged goes too."""
        best = self._trainer.position.best_step
        keep = {*sorted(self._sound)[-KEPT:], *({best} & self._sound)}
        for step in checkpoints.steps_in(self._folder.path):
            if step not in keep:
                checkpoints.path_of(self._folder.path, step).unlink(missing_ok=True)
        self._sound = keep
