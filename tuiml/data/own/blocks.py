"""How a table is written, and some of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.data.own.cells import BLANKS

Cells = list[str]
_ZEROS = frozenset(f"0{digit}" for digit in range(10))


@dataclass(frozen=True)
class Layout:
    """How a table is written."""

    separator: str
    header: bool
    names: tuple[str, ...]
    """Of the columns; ``column 1``, … without a header."""
    encoding: str = "utf-8-sig"
    comment: str = ""
    """What a line that is passed over begins with."""
    quote: str = '"'
    skip: int = 0
    """Lines before the table."""
    filled: tuple[bool, ...] = ()
    """Columns with a name, or with a cell in the first rows."""
    notes: tuple[str, ...] = ()
    """What was detected, and the option that decides otherwise."""


class Block:
    """Some rows of a table, as cells."""

    underscores = False
    """Whether a line had one: Python reads 1_000 as a number, no table means it."""

    def __init__(self, rows: list[Cells]) -> None:
        self._rows = rows
        self._columns = list(zip(*rows, strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, index: int) -> Sequence[str]:
        return self._columns[index]

    def first(self, count: int) -> list[Cells]:
        """The first rows."""
        return self._rows[:count]

    def last(self, index: int) -> str:
        """The last cell of a column."""
        return self.column(index)[-1].strip(BLANKS)

    def numbers(self, index: int) -> Any:
        """The cells of a column as numbers (a list, or an array); ``None``: they are not all plain ones."""
        try:
            return None if self.underscores else list(map(float, self.column(index)))
        except ValueError:
            return None

    def matrix(self, indices: Sequence[int]) -> Any:
        """The numbers of several columns as an array, if they are there already."""
        return None

    def extent(self, values: Any, whole: bool) -> tuple[float, float, float, bool]:
        """The smallest of a column's numbers, the largest, the sum, and whether ``whole`` and all are so."""
        return min(values), max(values), sum(values), whole and all(map(float.is_integer, values))

    def zeros(self, index: int) -> bool:
        """Whether a number of a column has a zero before other digits."""
        return not _ZEROS.isdisjoint({cell[:2] for cell in self.column(index)})
