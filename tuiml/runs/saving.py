"""When a run's checkpoints are written, and which of them are kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tuiml.runs import checkpoints
from tuiml.runs.folder import INITIAL, RunFolder
from tuiml.training.budget import Budget
from tuiml.training.course import Position
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
        batches: int,
        details: Mapping[str, Any],
        sound: list[int] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._trainer = trainer
        self._batches = batches
        self._details = details
        self._sound = set(sound or ())
        self._budget = Budget(SHARE, INTERVAL, clock)
        self._budget.due_at = clock() + INTERVAL
        self._clock = clock
        self._saved: Position | None = None
        self._best: tuple[Any, Position] | None = None
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
            self._best = trainer.engine.snapshot(), trainer.position
        if trainer.over and trainer.restores:
            self.save()  # the last weights, to go on from: the run ends with others
        elif self._budget.due(self._clock()):
            with self._budget:
                self.save()

    def save(self, *, fell_back: bool = False) -> None:
        """Write the state as it is now, unless it is not finite or in the midst of a step, and the best one.

        Args:
            fell_back: the engine went back to an earlier step than the trainer's position.

        Raises:
            OSError: it could not be written; the checkpoints before are as they were.
        """
        engine = self._trainer.engine
        self._save_best()  # first: what the newest one says is best is then there
        position = checkpoints.position_at(self._trainer.position, engine.step_number, self._batches)
        whole = fell_back or position is self._trainer.position
        if whole and engine.finite() and position != self._saved:
            self._write(position)
            self._saved = position
        self._prune()
        self._folder.sync()

    def _save_best(self) -> None:
        if self._best is None:
            return
        engine, (snapshot, best) = self._trainer.engine, self._best
        now = engine.snapshot()
        engine.restore(snapshot)
        if engine.step_number not in self._sound:
            self._write(best)
            self._saved = best
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
        best = self._trainer.position.best_epoch * self._batches
        keep = {*sorted(self._sound)[-KEPT:], *({best} & self._sound)}
        for step in checkpoints.steps_in(self._folder.path):
            if step not in keep:
                checkpoints.path_of(self._folder.path, step).unlink(missing_ok=True)
        self._sound = keep
