"""Neighbouring bound calls as one call: loops written for what is element-wise, compiled, run in order.

In a loop values stay in the processor's registers from one operation to the next, and what nobody reads
afterwards is not written. Loops are compiled by their text, in which no size and no address occurs: the same
formula is compiled once, whatever the network.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import carray

from tuiml.backends.machine import access, products, values
from tuiml.backends.machine.compiling import compiled, entered, written
from tuiml.backends.machine.reading import Array, BoundCall, Each, Operand, Other, read
from tuiml.nn.losses import OVERFLOW

Range = tuple[int, int]
POINTERS = {"f": "floats", "u": "wholes", "b": "bytes_", "B": "bytes_"}
TOO_MUCH = np.float32(OVERFLOW)
NAMES: dict[str, Any] = {
    **{name: getattr(values, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sign")},
    **{name: getattr(values, name) for name in ("maximum", "minimum", "f32", "u32", "u8")},
    **{name: getattr(access, name) for name in ("floats", "wholes", "bytes_")},
    **{f"load{k}": access.load(k) for k in range(access.MOST)},
    **{f"store{k}": access.store(k) for k in range(access.MOST)},
}
"""What the text of a loop can name."""


def _run(table: Any) -> None:
    """Call each row's function with its numbers; one without a function says whose value ends the program."""
    for i in range(len(table)):
        if table[i, 0] == 0:
            if not carray(access.floats(table[i, 1]), 1)[0] < TOO_MUCH:
                return
        else:
            access.call(table[i, 0], table[i, 1])


run: Callable[[Array], None] = entered("void(int64[:, ::1])", _run)


@functools.cache
def _other(name: str) -> Any:
    return compiled(getattr(products, name))


@functools.cache
def _loop(text: str) -> Any:
    return compiled(written(text, NAMES))


class Guard(tuple[int]):
    """Ends the program unless the value at an address is below :data:`~tuiml.nn.losses.OVERFLOW`."""


class Loop:
    """Element-wise instructions that go through the same rows together."""

    def __init__(self, first: Each) -> None:
        self._all = [first]

    def add(self, each: Each) -> bool:
        """Take one more instruction in, or not."""
        last = self._all[-1]
        fits, mine = each.in_rows(last.rows, last.size), self._all
        if fits is None:
            fits, mine = each, [i for i in (e.in_rows(each.rows, each.size) for e in mine) if i]
        together = [*mine, fits]
        if len(together) <= len(self._all) or not _apart(together):
            return False
        self._all = together
        return True

    def code(self, dead: Callable[[Range], bool]) -> tuple[Any, list[int]]:
        """The compiled loop and its numbers; what is ``dead`` afterwards is not written."""
        results = dict.fromkeys(each.operands[0] for each in self._all)
        stored = [o for o in results if not dead(self._all[0].ends(o))]
        text, operands = _text(self._all, stored)
        places = [number for o in operands for number in (o.address, o.step)]
        return _loop(text), [self._all[0].rows, self._all[0].size, *places]

    def reads(self) -> Iterable[Range]:
        """Where it reads what it has not written itself."""
        written: set[Operand] = set()
        for each in self._all:
            yield from (each.ends(o) for o in each.operands[1:] if o not in written)
            written.add(each.operands[0])

    def writes(self) -> Iterable[Range]:
        """Where it writes every value."""
        return [each.ends(o) for each in self._all if (o := each.operands[0]) and _dense(each, o)]


def _dense(each: Each, operand: Operand) -> bool:
    first, last = each.ends(operand)
    return last - first == each.rows * each.size * (4 if operand.kind in "fu" else 1)


def _apart(together: list[Each]) -> bool:
    """Whether no two arrays overlap of which one is written, and there are not too many."""
    results = {each.operands[0] for each in together}
    operands = {o: each.ends(o) for each in together for o in each.operands}
    for result in results:
        first, last = operands[result]
        if any(begin < last and first < end for o, (begin, end) in operands.items() if o != result):
            return False
    return len(operands) <= access.MOST


def _text(loop: Sequence[Each], stored: Sequence[Operand]) -> tuple[str, list[Operand]]:
    """A loop in Python, and the operands that it takes, in order."""
    numbers: dict[Operand, int] = {}
    held: dict[Operand, str] = {}
    heads: list[str] = []
    body: list[str] = []

    def number(o: Operand) -> int:
        if o not in numbers:
            k = numbers[o] = len(numbers)
            place = f"{POINTERS[o.kind]}(c[{2 * k + 2}] + row * c[{2 * k + 3}])"
            heads.append(f"p{k} = {place}" + (f"\n        s{k} = p{k}[0]" if o.single else ""))
        return numbers[o]

    def value(o: Operand) -> str:
        if o not in held:
            k = number(o)
            found = f"s{k}" if o.single else f"load{k}(p{k}, i)"
            if o.kind == "b":
                found = f"({found} != 0)"
            held[o] = f"v{len(body)}"
            body.append(f"{held[o]} = {found}")
        return held[o]

    for each in loop:
        words = each.words.format(*map(value, each.operands[1:]))
        name = f"v{len(body)}"
        body.append(f"{name} = {words}")
        held[each.operands[0]] = name
    for o in stored:
        k = number(o)
        body.append(f"store{k}(p{k}, i, {'u8(' + held[o] + ')' if o.kind == 'b' else held[o]})")
    lines = [
        "def kernel(c):",
        "    n = c[1]",
        "    for row in range(c[0]):",
        *(f"        {line}" for line in heads),
        "        for i in range(n):",
        *(f"            {line}" for line in body),
        "",
    ]
    return "\n".join(lines), list(numbers)


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

    def __call__(self) -> None:
        run(self.table)


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
    """Which values are read again."""

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
    """What is read (``None``: it may be anything) and what is written altogether."""
    if isinstance(instruction, Guard) or call is None:
        return [], []
    if isinstance(instruction, Each):
        loop = Loop(instruction)
        return list(loop.reads()), list(loop.writes())
    if not isinstance(call, partial):
        return None, []
    things = [getattr(call.func, "__self__", None), *call.args, *call.keywords.values()]
    arrays = [thing for thing in things if isinstance(thing, np.ndarray)]
    return [ends(a) for a in arrays], []


def ends(array: Array) -> Range:
    """First address of an array, and the one behind its last."""
    first, last = np.lib.array_utils.byte_bounds(array)
    return int(first), int(last)
