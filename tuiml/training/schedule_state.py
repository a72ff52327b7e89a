"""The course of a run: the learning rate of each step, which epoch is best, and when it is over.

Worked out from the preset and from where the run stands, so a run that goes on takes the same course.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tuiml.backends.engine import Totals
from tuiml.spec.preset import Training
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
    """Where a run stands: enough, with the engine's state, to go on as if it had never stopped."""

    epoch: int = 1
    """The epoch in hand, from 1."""
    batch: int = 0
    """Batches of it that are done, of whatever size."""
    rate: float = 0.0
    """The learning rate that the schedule multiplies."""
    totals: Totals = NONE
    """Of those batches."""
    seconds: float = 0.0
    examples: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    """The best epoch's :func:`~tuiml.spec.stopping.badness`: its loss, or less its accuracy."""
    watched: str = ""
    """The figure that says so; empty where it is not known."""
    gained_epoch: int = 0
    """The last epoch that was better by as much as early stopping wants."""
    gained_loss: float = math.inf
    step: int = UNKNOWN
    """Steps done in all. Files of tuiml 0.1 lack it and what follows; see :meth:`ScheduleState.complete`."""
    done: int = UNKNOWN
    """Examples of the epoch that are done."""
    since: int = 0
    """How many of them were done when the batch size became what it is."""
    best_step: int = UNKNOWN
    """Steps done when the best epoch ended."""
    born: int = 0
    """The step after which the optimizer's arrays were all 0."""
    changes: tuple[Change, ...] = ()
    """What was changed by hand on the way here."""
    interventions: int = 0
    """How often something was changed by hand so far, what was taken back and the rewinds included."""


class ScheduleState:
    """What the preset says of a run's steps and epochs.

    Args:
        examples: to train on.
        held_out: whether there are validation examples.
    """

    def __init__(self, training: Training, examples: int, held_out: bool) -> None:
        self._training = training
        self._rule = training.early_stopping
        self._watched = self._rule.watched(held_out)
        self.size = training.batch_size
        self.examples = examples
        self.batches = -(-examples // training.batch_size)
        """Of an epoch whose batches are all of that size."""
        self._steps = training.epochs * self.batches

    # -- steps ----------------------------------------------------------------------------------------

    def steps(self, where: Position) -> int:
        """Steps of the whole run, from its beginning to its end."""
        if where.epoch > self._training.epochs:
            return where.step
        left = -(-(self.examples - where.done) // self.size)
        return where.step + left + (self._training.epochs - where.epoch) * self.batches

    def left(self, where: Position) -> int:
        """Examples that are still to be trained on, each as often as it is."""
        return max(0, self._training.epochs - where.epoch + 1) * self.examples - where.done

    def last_batch(self, where: Position) -> int:
        """Examples of the epoch that are done when its last batch begins."""
        return where.since + (self.examples - where.since - 1) // self.size * self.size

    def epochs_done(self, where: Position) -> float:
        """Epochs that are done, the one in hand as the part of it that is."""
        return where.epoch - 1 + where.done / self.examples

    def before(self, where: Position, steps: int) -> Position:
        """The position some steps earlier, of which nothing else is known."""
        if steps <= 0:
            return where
        epoch, since = where.epoch, where.since
        batch = -(-(where.done - since) // self.size) - steps
        while batch < 0 and epoch > 1:
            epoch, since, batch = epoch - 1, 0, batch + self.batches
        done = min(self.examples, since + max(0, batch) * self.size)
        batches = where.batch - steps if epoch == where.epoch else max(0, batch)
        step = where.step - steps
        return replace(where, epoch=epoch, batch=batches, done=done, since=since, step=step, totals=NONE)

    # -- the learning rate ----------------------------------------------------------------------------

    def factor(self, epoch: int, done: int) -> float:
        """What the schedule multiplies the learning rate by, after ``done`` examples of an epoch (from 1).

        Schedules count steps as if all were of the batch size in use: what they make of an epoch or its half
        is then the same whatever the size, and with one size throughout these are the run's own steps.
        """
        batch: float = done // self.size
        if done % self.size:
            batch = done / self.size if done < self.examples else self.batches
        step = min((epoch - 1) * self.batches + batch, self._steps - 1)
        return self._training.schedule.factor(step, self._steps, self.batches)

    def rate(self, where: Position) -> float:
        """The learning rate of the next step."""
        return where.rate * self.factor(where.epoch, where.done)

    def with_rate(self, where: Position, rate: float) -> Position:
        """Make ``rate`` that of the next step; the schedule goes on from there in proportion."""
        factor = self.factor(where.epoch, where.done)
        return replace(where, rate=rate / factor if factor > 1e-9 else rate)

    # -- the best epoch, and the end ------------------------------------------------------------------

    def same_figure(self, where: Position) -> bool:
        """Whether what was best so far was so by the figure that is watched now."""
        return where.watched in ("", self._watched)

    def take_up(self, where: Position) -> Position:
        """A position to go on from: nothing was best yet if another figure was watched until now."""
        where = self.complete(where)
        if self.same_figure(where):
            return replace(where, watched=self._watched)
        return replace(
            where,
            watched=self._watched,
            best_epoch=0,
            best_step=0,
            best_loss=math.inf,
            gained_epoch=where.epoch - 1,
            gained_loss=math.inf,
        )

    def complete(self, where: Position) -> Position:
        """A position with what it does not say in the files of tuiml 0.1: all batches were of one size."""
        if where.step != UNKNOWN:
            return where
        return replace(
            where,
            step=(where.epoch - 1) * self.batches + where.batch,
            done=min(where.batch * self.size, self.examples),
            best_step=where.best_epoch * self.batches,
        )

    def judge(self, where: Position, trained: Totals, held_out: Totals) -> tuple[Position, bool]:
        """After an epoch: the position, and whether that epoch is the best one so far."""
        epoch = where.epoch - 1
        figures = {
            "train_loss": trained.mean_loss,
            "val_loss": held_out.mean_loss,
            "val_accuracy": held_out.accuracy,
        }
        judged = badness(self._watched, figures[self._watched])
        if judged < where.gained_loss - self._rule.gain():
            where = replace(where, gained_epoch=epoch, gained_loss=judged)
        if judged < where.best_loss:
            return replace(where, best_epoch=epoch, best_step=where.step, best_loss=judged), True
        return where, False

    @staticmethod
    def waited(where: Position) -> int:
        """Epochs since the last one that was enough better."""
        return where.epoch - 1 - where.gained_epoch

    def over(self, where: Position) -> bool:
        """Whether there is nothing more to train: all epochs are done, or none got better for too long."""
        patience = self._rule.wait()
        tired = patience is not None and self.waited(where) >= patience
        return tired or where.epoch > self._training.epochs

    @property
    def keeps_best(self) -> bool:
        """Whether a run may end with the weights of an epoch before the last."""
        return self._rule.restores()

    def restores(self, where: Position) -> bool:
        """Whether the run, ended here, ends with the weights of an epoch before the last."""
        return self.keeps_best and 0 < where.best_epoch < where.epoch - 1
