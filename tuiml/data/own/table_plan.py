"""How a table is read once it is known what its columns are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuiml.data.own.blocks import Layout
from tuiml.data.own.cells import MISSING, PLAIN, Style

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table


@dataclass(frozen=True)
class Feature:
    """A column that becomes one input, or one for each of its values."""

    index: int
    values: tuple[str, ...] = ()
    style: Style = PLAIN

    @property
    def width(self) -> int:
        return len(self.values) or 1


@dataclass(frozen=True)
class Plan:
    """How to read a table."""

    layout: Layout
    features: tuple[Feature, ...]
    labels: tuple[int, ...]
    label_styles: tuple[Style, ...]
    classes: dict[str, int]
    """From a cell's text to its class; empty for a regression."""
    rows: int
    dropped: frozenset[int]
    """Rows left out, from 0."""

    @property
    def width(self) -> int:
        return sum(feature.width for feature in self.features)


def missing_of(table: Table) -> Collection[str]:
    """What stands for a missing value, in small letters."""
    return {"", *(word.strip().lower() for word in table.missing_values)} if table.missing_values else MISSING
