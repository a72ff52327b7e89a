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

NONE = Totals(0.0, 0, 0)


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
    """Batches of it that are done."""
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


class Course:
    """What the preset says of a run's steps and epochs.

    Args:
        examples: to train on.
        held_out: whether there are validation examples.
    """

    def __init__(self, training: Training, examples: int, held_out: bool) -> None:
        self._training = training
        self._rule = training.early_stopping
        self._watched = self._rule.watched(held_out)
        self.batches = -(-examples // training.batch_size)
        """Of an epoch."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._training.epochs * self.batches

    # -- the learning rate ----------------------------------------------------------------------------

    def factor(self, epoch: int, batch: int) -> float:
        """What the schedule multiplies the learning rate by, at a batch (from 0) of an epoch (from 1)."""
        step = min((epoch - 1) * self.batches + batch, self.steps - 1)
        return self._training.schedule.factor(step, self.steps, self.batches)

    def rate(self, where: Position) -> float:
        """The learning rate of the next step."""
        return where.rate * self.factor(where.epoch, where.batch)

    def with_rate(self, where: Position, rate: float) -> Position:
        """Make ``rate`` that of the next step; the schedule goes on from there in proportion."""
        factor = self.factor(where.epoch, where.batch)
        return replace(where, rate=rate / factor if factor > 1e-9 else rate)

    # -- the best epoch, and the end ------------------------------------------------------------------

    def same_figure(self, where: Position) -> bool:
        """Whether what was best so far was so by the figure that is watched now."""
        return where.watched in ("", self._watched)

    def take_up(self, where: Position) -> Position:
        """A position to go on from: nothing was best yet if another figure was watched until now."""
        if self.same_figure(where):
            return replace(where, watched=self._watched)
        return replace(
            where,
            watched=self._watched,
            best_epoch=0,
            best_loss=math.inf,
            gained_epoch=where.epoch - 1,
            gained_loss=math.inf,
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
            return replace(where, best_epoch=epoch, best_loss=judged), True
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
