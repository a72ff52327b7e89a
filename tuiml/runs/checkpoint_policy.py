"""When a run's checkpoints are written, and which of them are kept."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tuiml.runs import checkpoints
from tuiml.runs.folder import INITIAL, RunFolder, steps_in
from tuiml.training.budget import Budget
from tuiml.training.events import Epoch, Event, Intervention, Progress, State
from tuiml.training.interventions import RATE, REWIND
from tuiml.training.restore_points import Saved
from tuiml.training.schedule_state import Position
from tuiml.training.trainer import Trainer

SHARE = 0.01
"""Of the time at most spent on checkpoints while training."""
INTERVAL = 10.0
"""Seconds between two of them at least."""
KEPT = 2
"""The newest checkpoints that stay; the best one stays too."""


@dataclass(frozen=True)
class Kept:
    """A state that is to be saved later."""

    snapshot: Any
    position: Position
    recorded: int | None
    """Bytes of the metrics then."""


class Saver:
    """Writes the checkpoints of one run, from the thread that trains, between two events.

    What could not be written is kept in memory, and written by the next :meth:`save` that can.

    Args:
        details: what a checkpoint says beside its step and position: preset, versions, threads.
        sound: steps of checkpoints that are there already and were found sound.
        spared: steps of files that are not to be removed.
        every: seconds between two checkpoints, whatever they cost; else as :data:`INTERVAL` and
            :data:`SHARE` say.
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
        self._budget = Budget(SHARE if every is None else math.inf, interval, clock)
        self._budget.due_at = clock() + interval
        self._clock = clock
        self._saved: Position | None = None
        self._durable = True
        """Whether the newest file's name is sure to outlive a power cut."""
        self._initial: tuple[Mapping[str, Any], Position] | None = None
        self._best: Kept | None = None
        self._last: Kept | None = None

    @property
    def newest(self) -> int | None:
        """The step of the newest checkpoint on the disk; ``None`` where there is none."""
        return max(self._sound, default=None)

    def begin(self) -> None:
        """What training starts from is to be saved: parameters and buffers, no optimizer's."""
        self._initial = self._trainer.engine.tensors(), self._trainer.position

    def initial(self) -> None:
        """Write what :meth:`begin` kept.

        Raises:
            OSError: it could not be written.
        """
        if self._initial is not None:
            checkpoints.write(
                self._folder.path / INITIAL, self._initial[0], 0, self._initial[1], self._details
            )
            self._initial = None

    def due(self, event: Event) -> bool:
        """Whether the state is to be saved after an event. The best epoch's is kept in memory until then."""
        trainer = self._trainer
        if isinstance(event, Epoch):
            if self.is_best(event) and trainer.engine.finite():
                self._best = self._kept(trainer.saved())
            if trainer.over and trainer.restores:
                return True  # the last weights, to go on from: the run ends with others
        if isinstance(event, Intervention):
            if event.what == REWIND:
                self._go_back()
            return event.what != RATE  # of these there may be many in a second
        told = isinstance(event, Epoch | Progress | State)  # the position counts every batch before these
        return told and self._budget.due(self._clock())

    def is_best(self, event: Epoch) -> bool:
        """Whether that epoch is the best so far."""
        return self._trainer.position.best_epoch == event.epoch

    def _kept(self, saved: Saved) -> Kept:
        return Kept(saved.state, saved.position, self._folder.recorded)

    def _go_back(self) -> None:
        """The run went back: files of later steps are of no use any more, once there is one of this step."""
        trainer = self._trainer
        self._sound = {step for step in self._sound if step <= trainer.position.step}
        self._best = self._last = None
        best = trainer.moments.at(trainer.position.best_step)
        if best is not None and best.position.step not in self._sound:
            self._best = Kept(best.state, best.position, None)

    def save(self) -> None:
        """Write what is not written: the initial values, the best state and the one that is now.

        The latter not where it is not finite or in the midst of a step. Lines before the weights: a
        checkpoint's metrics are there, too.

        Raises:
            OSError: something could not be written; the checkpoints before are as they were.
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
            if self._trainer.over and self._trainer.restores and self._is_whole():
                self._last = self._kept(self._trainer.saved())  # the engine goes back to the best ones now
            raise
        if lines:
            raise lines

    def _is_whole(self) -> bool:
        """Whether the engine is where the position says: not in the midst of a step, nor fallen back."""
        return self._trainer.engine.step_number == self._trainer.position.step

    def _save(self) -> None:
        engine = self._trainer.engine
        self.initial()
        self._write_kept(self._best)  # first: what the newest one says is best is then there
        self._write_kept(self._last)
        self._best = self._last = None
        position = self._trainer.standing
        if engine.finite() and engine.step_number == position.step and position != self._saved:
            self._write(position, self._folder.recorded if self._is_whole() else None)
        if self._durable:
            self._prune()

    def _write_kept(self, kept: Kept | None) -> None:
        """Write a state that is not the engine's now."""
        engine = self._trainer.engine
        if kept is None:
            return
        now = engine.snapshot()
        engine.restore(kept.snapshot)
        try:
            if engine.step_number not in self._sound:
                self._write(kept.position, kept.recorded)
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
        """Remove what is neither among the newest nor the best; what was found damaged goes too."""
        best = self._trainer.position.best_step
        keep = {*sorted(self._sound)[-KEPT:], *({best} & self._sound)}
        with contextlib.suppress(OSError):  # it is tried again after the next one
            for step in steps_in(self._folder.path):
                newer = sum(other > step for other in keep)
                unread = step not in self._sound and 0 < newer < KEPT  # of a session before: it may be sound
                if step not in keep | self._spared and not unread:
                    checkpoints.path_of(self._folder.path, step).unlink(missing_ok=True)
        self._sound = keep
