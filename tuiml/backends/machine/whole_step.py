"""A whole training step as one program, for networks whose every product is small.

What is left to Python is the numbers of the step: which examples, the learning rate, the keys of the noise.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tuiml.backends.machine.counting import Counting, Squares
from tuiml.backends.machine.programs import Guard, Life, Program
from tuiml.backends.machine.reading import Array, address, read
from tuiml.backends.passes import Pass
from tuiml.backends.plan import Steps
from tuiml.data.arrays import Part


class Whole:
    """Takes the examples, goes forward, and where the loss can be gone by, backward, and changes the weights.

    Args:
        rows: where the program finds which examples to take.
        hits: where it leaves how many of them were right.
    """

    def __init__(self, program: Program, rows: Array, hits: Counting | Squares) -> None:
        self._run, self._rows, self._hits = program, rows, hits

    def run(self, rows: Array) -> None:
        """One step on the examples at ``rows``."""
        self._rows[...] = rows
        self._run()

    @property
    def hits(self) -> float:
        """Of the last step that had a loss to go by."""
        return float(self._hits.found[0])


def whole_step(run: Pass, part: Part, update: Steps) -> Whole | None:
    """The step, or ``None`` if a part of it has no instruction."""
    rows, hits = np.zeros(run.size, np.int64), run.hits.compiled
    load = run.batches.calls(part, rows)
    if load is None or hits is None:
        return None
    calls: list[Any] = [*load, *run.forward.bound]
    instructions: list[Any] = [read(call) for call in calls]
    for steps, first in ((run.backward, Guard([address(run.total)])), (update, hits.instruction)):
        instructions += [first, *map(read, steps.bound)]
        calls += [None, *steps.bound]
    if None in instructions:
        return None
    life = Life(instructions, calls, [*run.forward.own, *run.backward.own, *update.own])
    return Whole(Program(instructions, calls, partial(life.dead, 0)), rows, hits)
