"""Bound calls: what a formula becomes when it is compiled, and how a list of them is run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuiml.backends import fast

Bound = Callable[[], object]


@dataclass(slots=True)
class Call:
    """One bound call, the operation it came from and the shape of its result."""

    op: str
    shape: tuple[int, ...]
    run: Bound


class CallList(list[Call]):
    """Calls in the order in which they run."""

    def add(self, op: str, shape: tuple[int, ...], run: Bound) -> None:
        """Append a call."""
        self.append(Call(op, shape, run))


class CallSequence:
    """Bound calls to run in order; :mod:`tuiml.backends.fast` may combine several into one.

    Args:
        own: memory ranges (first address, the one behind the last) that only these calls and those that run
            ``later`` read, and only after writing them.
    """

    def __init__(
        self, bound: list[Bound], own: Sequence[tuple[int, int]] = (), later: Sequence[Bound] = ()
    ) -> None:
        self.bound, self.own, self._later = bound, own, later

    @functools.cached_property
    def fused(self) -> list[Bound]:
        """The calls that are made in the end."""
        return fast.fused(self.bound, self.own, self._later)

    def prepare(self) -> None:
        """Compile machine code where it is used: the first time this may take seconds."""
        _ = self.fused

    def run(self) -> None:
        """Run every call once."""
        for call in self.fused:
            call()
