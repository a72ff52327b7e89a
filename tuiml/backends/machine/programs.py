"""Neighbouring bound calls as one: a table of compiled functions and their numbers, called in order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType, NoneType
from typing import Any

import numpy as np
from numba import carray

from tuiml.backends.machine import access, products
from tuiml.backends.machine.compiling import compiled, entered
from tuiml.backends.machine.loops import Loop, Range
from tuiml.backends.machine.reading import Array, BoundCall, Each, Other, read
from tuiml.nn.losses import OVERFLOW

KNOWN = (np.ndarray, np.ufunc, np.generic, ModuleType, NoneType, int, float, str, type, np.dtype)
"""Types of a call's arguments: where it has no others, it reads nothing but the arrays among them."""
TOO_MUCH = np.float32(OVERFLOW)


def _run(table: Any) -> None:
    """Call each row's function with its numbers; a row without a function is a :class:`Guard`."""
    for i in range(len(table)):
        if table[i, 0] == 0:
            if not carray(access.floats(table[i, 1]), 1)[0] < TOO_MUCH:
                return
        else:
            access.call(table[i, 0], table[i, 1])


@functools.cache
def _runner() -> Callable[[Array], None]:
    found: Callable[[Array], None] = entered("void(int64[:, ::1])", _run)
    return found


@functools.cache
def _other(name: str) -> Any:
    return compiled(getattr(products, name))


class Guard(tuple[int]):
    """Ends the program unless the value at an address is below :data:`~tuiml.nn.losses.OVERFLOW`."""


class Program:
    """Instructions that run one after the other.

    Args:
        calls: what they stand for; they hold the arrays of which the program has but the addresses.
        dead: whether nobody reads a range of addresses after the instruction with this number.
    """

    def __init__(
        self,
        instructions: Sequence[Each | Other | Guard],
        calls: Sequence[BoundCall],
        dead: Callable[[int, Range], bool] = lambda place, values: False,
    ) -> None:
        self._calls = calls
        found: list[tuple[Any, list[int]]] = []
        loop: Loop | None = None
        for i, instruction in enumerate(instructions):
            if loop and isinstance(instruction, Each) and loop.add(instruction):
                continue
            if loop:
                found.append(loop.code(partial(dead, i)))
            loop = None
            if isinstance(instruction, Each):
                loop = Loop(instruction)
            elif isinstance(instruction, Other):
                found.append((_other(instruction.name), list(instruction.numbers)))
            else:
                found.append((None, list(instruction)))
        if loop:
            found.append(loop.code(partial(dead, len(instructions))))
        self._numbers = [np.array(numbers, np.int64) for _, numbers in found]
        self.table = np.array(
            [
                (f.address, n.__array_interface__["data"][0]) if f else (0, int(n[0]))
                for (f, _), n in zip(found, self._numbers, strict=True)
            ],
            np.int64,
        )
        self._functions = [f for f, _ in found]
        self._run = partial(_runner(), self.table)

    def __call__(self) -> None:
        self._run()


def fuse(calls: Sequence[BoundCall], own: Sequence[Range], later: Sequence[BoundCall]) -> list[BoundCall]:
    """The same work in fewer calls.

    Args:
        own: addresses that nobody but these calls and ``later`` reads, and they only what they wrote.
        later: calls that run after these.
    """
    instructions = [read(call) for call in calls]
    life = Life([*instructions, *map(read, later)], [*calls, *later], own)
    found: list[BoundCall] = []
    start = 0
    for i in range(len(calls) + 1):
        if i < len(calls) and instructions[i] is not None:
            continue
        known = [instruction for instruction in instructions[start:i] if instruction is not None]
        if len(known) > 1 or any("f32" in e.words for e in known if isinstance(e, Each)):
            found.append(Program(known, calls[start:i], partial(life.dead, start)))
        else:
            found += calls[start:i]
        found += calls[i : i + 1]
        start = i + 1
    return found


class Life:
    """Which values later calls read."""

    def __init__(
        self,
        instructions: Sequence[Each | Other | Guard | None],
        calls: Sequence[BoundCall | None],
        own: Sequence[Range],
    ) -> None:
        self._uses = [_use(i, c) for i, c in zip(instructions, calls, strict=True)]
        self._own = own

    def dead(self, start: int, place: int, values: Range) -> bool:
        """Whether nobody reads these values from the instruction ``start + place`` on."""
        first, last = values
        if not any(begin <= first and last <= end for begin, end in self._own):
            return False
        for reads, writes in self._uses[start + place :]:
            if reads is None or any(begin < last and first < end for begin, end in reads):
                return False
            if any(begin <= first and last <= end for begin, end in writes):
                return True
        return True


def _use(
    instruction: Each | Other | Guard | None, call: BoundCall | None
) -> tuple[list[Range] | None, list[Range]]:
    """The memory that a call reads (``None``: any) and the memory that it overwrites completely."""
    if isinstance(instruction, Guard) or call is None:
        return [], []
    if isinstance(instruction, Each):
        result, *arguments = instruction.operands
        written = [instruction.ends(result)] if instruction.dense(result) else []
        return [instruction.ends(o) for o in arguments], written
    if not isinstance(call, partial):
        return None, []
    things = [getattr(call.func, "__self__", None), *call.args, *call.keywords.values()]
    if not all(isinstance(thing, KNOWN) for thing in things):
        return None, []
    return [ends(thing) for thing in things if isinstance(thing, np.ndarray)], []


def ends(array: Array) -> Range:
    """First address of an array, and the one behind its last."""
    first, last = np.lib.array_utils.byte_bounds(array)
    return int(first), int(last)
