"""One training step for batches of one size, its shards side by side or in turn."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tuiml.backends import fast
from tuiml.backends.calls import CallSequence
from tuiml.backends.forks import Forks, numbers, zeros
from tuiml.backends.passes import Pass
from tuiml.backends.team import Team, parted
from tuiml.backends.update import Change, Update
from tuiml.data.arrays import Part
from tuiml.nn.losses import OVERFLOW

if TYPE_CHECKING:
    from tuiml.backends.machine.whole_step import WholeStep

Array = np.ndarray[Any, Any]


class Step:
    """Forward, backward and update for one batch size.

    Args:
        passes: one for each shard of the batch, with gradients of its own.
        changes: one for each shard of the weights.
        part: the examples to train on.
    """

    def __init__(
        self, passes: Sequence[Pass], changes: Sequence[Change], update: Update, team: Team, part: Part
    ) -> None:
        self.passes = passes
        self._changes = changes
        self._update = update
        self._team = team
        self._part = part
        size = sum(run.size for run in passes)
        self._slices = [slice(*ends) for ends in parted(size, len(passes))]
        self._rows = zeros(size, np.int64)
        self._number = zeros(1, np.int64).data
        self._losses, self._hits, self._loss = numbers(len(passes)), numbers(len(passes)), numbers(1)
        self._phases = [self._gradients, self._sums_and_weights]
        self._copies: list[list[Array]] = []
        self._forks: Forks | None = None
        self._away = False
        """Whether the outputs of the last step are in the forks."""
        self.runs = 0
        """Steps done in shards."""
        one = len(passes) == 1 and not update.penalizer.limits
        self._program = _whole_step(passes[0], part, changes[0].plan) if one else None
        if not self._program:
            for steps in [*(s for p in passes for s in (p.forward, p.backward)), *(c.plan for c in changes)]:
                steps.prepare()
        if update.penalizer.limits:
            self._phases = [self._gradients, self._sums, self._judge, self._weights]

    @property
    def tally(self) -> float:
        """How many examples of the last batch were right; of numbers, their squared errors."""
        return sum(self._hits)

    def run(self, rows: Array, rate: float, number: int) -> float:
        """Train on the examples at ``rows``; ``number`` of steps were done before.

        Returns:
            The sum of their losses, infinite where there is no gradient to go by; no weight has changed
            unless it is below :data:`~tuiml.nn.losses.OVERFLOW`.
        """
        self._update.prepare(number + 1, rate)
        if self._program:
            self.passes[0].draw_noise(number)
            self._program.run(rows)
            self._loss[0], self._hits[0] = self.passes[0].total_loss(), self._program.hits
        elif len(self.passes) == 1:
            self._losses[0] = self._pass(0, rows, number)
            self._judge(0)
            self._weights(0)
        else:
            self._rows[...], self._number[0] = rows, number
            beside = self._team.run(len(self.passes), *self._phases, forks=self._forks)
            self._away = beside and self._forks is not None
            self.runs += 1
        if (loss := self._loss[0]) < OVERFLOW:
            self._update.shorten()
        return loss

    def fork(self) -> None:
        """Have forks do the shards side by side from now on, where the system grants them."""
        self._copies = [[zeros(a.shape, a.dtype) for a in run.outputs()] for run in self.passes[1:]]
        with contextlib.suppress(OSError, ImportError):
            self._forks = Forks(len(self.passes), [*self._phases, self._copy_outputs])

    def end_forks(self) -> None:
        """The forks end; threads do their work again."""
        if self._forks:
            self._forks.close()
        self._forks = None

    def fetch_outputs(self) -> None:
        """Have what the layers put out in the last step in this process."""
        if not self._away or not self._forks:
            return
        self._forks.run(len(self._phases))
        for run, copies in zip(self.passes[1:], self._copies, strict=True):
            _copy(copies, run.outputs())
        self._away = False

    def _copy_outputs(self, shard: int) -> None:
        if shard:
            _copy(self.passes[shard].outputs(), self._copies[shard - 1])

    def _gradients(self, shard: int) -> None:
        self._losses[shard] = self._pass(shard, self._rows[self._slices[shard]], self._number[0])

    def _sums(self, shard: int) -> None:
        self._changes[shard].add_up()

    def _judge(self, shard: int) -> None:
        if shard == 0:
            loss = sum(self._losses)
            self._loss[0] = loss if not loss < OVERFLOW or self._changes[0].limit() else math.inf

    def _weights(self, shard: int) -> None:
        if self._loss[0] < OVERFLOW:
            self._changes[shard].plan.run()

    def _sums_and_weights(self, shard: int) -> None:
        """Where nothing depends on the whole gradient: a thread need not wait for the others' sums."""
        loss = sum(self._losses)
        if shard == 0:
            self._loss[0] = loss
        if loss < OVERFLOW:
            self._sums(shard)
            self._changes[shard].plan.run()

    def _pass(self, shard: int, rows: Array, number: int) -> float:
        run = self.passes[shard]
        run.load(self._part, rows)
        run.draw_noise(number)
        run.forward.run()
        loss = run.total_loss()
        if loss < OVERFLOW:
            run.backward.run()
            self._hits[shard] = run.hits.count()
        return loss


def _copy(arrays: Sequence[Array], to: Sequence[Array]) -> None:
    for array, place in zip(arrays, to, strict=True):
        np.copyto(place, array)


def _whole_step(run: Pass, part: Part, update: CallSequence) -> WholeStep | None:
    """The step of a small network as one call, where it can be."""
    rows = np.zeros(run.size, np.int64)
    load = run.batches.calls(part, rows)
    if load is None or run.hits.compiled is None:
        return None
    forward, backward, change = ((phase.bound, phase.own) for phase in (run.forward, run.backward, update))
    return fast.whole_step(rows, load, (forward, backward, change), run.total, run.hits.compiled)
