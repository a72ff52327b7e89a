"""Loops written for element-wise instructions and compiled.

In a loop values stay in the processor's registers from one operation to the next, and what nobody reads
afterwards is not written. Loops are compiled by their text, in which no size and no address occurs: the same
formula is compiled once, whatever the network.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tuiml.backends.machine import access, values
from tuiml.backends.machine.compiling import compiled, written
from tuiml.backends.machine.reading import Each, Operand

Range = tuple[int, int]
"""The first address, and the one behind the last."""
POINTERS = {"f": "floats", "u": "wholes", "b": "bytes_", "B": "bytes_"}
NAMES: dict[str, Any] = {
    **{name: getattr(values, name) for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sign")},
    **{name: getattr(values, name) for name in ("maximum", "minimum", "f32", "u32", "u8")},
    **{name: getattr(access, name) for name in ("floats", "wholes", "bytes_")},
    **{f"load{k}": access.load(k) for k in range(access.MOST)},
    **{f"store{k}": access.store(k) for k in range(access.MOST)},
}
"""What the text of a loop can name."""


@functools.cache
def _loop(text: str) -> Any:
    return compiled(written(text, NAMES))


class Loop:
    """Element-wise instructions that go through the same rows together."""

    def __init__(self, first: Each) -> None:
        self._all = [first]

    def add(self, each: Each) -> bool:
        """Add an instruction if it fits; returns whether it did."""
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
        text = _Text()
        for each in self._all:
            text.add(each)
        for operand in stored:
            text.store(operand)
        places = [number for o in text.numbers for number in (o.address, o.step)]
        return _loop(str(text)), [self._all[0].rows, self._all[0].size, *places]


def _apart(together: list[Each]) -> bool:
    """Whether no two arrays overlap of which one is written, and there are not too many."""
    results = {each.operands[0] for each in together}
    operands = {o: each.ends(o) for each in together for o in each.operands}
    for result in results:
        first, last = operands[result]
        if any(begin < last and first < end for o, (begin, end) in operands.items() if o != result):
            return False
    return len(operands) <= access.MOST


class _Text:
    """A loop in Python."""

    def __init__(self) -> None:
        self.numbers: dict[Operand, int] = {}
        """What the loop takes, in order."""
        self._held: dict[Operand, str] = {}
        self._heads: list[str] = []
        self._body: list[str] = []

    def add(self, each: Each) -> None:
        """One more instruction."""
        words = each.words.format(*map(self._value, each.operands[1:]))
        self._held[each.operands[0]] = self._named(words)

    def store(self, operand: Operand) -> None:
        """Write a result to memory."""
        k, value = self._number(operand), self._held[operand]
        self._body.append(f"store{k}(p{k}, i, {f'u8({value})' if operand.kind == 'b' else value})")

    def __str__(self) -> str:
        return "\n".join(
            [
                "def kernel(c):",
                "    n = c[1]",
                "    for row in range(c[0]):",
                *(f"        {line}" for line in self._heads),
                "        for i in range(n):",
                *(f"            {line}" for line in self._body),
                "",
            ]
        )

    def _number(self, operand: Operand) -> int:
        if operand not in self.numbers:
            k = self.numbers[operand] = len(self.numbers)
            self._heads.append(f"p{k} = {POINTERS[operand.kind]}(c[{2 * k + 2}] + row * c[{2 * k + 3}])")
            if operand.single:
                self._heads.append(f"s{k} = p{k}[0]")
        return self.numbers[operand]

    def _value(self, operand: Operand) -> str:
        """The name of a value, which is read first where it has none."""
        if operand not in self._held:
            k = self._number(operand)
            words = f"s{k}" if operand.single else f"load{k}(p{k}, i)"
            self._held[operand] = self._named(f"({words} != 0)" if operand.kind == "b" else words)
        return self._held[operand]

    def _named(self, words: str) -> str:
        name = f"v{len(self._body)}"
        self._body.append(f"{name} = {words}")
        return name
