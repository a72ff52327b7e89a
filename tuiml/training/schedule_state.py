"""The schedule of a run: the learning rate of each step, which epoch is best, and when the run is over.

It is a function of the preset and the position, so a resumed run follows the same schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tuiml.backends.engine import Totals
from tuiml.spec.preset import Training, batches_of
from tuiml.spec.stopping import badness
from tuiml.training.interventions import Change

NONE = Totals(0.0, 0, 0)
UNKNOWN = -1


def order_of(seed: int, epoch: int, examples: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The training examples in the order of an epoch: a function of the seed alone."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x0E, epoch]))
    return rng.permutation(examples)


@dataclass(frozen=True)
class Position:
    """Where a run stands: with the engine's state, all that a resumed run needs to reach the same bits."""

    epoch: int = 1
    """The current epoch, from 1."""
    batch: int = 0
    """Batches of it that are done, whatever their size."""
    rate: float = 0.0
    """The learning rate that the schedule multiplies."""
    totals: Totals = NONE
    """Of those batches."""
    seconds: float = 0.0
    examples: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    """The best epoch's :func:`~tuiml.spec.stopping.badness`: its loss, or minus its accuracy."""
    metric: str = ""
    """The metric that decides which epoch is best; empty if unknown."""
    improved_epoch: int = 0
    """The last epoch that improved by as much as early stopping requires."""
    improved_loss: float = math.inf
    step: int = UNKNOWN
    """Steps done in all. Files of tuiml 0.1 lack it and what follows; see :meth:`ScheduleState.complete`."""
    done: int = UNKNOWN
    """Examples of the epoch that are done."""
    resized_at: int = 0
    """How many of them were done when the batch size last changed."""
    best_step: int = UNKNOWN
    """Steps done when the best epoch ended."""
    optimizer_start: int = 0
    """The step after which the optimizer's arrays were all 0."""
    changes: tuple[Change, ...] = ()
    """The manual changes that are in force here."""
    interventions: int = 0
    """The number of interventions so far, undone ones and rewinds included."""
    plateau_loss: float = math.inf
    """The loss that a later one has to undercut, of a schedule that reduces the rate on a plateau."""
    plateau_epochs: int = 0
    """Epochs since it."""


class ScheduleState:
    """The steps and epochs of a run with these settings.

    Args:
        examples: number of training examples.
        held_out: True if there are validation examples.
    """

    def __init__(self, training: Training, examples: int, held_out: bool) -> None:
        self._training = training
        self._rule = training.early_stopping
        self._metric = self._rule.metric(held_out)
        self.batch_size = training.batch_size
        self.examples = examples
        self.batches = batches_of(examples, training.batch_size)
        """Batches of an epoch with this batch size."""
        self._steps = training.epochs * self.batches

    # -- steps ----------------------------------------------------------------------------------------

    def steps(self, where: Position) -> int:
        """Steps of the whole run, from its beginning to its end."""
        if where.epoch > self._training.epochs:
            return where.step
        left = batches_of(self.examples - where.done, self.batch_size)
        return where.step + left + (self._training.epochs - where.epoch) * self.batches

    def left(self, where: Position) -> int:
        """Examples still to be trained on, counted once for each epoch."""
        return max(0, self._training.epochs - where.epoch + 1) * self.examples - where.done

    def last_batch(self, where: Position) -> int:
        """Examples of the epoch that are done when its last batch begins."""
        size, first = self.batch_size, where.resized_at
        return first + (self.examples - first - 1) // size * size

    def epochs_done(self, where: Position) -> float:
        """Epochs that are done, with the finished fraction of the current one."""
        return where.epoch - 1 + where.done / self.examples

    def before(self, where: Position, steps: int) -> Position:
        """The position some steps earlier, without totals."""
        if steps <= 0:
            return where
        epoch, resized_at = where.epoch, where.resized_at
        batch = batches_of(where.done - resized_at, self.batch_size) - steps
        while batch < 0 and epoch > 1:
            epoch, resized_at, batch = epoch - 1, 0, batch + self.batches
        done = min(self.examples, resized_at + max(0, batch) * self.batch_size)
        batches = where.batch - steps if epoch == where.epoch else max(0, batch)
        return replace(
            where,
            epoch=epoch,
            batch=batches,
            done=done,
            resized_at=resized_at,
            step=where.step - steps,
            totals=NONE,
        )

    # -- the learning rate ----------------------------------------------------------------------------

    def factor(self, epoch: int, done: int) -> float:
        """The schedule's factor of the learning rate after ``done`` examples of an epoch (from 1).

        Schedules count steps as if all batches had the present size. So an epoch, or half of one, means the
        same for any size, and if the size never changes these are the steps of the run.
        """
        batch: float = done // self.batch_size
        if done % self.batch_size:
            batch = done / self.batch_size if done < self.examples else self.batches
        step = min((epoch - 1) * self.batches + batch, self._steps - 1)
        return self._training.schedule.multiplier(step, self._steps, self.batches)

    def rate(self, where: Position) -> float:
        """The learning rate of the next step."""
        return where.rate * self.factor(where.epoch, where.done)

    def with_rate(self, where: Position, rate: float) -> Position:
        """Make ``rate`` the rate of the next step; the schedule continues in proportion."""
        factor = self.factor(where.epoch, where.done)
        return replace(where, rate=rate / factor if factor > 1e-9 else rate)

    # -- the best epoch, and the end ------------------------------------------------------------------

    def same_metric(self, where: Position) -> bool:
        """True if the best epoch so far was chosen by the metric that is in force now."""
        return where.metric in ("", self._metric)

    def take_up(self, where: Position) -> Position:
        """A position to continue from, without a best epoch if that was chosen by another metric."""
        same, where = self.same_metric(where), replace(self.complete(where), metric=self._metric)
        if same:
            return where
        return replace(
            where,
            best_epoch=0,
            best_step=0,
            best_loss=math.inf,
            improved_epoch=where.epoch - 1,
            improved_loss=math.inf,
        )

    def complete(self, where: Position) -> Position:
        """A position with the fields that files of tuiml 0.1 lack: all batches had the same size then."""
        if where.step != UNKNOWN:
            return where
        return replace(
            where,
            step=(where.epoch - 1) * self.batches + where.batch,
            done=min(where.batch * self.batch_size, self.examples),
            best_step=where.best_epoch * self.batches,
        )

    def compare(self, where: Position, trained: Totals, held_out: Totals) -> tuple[Position, bool]:
        """Compare a finished epoch with the best one; the new position, and whether it is the best so far.

        The position has the rate that the schedule goes on with.
        """
        epoch = where.epoch - 1
        figures = {
            "train_loss": trained.mean_loss,
            "val_loss": held_out.mean_loss,
            "val_accuracy": held_out.accuracy,
        }
        where = self._react(where, held_out if held_out.examples else trained)
        loss = badness(self._metric, figures[self._metric])
        if loss < where.improved_loss - self._rule.gain():
            where = replace(where, improved_epoch=epoch, improved_loss=loss)
        if loss < where.best_loss:
            return replace(where, best_epoch=epoch, best_step=where.step, best_loss=loss), True
        return where, False

    def _react(self, where: Position, totals: Totals) -> Position:
        """The position with the rate that the schedule goes on with after an epoch of these totals."""
        seen = where.plateau_loss, where.plateau_epochs
        rate, loss, epochs = self._training.schedule.after_epoch(where.rate, totals.mean_loss, *seen)
        return replace(where, rate=rate, plateau_loss=loss, plateau_epochs=epochs)

    @staticmethod
    def waited(where: Position) -> int:
        """Epochs since the last one that improved enough."""
        return where.epoch - 1 - where.improved_epoch

    def why_early(self, where: Position) -> str:
        """Why early stopping ended the run, in one line."""
        waited = self.waited(where)
        return f"no better {where.metric} for {waited} epoch{'' if waited == 1 else 's'}"

    def over(self, where: Position) -> bool:
        """True if all epochs are done, or none improved for too long."""
        patience = self._rule.wait()
        tired = patience is not None and self.waited(where) >= patience
        return tired or where.epoch > self._training.epochs

    @property
    def keeps_best(self) -> bool:
        """True if a run may end with the weights of an epoch before the last."""
        return self._rule.restores()

    def restores(self, where: Position) -> bool:
        """True if the run, ended here, ends with the weights of an epoch before the last."""
        return self.keeps_best and 0 < where.best_epoch < where.epoch - 1
