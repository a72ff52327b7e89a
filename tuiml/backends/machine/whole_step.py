"""A whole training step as one program, for networks whose every product is small.

What is left to Python is the numbers of the step: which examples, the learning rate, the keys of the noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tuiml.backends.machine.counting import Counter
from tuiml.backends.machine.loops import Range
from tuiml.backends.machine.programs import Guard, Life, Program
from tuiml.backends.machine.reading import Array, BoundCall, address, read

Phase = tuple[Sequence[BoundCall], Sequence[Range]]
"""Calls, and the memory ranges that nothing else reads."""


class WholeStep:
    """Loads the examples, runs forward and, where the loss is usable, backward and the update."""

    def __init__(self, program: Program, rows: Array, hits: Counter) -> None:
        self._run, self._rows, self._hits = program, rows, hits

    def run(self, rows: Array) -> None:
        """One step on the examples at ``rows``."""
        self._rows[...] = rows
        self._run()

    @property
    def hits(self) -> float:
        """Hits (or the sum of squared errors) of the last step whose loss was usable."""
        return float(self._hits.result[0])


def whole_step(
    rows: Array, load: Sequence[BoundCall], phases: tuple[Phase, Phase, Phase], total: Array, hits: Counter
) -> WholeStep | None:
    """The step as one program; ``None`` if a part of it has no instruction.

    Args:
        rows: the array from which ``load`` reads which examples to take.
        phases: forward, backward and update; the last two run only where ``total``, the loss, is usable.
    """
    (forward, _), (backward, _), (update, _) = phases
    calls: list[Any] = [*load, *forward]
    instructions: list[Any] = [read(call) for call in calls]
    for bound, first in ((backward, Guard([address(total)])), (update, hits.instruction)):
        instructions += [first, *map(read, bound)]
        calls += [None, *bound]
    if None in instructions:
        return None
    life = Life(instructions, calls, [memory for _, own in phases for memory in own])
    return WholeStep(Program(instructions, calls, partial(life.dead, 0)), rows, hits)
