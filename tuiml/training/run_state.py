"""The state of a run while it trains: its position, the settings in force, the best epoch, restore points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tuiml.backends.engine import Engine, Totals
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.nn.optimizers import optimizers
from tuiml.spec.preset import Preset, Training
from tuiml.training.budget import Budget
from tuiml.training.events import Intervention
from tuiml.training.interventions import BATCH_SIZE, OPTIMIZER, RATE, REWIND, SETTINGS, Change, in_force
from tuiml.training.restore_points import ROOM, RestorePoint, RestorePoints, Saved
from tuiml.training.running_clock import RunningClock
from tuiml.training.schedule_state import NONE, Position, ScheduleState

RESTORE_POINTS = 0.0025
"""Fraction of the time for restore points; those at a pause or before a change are made in any case."""


class RunState:
    """What changes while a run trains, apart from the engine's arrays.

    Args:
        position: where to continue; the engine must hold the state of that position.
        best: the engine's snapshot at the position's best epoch, if there is one.
        room: bytes for restore points; 0: none are made.
        clock: seconds, never going back; default: a :class:`RunningClock`.
    """

    def __init__(
        self,
        preset: Preset,
        network: Network,
        data: Data,
        engine: Engine,
        *,
        position: Position | None = None,
        best: Any = None,
        room: int = ROOM,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.preset, self.network, self.data, self.engine = preset, network, data, engine
        self.clock = clock or RunningClock()
        self._parts = len(data.train), len(data.validation) > 0
        where = position or Position(rate=preset.training.rate)
        self._apply(in_force(preset.training, where.changes))
        same = self.schedule.same_metric(where)
        self.position = self.schedule.take_up(where)
        self.best = Saved(best, self.position, self._bytes()) if same and best is not None else None
        """The best epoch so far, where the run may end with its weights."""
        self.rate = self.schedule.rate(self.position)
        """The learning rate of the last step, or of the next one after a change."""
        self.restore_points = RestorePoints(room)
        self._budget = Budget(RESTORE_POINTS, 0.0, self.clock, runs=5)
        self.seconds, self._examples = self.position.seconds, self.position.examples
        """Seconds of training, without evaluation and snapshots, and the examples trained on in them."""
        self._fallback = self._saved()
        """The last copy that was finite, used when training diverges."""
        self._fallen: Position | None = None
        self._unreported = NONE
        self._epoch_loss = math.nan
        """The loss of the last epoch, in validation where there is any."""
        self.failure = ""
        """Why the run diverged; empty if it did not."""

    def _apply(self, training: Training) -> None:
        self.training = training
        """The settings in force: the preset's with all changes since."""
        self.schedule = ScheduleState(training, *self._parts)

    # -- position -------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.schedule.steps(self.position)

    @property
    def engine_position(self) -> Position:
        """The position of the engine's state: the run's, unless it diverged and fell back."""
        return self._fallen or self.position

    @property
    def over(self) -> bool:
        """True if there is nothing more to train."""
        return self.schedule.over(self.position)

    @property
    def restores(self) -> bool:
        """True if the run will end with the weights of an epoch before the last."""
        return self.schedule.restores(self.position)

    @property
    def stopped_early(self) -> bool:
        """True if early stopping ended the run before its last epoch."""
        return self.over and self.position.epoch <= self.training.epochs and not self.failure

    @property
    def speed(self) -> float:
        """Training examples per second."""
        return self._examples / self.seconds if self.seconds > 0 else 0.0

    def use_rate(self, base: float, epoch: int, done: int) -> float:
        """The learning rate of a step after ``done`` examples of an epoch; it becomes :attr:`rate`."""
        self.rate = base * self.schedule.factor(epoch, done)
        return self.rate

    def advance(self, steps: int, done: int) -> None:
        """Move on by some steps, to ``done`` examples of the epoch."""
        where = self.position
        self._examples += done - where.done
        self.position = replace(where, batch=where.batch + steps, done=done, step=where.step + steps)

    def collect(self) -> Totals:
        """Add the totals of the batches since the last call to the epoch's; those since the last report."""
        fresh = self.engine.totals()
        self._unreported = self._unreported + fresh
        totals = self.position.totals + fresh
        self.position = replace(self.position, totals=totals, seconds=self.seconds, examples=self._examples)
        return self._unreported

    def take_report(self) -> Totals:
        """The totals since the last report, which are then reset."""
        totals, self._unreported = self.collect(), NONE
        return totals

    def close_epoch(self, held_out: Totals) -> None:
        """Go on to the next epoch, after the validation examples were evaluated."""
        where = self.position
        totals, epoch = where.totals, where.epoch
        where = replace(where, epoch=epoch + 1, batch=0, done=0, resized_at=0, totals=NONE)
        self.position, better = self.schedule.compare(where, totals, held_out)
        if better and self.schedule.keeps_best:
            self.best = self._saved()
        self._epoch_loss = (held_out if held_out.examples else totals).mean_loss
        if not math.isfinite(self._epoch_loss):  # the weights overflow, or soon will: none of these get out
            self.diverge("the validation loss was not finite", epoch)
        elif not self.over and (self.restore_points.at(where.step) or self._budget.due_now()):
            self.remember()

    def overlook_failure(self) -> None:
        """Go on after a validation that diverged with finite weights, as a run that was resumed did."""
        if self._fallen is None:
            self.failure = ""

    # -- copies of the state --------------------------------------------------------------------------

    def _bytes(self) -> int:
        """Size of the engine's state."""
        arrays = 1 + len(self.training.optimizer.state_names())
        return 4 * (self.network.size * arrays + self.network.buffer_size)

    def saved(self) -> Saved:
        """A copy of the state, the restore point's where there is one."""
        now = self.restore_points.at(self.position.step)
        if now and now.position == self.position:
            return Saved(now.state, now.position, now.size)
        return self._saved()

    def _saved(self) -> Saved:
        return Saved(self.engine.snapshot(), self.position, self._bytes())

    def keep_fallback(self) -> bool:
        """Keep a copy of the state if it is finite; returns whether it is."""
        finite = self.engine.finite()
        if finite:
            self._fallback = self._saved()
        return finite

    def remember(self) -> None:
        """Make a restore point, if there is room for any."""
        if not self.restore_points.room:
            return
        loss = self.position.totals.mean_loss if self.position.done else self._epoch_loss
        with self._budget:
            if not self.restore_points.has(self.position) and self.engine.finite():
                now = self._saved()
                self.restore_points.add(
                    RestorePoint(now.state, now.position, now.size, self.training, self.best, loss)
                )
                self._fallback = now

    def start_from(self, tensors: dict[str, Any]) -> None:
        """Before the first step: replace parameters, by their names on disk."""
        self.engine.load({**self.engine.state(), **tensors}, 0)
        self._fallback = self._saved()

    def restore_best(self) -> str:
        """Load the weights of the best epoch if the run ends with them; a note that says so, or empty."""
        if not self.restores or self.best is None:
            return ""
        self.engine.restore(self.best.state)
        return f"weights of epoch {self.position.best_epoch}"

    def diverge(self, what: str, epoch: int) -> None:
        """Mark the run as diverged and load finite weights."""
        behind = self.position.step - self.engine.step_number
        if not self.engine.finite():
            self.engine.restore(self._fallback.state)
            self._fallen = self._fallback.position
        elif behind:  # an engine that queues steps finds out late
            self._fallen = self.schedule.before(self.position, behind)
        self.failure = (
            f"{what} (epoch {epoch}, learning rate {self.rate:g}); "
            f"kept the weights of step {self.engine.step_number}"
        )

    # -- changes --------------------------------------------------------------------------------------

    def check_last_batch(self, changes: Sequence[Change]) -> None:
        """Refuse a batch size that leaves this epoch a last batch too small for a layer.

        Raises:
            ValueError: it does.
        """
        left = self.schedule.examples - self.position.done
        for change in changes:
            if change.what == BATCH_SIZE and left:
                last = left % change.value or change.value
                last = min(last, left)
                for node in self.network.nodes:
                    least = node.layer.least_batch(node.input_shape)
                    if last < least:
                        text = f"{node.layer.name} (layers[{node.index}]) needs {least} examples in a batch"
                        raise ValueError(f"{text}; the last batch of this epoch would have {last}")

    def change(self, change: Change) -> Intervention:
        """Change a setting from the next batch on."""
        if change.what == OPTIMIZER:
            self.engine.change(optimizers.read(change.value))
        if change.what == BATCH_SIZE:
            self.position = replace(self.position, resized_at=self.position.done)
        self._apply(in_force(self.training, [change]))
        if change.what == SETTINGS:
            if not self.schedule.same_metric(self.position):
                self.best = None
            self.position = self.schedule.take_up(self.position)
            if change.rate is not None:
                self.position = replace(self.position, rate=change.rate)
        if change.what == RATE:
            self.position = self.schedule.with_rate(self.position, float(change.value))
        self.rate = float(change.value) if change.what == RATE else self.schedule.rate(self.position)
        where = self.position
        self.position = replace(
            where,
            changes=_with(where.changes, change),
            interventions=where.interventions + 1,
            optimizer_start=self.engine.optimizer_start,
        )
        return self._intervention(change.what, change.value, where.step)

    def go_back(self, point: RestorePoint) -> Intervention:
        """Go back to a restore point."""
        self.collect()
        left, where = self.position, point.position
        self.engine.restore(point.state)
        self._apply(point.training)
        # Time is not turned back: how fast training is, and what it took, are still as they were.
        self.position = replace(
            where, seconds=left.seconds, examples=left.examples, interventions=left.interventions + 1
        )
        self.best, self._unreported = point.best, NONE
        self.rate = self.schedule.rate(self.position)
        self.restore_points.go_back(point)
        self._fallback = point
        return self._intervention(REWIND, where.step, left.step, where.interventions)

    def _intervention(self, what: str, value: Any, step: int, last: int = 0) -> Intervention:
        where = self.position
        return Intervention(
            number=where.interventions,
            step=step,
            epoch=where.epoch,
            what=what,
            value=value,
            epochs_done=self.schedule.epochs_done(where),
            steps=self.steps,
            batch_size=self.training.batch_size,
            learning_rate=self.rate,
            last_intervention=last,
        )


def _with(changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    """The changes and one more; of two rates before the same step the later one counts."""
    last = changes[-1] if changes else None
    if last and change.what == last.what == RATE and change.step == last.step:
        changes = changes[:-1]
    return *changes, change
