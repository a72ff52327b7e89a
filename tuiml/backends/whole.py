"""A whole training step as one program, for networks whose every product is small.

What is left to Python is the numbers of the step: which examples, the learning rate, the keys of the noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tuiml.backends import fused
from tuiml.backends import kernels as k
from tuiml.backends.batches import Hits
from tuiml.backends.passes import Pass
from tuiml.backends.plan import Steps
from tuiml.data.arrays import Part

Array = np.ndarray[Any, Any]


class Whole:
    """Takes the examples, goes forward, and where the loss can be gone by, backward, and changes the weights.

    Args:
        rows: where the program finds which examples to take.
        hits: where it leaves how many of them were right.
    """

    def __init__(self, program: fused.Program, rows: Array, hits: Array) -> None:
        self._run, self._rows, self._hits = program.run, rows, hits

    def run(self, rows: Array) -> None:
        """One step on the examples at ``rows``."""
        self._rows[...] = rows
        self._run()

    @property
    def hits(self) -> int:
        """Of the last step that had a loss to go by."""
        return int(self._hits[0])


def whole_step(run: Pass, part: Part, update: Steps) -> Whole | None:
    """The step, or ``None`` if a part of it has no instruction."""
    rows, count = np.zeros(run.size, np.int64), np.zeros(1, np.int64)
    load = run.batches.calls(part, rows)
    if load is None:
        return None
    instructions = [*map(fused.read, load), *map(fused.read, run.forward.bound)]
    instructions += [(k.GUARD, fused.address(run.total)), *map(fused.read, run.backward.bound)]
    instructions += [_hits(run.hits, count), *map(fused.read, update.bound)]
    known = [instruction for instruction in instructions if instruction is not None]
    if len(known) < len(instructions):
        return None
    return Whole(fused.Program(known, [*load, *run.forward.bound, *run.backward.bound, *update.bound]), rows, count)


def _hits(hits: Hits, count: Array) -> fused.Row | None:
    if hits.labels.dtype != np.uint8 or not hits.output.flags.c_contiguous:
        return None
    return (k.HITS, fused.address(count), *hits.output.shape, fused.address(hits.output), fused.address(hits.labels))
