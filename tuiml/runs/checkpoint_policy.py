"""Decides when checkpoints of a run are written and which of them are removed, and does both."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tuiml.files import sync_folder
from tuiml.runs import checkpoints
from tuiml.runs.folder import INITIAL, RunFolder, steps_in
from tuiml.training.budget import Budget
from tuiml.training.events import Epoch, Event, Intervention, Progress, State
from tuiml.training.interventions import RATE, REWIND
from tuiml.training.restore_points import Saved
from tuiml.training.schedule_state import Position
from tuiml.training.trainer import Trainer

FRACTION = 0.01
"""Fraction of the training time for checkpoints."""
INTERVAL = 10.0
"""Seconds between two checkpoints, at least."""
KEPT = 2
"""How many of the newest checkpoints stay; the best one stays too."""


@dataclass(frozen=True)
class PendingState:
    """A state to be saved later."""

    snapshot: Any
    position: Position
    recorded: int | None
    """Bytes of the metrics at that time."""


class Saver:
    """Writes the checkpoints of one run, in the thread that trains, between two events.

    A state that could not be written stays in memory until the next :meth:`save` that succeeds.

    Args:
        details: of a checkpoint, besides step and position: preset, versions, threads.
        sound: steps of existing checkpoints that were found sound.
        spared: steps of files that must not be removed.
        every: seconds between two checkpoints, whatever they cost; default: by :data:`INTERVAL` and
            :data:`FRACTION`.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        details: Mapping[str, Any],
        sound: Collection[int] = (),
        *,
        spared: Collection[int] = (),
        every: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._trainer = trainer
        self._details = details
        self._sound = set(sound)
        self._spared = set(spared)
        interval = INTERVAL if every is None else every
        self._budget = Budget(FRACTION if every is None else math.inf, interval, clock)
        self._budget.due_at = clock() + interval
        self._clock = clock
        self._saved: Position | None = None
        self._durable = True
        """True if the newest file is sure to survive a power cut."""
        self._initial: tuple[Mapping[str, Any], Position] | None = None
        self._best: PendingState | None = None
        self._last: PendingState | None = None

    @property
    def newest(self) -> int | None:
        """The step of the newest checkpoint on the disk; ``None`` where there is none."""
        return None if self._folder.lost else max(self._sound, default=None)

    def keep_initial(self) -> None:
        """Keep the initial parameters and buffers in memory, to be saved."""
        self._initial = self._trainer.engine.tensors(), self._trainer.state.position

    def write_initial(self) -> None:
        """Write the initial values, if :meth:`keep_initial` was called and they are not written yet.

        Raises:
            OSError: it could not be written.
        """
        if self._initial is not None:
            checkpoints.write(
                self._folder.path / INITIAL, self._initial[0], 0, self._initial[1], self._details
            )
            self._initial = None

    def due(self, event: Event) -> bool:
        """True if the state should be saved after an event. Until then the best epoch's stays in memory."""
        trainer = self._trainer
        if isinstance(event, Epoch):
            if self.is_best(event) and trainer.engine.finite():
                self._best = self._pending(trainer.state.saved())
            if trainer.state.over and trainer.state.restores:
                return True  # the last weights, to resume from: the run ends with others
        if isinstance(event, Intervention):
            if event.what == REWIND:
                self._go_back()
            return event.what != RATE  # there may be many of these in a second
        counted = isinstance(event, Epoch | Progress | State)  # the position has all batches before these
        return counted and self._budget.due(self._clock())

    def is_best(self, event: Epoch) -> bool:
        """True if that epoch is the best so far."""
        return self._trainer.state.position.best_epoch == event.epoch

    def _pending(self, saved: Saved) -> PendingState:
        return PendingState(saved.state, saved.position, self._folder.recorded)

    def _go_back(self) -> None:
        """The run went back: files of later steps are useless once there is one of this step."""
        trainer = self._trainer
        self._sound = {step for step in self._sound if step <= trainer.state.position.step}
        self._best = self._last = None
        best = trainer.state.restore_points.at(trainer.state.position.best_step)
        if best is not None and best.position.step not in self._sound:
            self._best = PendingState(best.state, best.position, None)

    def save(self) -> None:
        """Write what is not written yet: the initial values, the best state and the present one.

        The present one is left out if it is not finite or in the middle of a step. Metrics come first, so
        that those of a checkpoint are always there.

        Raises:
            OSError: something could not be written; earlier checkpoints are as they were.
        """
        lines: OSError | None = None
        try:
            self._folder.sync()
        except OSError as error:  # the weights may be saved all the same, and matter more
            lines = error
        try:
            with self._budget:
                self._save()
        except OSError:
            if self._trainer.state.over and self._trainer.state.restores and self._is_complete():
                self._last = self._pending(
                    self._trainer.state.saved()
                )  # the engine goes back to the best ones now
            raise
        if lines:
            raise lines

    def _is_complete(self) -> bool:
        """True if the engine is at the run's position: not in the middle of a step, and not fallen back."""
        return self._trainer.engine.step_number == self._trainer.state.position.step

    def _save(self) -> None:
        engine = self._trainer.engine
        self._folder.locate()
        self.write_initial()
        self._write_pending(self._best)  # first: what the newest one says is best is then there
        self._write_pending(self._last)
        self._best = self._last = None
        position = self._trainer.state.engine_position
        if engine.finite() and engine.step_number == position.step and position != self._saved:
            self._write(position, self._folder.recorded if self._is_complete() else None)
        if not self._durable:  # ask once more
            sync_folder(self._folder.path)
            self._durable = True
        self._prune()

    def _write_pending(self, pending: PendingState | None) -> None:
        """Write a state that is not the engine's present one."""
        engine = self._trainer.engine
        if pending is None:
            return
        now = engine.snapshot()
        engine.restore(pending.snapshot)
        try:
            if engine.step_number not in self._sound:
                self._write(pending.position, pending.recorded)
        finally:
            engine.restore(now)

    def _write(self, position: Position, recorded: int | None) -> None:
        engine = self._trainer.engine
        step = engine.step_number
        path = checkpoints.path_of(self._folder.path, step)
        details = {**self._details, "metrics": recorded}
        self._durable = checkpoints.write(path, engine.state(), step, position, details)
        self._sound.add(step)
        self._spared.discard(step)
        self._saved = position

    def _prune(self) -> None:
        """Remove files that are neither among the newest nor the best, and those found damaged."""
        best = self._trainer.state.position.best_step
        keep = {*sorted(self._sound)[-KEPT:], *({best} & self._sound)}
        with contextlib.suppress(OSError):  # tried again after the next one
            for step in steps_in(self._folder.path):
                newer = sum(other > step for other in keep)
                unread = (
                    step not in self._sound and 0 < newer < KEPT
                )  # from an earlier session: it may be sound
                if step not in keep | self._spared and not unread:
                    checkpoints.path_of(self._folder.path, step).unlink(missing_ok=True)
        self._sound = keep
