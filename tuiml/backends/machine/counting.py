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


def hits(output: Array, labels: Array) -> Counter | None:
    """Counts the columns of ``output`` (classes × examples) whose largest value is at their label; ``None``
    if the arrays are not contiguous float32 and uint8."""
    if labels.dtype != np.uint8 or output.dtype != np.float32 or not output.flags.c_contiguous:
        return None
    return Counter("hits", np.int64, output.shape, output, labels)


def squares(output: Array, targets: Array) -> Counter | None:
    """Adds up the squares of ``output`` less ``targets``; ``None`` if these are not contiguous float32."""
    if any(a.dtype != np.float32 or not a.flags.c_contiguous for a in (output, targets)):
        return None
    return Counter("squares", np.float32, (output.size,), output, targets)
