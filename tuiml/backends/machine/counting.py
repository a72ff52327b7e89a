"""How many examples of a batch were right, or how wrong in all, counted by machine code."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuiml.backends.machine.programs import Program
from tuiml.backends.machine.reading import Array, Other, address


class Counting:
    """Counts columns of ``output`` (classes × examples) whose largest value is at their label."""

    def __init__(self, output: Array, labels: Array) -> None:
        self._held = output, labels
        self.found = np.zeros(1, np.int64)
        places = (address(output), address(labels))
        self.instruction = Other("hits", (address(self.found), *output.shape, *places))
        self._program: Any = None

    def count(self) -> int:
        """The hits of the batch in hand."""
        if self._program is None:
            self._program = Program([self.instruction], [])
        self._program()
        return int(self.found[0])


class Squares:
    """Adds up the squares of ``output`` less ``targets``, both outputs × examples without gaps."""

    def __init__(self, output: Array, targets: Array) -> None:
        self._held = output, targets
        self.found = np.zeros(1, np.float32)
        self.instruction = Other(
            "squares", (address(self.found), output.size, address(output), address(targets))
        )
        self._program: Any = None

    def count(self) -> float:
        """Of the batch in hand."""
        if self._program is None:
            self._program = Program([self.instruction], [])
        self._program()
        return float(self.found[0])


def squares(output: Array, targets: Array) -> Squares | None:
    """The same, where the arrays lie as it takes them."""
    if any(a.dtype != np.float32 or not a.flags.c_contiguous for a in (output, targets)):
        return None
    return Squares(output, targets)


def counting(output: Array, labels: Array) -> Counting | None:
    """The same, where the arrays lie as it takes them."""
    if labels.dtype != np.uint8 or output.dtype != np.float32 or not output.flags.c_contiguous:
        return None
    return Counting(output, labels)
