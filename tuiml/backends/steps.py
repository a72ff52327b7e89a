"""One training step for batches of one size, its shares side by side or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuiml.backends.passes import Pass
from tuiml.backends.plan import Plan
from tuiml.backends.team import Team, parted
from tuiml.backends.update import Update
from tuiml.data.arrays import Part
from tuiml.nn.losses import OVERFLOW
from tuiml.nn.network import Network

Array = np.ndarray[Any, Any]
WORTH_SHARING = 1e7
"""Multiplications and additions that a share must have: handing it over costs tens of microseconds."""
FEWEST = 16
"""Examples that a share must have: narrower matrix products are slow."""


def shares(network: Network, size: int, most: int) -> int:
    """How many shares a batch is split into: known before the run, since its bits depend on it."""
    if any(node.layer.mixes_examples for node in network.nodes):
        return 1
    work = 6 * size * sum(node.products for node in network.nodes)
    return max(1, min(most, size // FEWEST, int(work / WORTH_SHARING)))


class Step:
    """Forward, backward and update for one batch size.

    Args:
        passes: one for each share of the batch, with gradients of its own.
        plans: one for each share of the weights: adds the gradients up and updates.
        part: the examples to train on.
    """

    def __init__(
        self, passes: Sequence[Pass], plans: Sequence[Plan], update: Update, team: Team, part: Part
    ) -> None:
        self.passes = passes
        self._plans = plans
        self._update = update
        self._team = team
        self._part = part
        size = sum(run.size for run in passes)
        self._slices = [slice(*ends) for ends in parted(size, len(passes))]
        self._losses = [0.0] * len(passes)
        self._hits = [0] * len(passes)

    @property
    def correct(self) -> int:
        """How many examples of the last batch were right."""
        return sum(self._hits)

    def run(self, rows: Array, number: int, rate: float) -> float:
        """Train on the examples at ``rows``; ``number`` of steps were done before.

        Returns:
            The sum of their losses; no weight has changed unless it is below
            :data:`~tuiml.nn.losses.OVERFLOW`.
        """
        self._update.prepare(number + 1, rate)
        if len(self.passes) == 1:
            loss = self._pass(0, rows, number)
            if loss < OVERFLOW:
                self._plans[0].run()
            return loss
        self._rows, self._number = rows, number
        self._team.run(len(self.passes), self._gradients, self._weights)
        return sum(self._losses)

    def _gradients(self, share: int) -> None:
        self._losses[share] = self._pass(share, self._rows[self._slices[share]], self._number)

    def _weights(self, share: int) -> None:
        if sum(self._losses) < OVERFLOW:
            self._plans[share].run()

    def _pass(self, share: int, rows: Array, number: int) -> float:
        run = self.passes[share]
        run.load(self._part, rows)
        run.draw_noise(number)
        run.forward.run()
        loss = run.total_loss()
        if loss < OVERFLOW:
            run.backward.run()
            self._hits[share] = run.hits.count()
        return loss
