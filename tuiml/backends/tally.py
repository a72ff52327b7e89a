"""From what an engine sums up over examples to :class:`~tuiml.backends.engine.Totals`.

Classification counts hits. Regression adds up squared errors and divides them by those of always guessing
the part's mean: 1 minus their mean is R², whatever the loss and the units of the targets.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import fast
from tuiml.backends.engine import Totals
from tuiml.data.arrays import Data, Part

Array = np.ndarray[Any, Any]


class Tally:
    """Makes totals for one set of data."""

    def __init__(self, data: Data) -> None:
        self._numbers = data.target == "regression"
        self._spreads: dict[int, tuple[Part, float]] = {}

    def totals(self, part: Part, loss: float, found: float, examples: int) -> Totals:
        """Of ``examples`` of ``part``, the sum of their losses, and their hits or squared errors."""
        if not self._numbers:
            return Totals(loss, int(found), examples)
        return Totals(loss, 0, examples, found / self._spread(part) if examples else 0.0)

    def _spread(self, part: Part) -> float:
        """The mean squared error of an example of always guessing the mean; NaN where all are equal."""
        if id(part) not in self._spreads:
            spread = float(part.labels.astype(np.float64).var(axis=0).sum())
            self._spreads[id(part)] = part, spread or float("nan")
        return self._spreads[id(part)][1]


class Errors:
    """The sum of a batch's squared errors, as :class:`~tuiml.backends.batches.Hits` counts hits."""

    def __init__(self, output: Array, targets: Array) -> None:
        self.compiled = fast.counter(output, targets)
        difference = np.empty(output.shape, np.float32)
        self._minus = partial(np.subtract, output, targets, difference)
        self._squares = partial(np.dot, difference.reshape(-1), difference.reshape(-1))

    def count(self) -> float:
        """Of the batch in hand."""
        if self.compiled:
            return float(self.compiled.count())
        self._minus()
        return float(self._squares())
