"""How many examples of a batch were right, or the sum of their squared errors, found by machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml.backends.machine.programs import Program
from tuiml.backends.machine.reading import Array, Other, address


class Counter:
    """One number found by an instruction of :mod:`tuiml.backends.machine.products`.

    Args:
        sizes: what the instruction takes before the addresses of ``arrays``.
    """

    def __init__(self, name: str, dtype: Any, sizes: tuple[int, ...], *arrays: Array) -> None:
        self._arrays = arrays  # the instruction has nothing but their addresses
        self.result = np.zeros(1, dtype)
        self.instruction = Other(name, (address(self.result), *sizes, *map(address, arrays)))
        self._program: Callable[[], None] | None = None

    def count(self) -> float:
        """The number for the batch that the arrays hold now."""
        if self._program is None:
            self._program = Program([self.instruction], [])
        self._program()
        return float(self.result[0])


def counter(output: Array, answers: Array) -> Counter | None:
    """What counts how many columns of ``output`` (outputs × examples) have their largest value at their label
    (``answers`` of uint8), or adds up the squares of ``output`` less ``answers`` (float32).

    ``None`` if the arrays are of other types, or not contiguous.
    """
    if output.dtype != np.float32 or not output.flags.c_contiguous:
        return None
    if answers.dtype == np.uint8:
        return Counter("hits", np.int64, output.shape, output, answers)
    if answers.dtype != np.float32 or not answers.flags.c_contiguous:
        return None
    return Counter("squares", np.float32, (output.size,), output, answers)
