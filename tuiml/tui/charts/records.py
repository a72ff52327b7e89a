"""Examples of a table, one per line, each value under the name of its column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.style import Style

from tuiml.formatting import compact
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.text import Line, clean, fit, strip

WIDEST = (18, 12, 8)
"""Cells of a column at most: the first with which all columns fit, else the last."""
GAP = 2
ONE_HOT = " = "
"""Between the name of a column of text and its value, in the name of the input made from both."""


@dataclass(frozen=True)
class Column:
    """A column of the drawing.

    Args:
        left: whether its texts are aligned to the left.
        styles: of each text; none: the terminal's own.
        widest: cells at most; 0: as of :data:`WIDEST`.
    """

    head: str
    texts: Sequence[str]
    left: bool = False
    styles: Sequence[Style] = ()
    widest: int = 0


def records(columns: Sequence[Column], width: int, height: int, look: Look, *, total: int = 0) -> list[Line]:
    """The columns that fit, the first ones first, below their names: at most ``height`` lines.

    Args:
        total: columns that there are; those that are missing are counted in the first line.
    """
    more = look.glyphs.more
    widths: list[int] = []
    for most in WIDEST:
        widths = [
            min(column.widest or most, max(map(cell_len, (column.head, *column.texts)), default=0))
            for column in columns
        ]
        if sum(widths) + GAP * (len(widths) - 1) <= width:
            break
    total = max(total, len(columns))
    count, used = 0, 0
    while count < len(columns):
        rest = len(f"+{total - count - 1} more") if count + 1 < total else 0
        if count and used + widths[count] + GAP + rest > width:
            break
        used += widths[count] + GAP
        count += 1
    missing = f"+{total - count} more" if count < total else ""
    shown = list(zip(columns[:count], widths, strict=False))
    head = [(_cell(column.head, column.left, wide, more), look.style(QUIET)) for column, wide in shown]
    lines = [strip([*head, (missing, look.style(QUIET))], width)]
    for row in range(max((len(column.texts) for column in columns), default=0)):
        parts = [
            (
                _cell(column.texts[row], column.left, wide, more),
                column.styles[row] if column.styles else look.style(),
            )
            for column, wide in shown
        ]
        lines.append(strip(parts, width))
    return lines[:height]


def _cell(text: str, left: bool, width: int, more: str) -> str:
    cut = fit(text, min(width, cell_len(text)), more)
    pad = " " * (width - cell_len(cut))
    return (cut + pad if left else pad + cut) + " " * GAP


def input_columns(
    names: Sequence[str], rows: Sequence[Sequence[float]], look: Look
) -> tuple[list[Column], int]:
    """Columns of the first inputs of examples, and how many columns all inputs have.

    A column of text is one again. Inputs without names have numbers, from 1.
    """
    known = max(map(len, rows), default=0)
    named = [names[i] if i < len(names) else f"column {i + 1}" for i in range(max(known, len(names)))]
    groups = [
        (key, [i for i, _ in several])
        for key, several in groupby(enumerate(named), key=lambda pair: _column(pair[1]))
    ]
    found = []
    for (head, _), places in groups:
        if places[0] >= known:
            break
        texts = [clean(_value(row, places, named, look), look) for row in rows]
        left = ONE_HOT in named[places[0]]
        found.append(Column(clean(head, look), texts, left))
    return found, len(groups)


def _column(name: str) -> tuple[str, bool]:
    """The column of an input, and whether it is of text."""
    head, sign, _ = name.partition(ONE_HOT)
    return head, bool(sign)


def _value(row: Sequence[float], places: Sequence[int], named: Sequence[str], look: Look) -> str:
    missing = look.glyphs.missing
    if ONE_HOT not in named[places[0]]:
        return compact(row[places[0]], 3, missing) if places[0] < len(row) else missing
    chosen = [i for i in places if i < len(row) and row[i] > 0.5]
    return named[chosen[0]].partition(ONE_HOT)[2] if len(chosen) == 1 else missing
