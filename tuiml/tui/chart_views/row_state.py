"""A row that the user fills in: its cells, their fields, and what is outside of what training had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuiml.data.own.cells import Style
from tuiml.data.own.cells import number as number_of
from tuiml.formatting import compact, percent
from tuiml.text import plain_text
from tuiml.training.inspections.row import InputColumn, InputColumns, Row
from tuiml.tui.model import stepping
from tuiml.tui.widgets.fields import Field, Kind, Section
from tuiml.tui.widgets.picker import Pick

ABSENT = "(missing)"
OTHER = "(another value)"
"""Of a category: one that training never had."""
DATE = "2020-12-31"
STEPS = 40
"""Steps of a number from the least to the greatest of training, about."""


class RowState:
    """The columns of a run's inputs, and a cell of each."""

    def __init__(self) -> None:
        self.found: InputColumns | None = None
        self.cells: list[str] = []
        """As typed; empty: missing where a value may be, else the usual one."""
        self.wanted = 0
        """The row of the data to start from; 0: the usual values."""
        self.version = 0
        """Incremented by every change."""
        self.edited = False
        """True if the cells are no longer those of the row."""
        self._fields: dict[int, Field] = {}
        """Made anew where a cell was changed: there may be many."""

    def take(self, found: InputColumns | None) -> bool:
        """Use the newest columns, of this run or another one; True if anything changed.

        What was filled in is kept as long as the columns are the same and no other row was asked for.
        """
        if found is None or found is self.found:
            return False
        before, self.found = self.found, found
        same = before is not None and [c.name for c in before.columns] == [c.name for c in found.columns]
        if not same or before is None or found.row != before.row or not self.edited:
            self.cells, self.edited = list(found.cells), False
        self.wanted = min(self.wanted, found.total) if same else 0
        self._fields.clear()
        self.version += 1
        return True

    def go(self, by: int) -> None:
        """Ask for another row of the data."""
        if self.found:
            self.wanted = max(0, min(self.found.total, self.wanted + by))
            self.edited = self.edited and self.wanted == self.found.row

    def set(self, column: int, value: Any) -> None:
        """Fill in a cell: a number, a text, or ``None`` to leave it out."""
        text = "" if value is None or value == ABSENT else str(value)
        if isinstance(value, int | float):
            text = f"{value:.15g}"
        self.cells[column] = text
        self._fields.pop(column, None)
        self.edited = True
        self.version += 1

    def question(self) -> Row | None:
        """The row to be predicted; ``None`` while a cell is none that can be."""
        found = self.found
        if found is None or any(map(self.wrong, range(len(self.cells)))):
            return None
        pairs = zip(self.cells, found.columns, strict=True)
        return Row(self.version, tuple(t or ("" if c.optional else c.usual) for t, c in pairs))

    def wrong(self, index: int) -> str:
        """Why a cell cannot be predicted, in words; empty if it can."""
        if self.found is None or not self.cells[index]:
            return ""
        column = self.found.columns[index]
        if column.values or _value(column, self.cells[index]) is not None:
            return ""
        return f"not a date: write it as {DATE}" if column.date else "not a number"

    def outside(self, index: int) -> str:
        """How a cell differs from all that training had, in words; empty if it does not."""
        text = self.cells[index]
        if self.found is None or not text:
            return ""
        column = self.found.columns[index]
        if column.values:
            known = text in column.values and column.counts[column.values.index(text)] > 0
            return "" if known else "no training example has it"
        value, low, high = (_value(column, cell) for cell in (text, column.low, column.high))
        if value is None or low is None or high is None:
            return ""
        whole = column.whole and not value.is_integer()
        if low <= value <= high and not whole:
            return ""
        return f"training had {'whole numbers, ' if whole else ''}{limits(column)}"

    @property
    def sections(self) -> list[Section]:
        """The fields of the form."""
        if self.found is None:
            return []
        for index, column in enumerate(self.found.columns):
            if index not in self._fields:
                self._fields[index] = self._field(index, column)
        fields = tuple(self._fields[index] for index in range(len(self.cells)))
        return [Section("inputs", "inputs", fields)]

    def _field(self, index: int, column: InputColumn) -> Field:
        text, usual = self.cells[index], ABSENT if column.optional else column.usual
        problem = self.wrong(index) or self.outside(index) or None
        path, label = f"inputs[{index}]", name_of(column)
        if column.values:
            return Field(path, label, "choice", text, "", usual, problem=problem, picks=_picks(column))
        of = f"mean {compact(column.mean, 4)}" if column.optional else f"median {column.usual}"
        help = f"{limits(column)} in training, {of}"
        kind: Kind = "text" if column.date else "float"
        increment = 0.0 if column.date else _increment(column)
        return Field(path, label, kind, text, help, usual, problem=problem, increment=increment)


def name_of(column: InputColumn) -> str:
    """The name of a column with its unit."""
    return plain_text(f"{column.name} ({column.unit})" if column.unit else column.name)


def limits(column: InputColumn) -> str:
    """The range of a column's numbers in words."""
    return column.low if column.low == column.high else f"{column.low} to {column.high}"


def _value(column: InputColumn, text: str) -> float | None:
    return number_of(text, Style(date=column.date))


def _increment(column: InputColumn) -> float:
    """What a key changes a number by: a round part of its range in training."""
    low, high = float(column.low), float(column.high)
    part = (high - low or abs(high)) / STEPS
    step = stepping.nice(part, 1) if part > 0 else 1.0
    return max(1.0, step) if column.whole else step


def _picks(column: InputColumn) -> tuple[Pick, ...]:
    total = sum(column.counts) or 1
    shares: Sequence[str] = [f"{percent(n / total, 0)} of training" for n in column.counts]
    picks = [Pick(value, share) for value, share in zip(column.values, shares, strict=True)]
    others = [Pick(ABSENT, "as some in training")] if column.optional else []
    others.append(Pick(OTHER, "training never had it: it counts for none of these"))
    return tuple(picks + [pick for pick in others if pick.name not in column.values])
