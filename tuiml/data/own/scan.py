"""One pass through a table: what is in each of its columns, without keeping the values."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.data.kinds import Progress
from tuiml.data.own.blocks import Block, Layout
from tuiml.data.own.cells import BLANKS, MISSING, PLAIN, Style, kinds_of, number
from tuiml.data.own.facts import MOST_VALUES, Wrong
from tuiml.data.own.layout import layout_of
from tuiml.data.own.rows import CLEAN, Rows
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table

CATEGORIES = 20
"""Different values that a column of text may have to become inputs, one for each."""
LABELS = 1000
"""Different values that are counted of a label."""
_LEADING = re.compile(r"[+-]?0\d")
LARGEST = 3.4028234e38
"""The largest float32."""
MOST_MISSING = 5_000_000
NA = "NA"
"""Missing, but in a column of text, where it may be a value (Namibia, North America)."""
SENTINELS = frozenset({-1.0, *(sign * (10**n - 1) for n in range(1, 6) for sign in (-1, 1))} - {9, 1})
"""Numbers that often stand for a missing value."""
PREVIEW = 8
"""Rows kept as text, and of each as many cells as below."""
PREVIEW_COLUMNS = 50


@dataclass(slots=True)
class Scanned:
    """A column as one pass sees it. Rows count from 0, the header and blank ones left out."""

    name: str
    limit: int
    """Different values that are counted at most."""
    numbers: int = 0
    texts: int = 0
    first_text: tuple[int, str] | None = None
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    integers: bool = True
    """Every number is an integer."""
    missing: array[int] = field(default_factory=lambda: array("I"))
    odd: tuple[int, str] | None = None
    """The first number that no float32 holds."""
    style: Style = PLAIN
    kinds: set[frozenset[str]] = field(default_factory=set)
    """What the cells speak for that Python reads as no number."""
    unusual: tuple[int, str] | None = None
    """The first of these cells."""
    maybe: array[int] = field(default_factory=lambda: array("I"))
    """Rows with NA: missing, or a value where the column is text."""
    half_quoted: int = 0
    """Cells that begin or end with a quotation mark, but not both."""
    broken: int | None = None
    """The first row with a line end within the cell, or with such a mark."""
    counting: bool = True
    """Whether the values are 0, 1, 2, … or 1, 2, 3, …: an index."""
    counts: Counter[str] | None = field(default_factory=Counter)
    """The different values, until there are too many."""

    inner: tuple[float, float] = (math.inf, -math.inf)
    """The smallest and the largest number that is none of :data:`SENTINELS`."""
    zeros: str = ""
    """The first whole number with a zero before its digits."""
    grouped: int = 0
    """Numbers with three digits after the point, which may be a group of thousands; -1: others have not."""
    last: str = ""
    """The last cell."""

    @property
    def mean(self) -> float | None:
        return self.total / self.numbers if self.numbers else None


@dataclass(frozen=True)
class Scan:
    """A table as one pass sees it."""

    layout: Layout
    columns: tuple[Scanned, ...]
    rows: int
    blank: tuple[int, ...]
    preview: tuple[tuple[str, ...], ...]

    def row_number(self, row: int) -> int:
        """The number that a spreadsheet shows for a row."""
        found = row + 1 + self.layout.header
        for blank in self.blank:
            if blank > found:
                break
            found += 1
        return found


def scan(
    path: Path,
    layout: Layout,
    labels: Collection[int],
    missing_values: Collection[str],
    styles: dict[int, Style],
    progress: Progress | None = None,
) -> Scan:
    """Go through a table once; of the columns ``labels`` more different values are counted.

    Args:
        missing_values: what stands for a missing value, in small letters.
        styles: how the numbers of columns are written that are not as Python writes them.

    Raises:
        Wrong: it is no such text, is not rectangular, or holds too much.
    """
    rows, size = Rows(path, layout), path.stat().st_size
    grouped = -(layout.separator not in ";\t|")
    columns = [
        Scanned(name, LABELS if i in labels else CATEGORIES, style=styles.get(i, PLAIN), grouped=grouped)
        for i, name in enumerate(layout.names)
    ]
    start = 0
    preview: list[tuple[str, ...]] = []
    for block in rows.blocks():
        if len(preview) < PREVIEW:
            preview += [_shown(cells) for cells in block.first(PREVIEW - len(preview))]
        for index, column in enumerate(columns):
            _take(column, block, index, start, missing_values)
        if progress is not None and size >= CLEAN:
            progress(rows.title, min(rows.done, size - 1), size)
        start += len(block)
        _refuse_more(rows.title, columns, start)
    if progress is not None and size >= CLEAN:
        progress(rows.title, size, size)
    if not start:
        raise Wrong("path", f"{rows.title} has no rows below its header")
    return Scan(layout, tuple(columns), start, tuple(rows.blank), tuple(preview))


def _refuse_more(title: str, columns: Sequence[Scanned], rows: int) -> None:
    """Refuse a table that holds more values, or lacks more of them, than are read.

    Raises:
        Wrong: it does.
    """
    what = f"{MOST_VALUES:,} values" if rows * len(columns) > MOST_VALUES else ""
    often = len(columns) <= 1000 or rows % 64 == 0  # counting takes as long as reading where they are many
    if often and sum(len(column.missing) for column in columns) > MOST_MISSING:
        what = f"{MOST_MISSING:,} missing values"
    if what:
        raise Wrong("path", f"{title} has more than {what}, the most that are read")


def _shown(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(plain_text(cell.strip())[:24] for cell in cells[:PREVIEW_COLUMNS])


def _take(column: Scanned, block: Block, index: int, start: int, missing: Collection[str]) -> None:
    """Count a block's cells of a column."""
    values: Sequence[float] | None = None
    if not column.texts and column.style == PLAIN and missing is MISSING:
        values = block.numbers(index)
    column.last = block.last(index)
    if values is not None:
        low, high, total, whole = block.extent(values, column.integers)
        if math.isfinite(total) and low >= -LARGEST and high <= LARGEST:
            column.numbers += len(values)
            column.low, column.high = min(column.low, low), max(column.high, high)
            column.total += total
            column.integers = whole
            if column.counts is not None:
                _count(column, Counter(block.column(index)))
            if column.counting:
                expected = range(int(column.low) + start, int(column.low) + start + len(values))
                column.counting = column.low in (0, 1) and list(values) == list(expected)
            if low in SENTINELS or high in SENTINELS:
                inner = [value for value in map(float, values) if value not in SENTINELS]
                low, high = min(inner, default=math.inf), max(inner, default=-math.inf)
            column.inner = min(low, column.inner[0]), max(high, column.inner[1])
            if column.integers and not column.zeros and block.zeros(index):
                column.zeros = next(filter(_LEADING.match, block.column(index)))[:24]
            if column.grouped >= 0:
                _see_groups(column, block.column(index))
            return
    column.counting = False
    _take_slowly(column, block.column(index), start, missing)


def _see_groups(column: Scanned, cells: Collection[str]) -> None:
    """See whether points may group thousands."""
    points = [cell for cell in cells if "." in cell]
    groups = all(cell[-4:-3] == "." and cell[:1] != "0" for cell in points)
    column.grouped = column.grouped + len(points) if groups else -1


def _count(column: Scanned, found: Counter[str]) -> None:
    """Add to the different values, unless there are too many by now."""
    assert column.counts is not None
    for text, times in found.items():
        column.counts[text.strip(BLANKS)] += times
        if len(column.counts) > column.limit:
            column.counts = None
            return


def _take_slowly(column: Scanned, cells: Sequence[str], start: int, missing: Collection[str]) -> None:
    """As :func:`_take`, each different cell by itself: some are missing, or text, or too large."""
    found = Counter(cells)
    gone = {cell for cell in found if cell.strip(BLANKS).lower() in missing}
    if gone:
        for row, cell in enumerate(cells):
            if cell in gone:
                maybe = missing is MISSING and cell.strip(BLANKS) == NA
                (column.maybe if maybe else column.missing).append(start + row)
        for cell in gone:
            del found[cell]
    for cell, times in found.items():
        value = number(cell, column.style)
        if value is None:
            _take_text(column, cell, times, start + cells.index(cell))
            continue
        column.numbers += times
        if not -LARGEST <= value <= LARGEST:
            column.odd = column.odd or (start + cells.index(cell), plain_text(cell.strip())[:40])
            continue
        column.low, column.high = min(column.low, value), max(column.high, value)
        column.total += value * times
        column.integers = column.integers and value.is_integer()
        if value not in SENTINELS:
            column.inner = min(value, column.inner[0]), max(value, column.inner[1])
        if column.integers and not column.zeros and _LEADING.match(cell.strip(BLANKS)):
            column.zeros = cell.strip(BLANKS)[:24]
        if column.grouped >= 0 and column.style.decimal == "." != column.style.thousands:
            _see_groups(column, (cell.strip(BLANKS),))
        if column.kinds or column.style != PLAIN:
            kinds = kinds_of(cell)
            column.kinds.add(kinds)
            if column.style.checked and not column.unusual and any("groups" in kind for kind in kinds):
                column.unusual = start + cells.index(cell), plain_text(cell.strip())[:40]
    if column.counts is not None:
        _count(column, found)


def _take_text(column: Scanned, cell: str, times: int, row: int) -> None:
    """Take a cell that is no number; it is first seen in ``row``."""
    shown = plain_text(cell.strip())[:40]
    column.kinds.add(kinds_of(cell))
    column.unusual = column.unusual or (row, shown)
    half = cell.count('"') == 1 and len(cell) > 1 and '"' in (cell[0], cell[-1])
    column.half_quoted += half * times
    if column.broken is None and (half or "\n" in cell or "\r" in cell):
        column.broken = row
    column.texts += times
    column.integers = False
    column.first_text = column.first_text or (row, shown)


def glimpse(path: Path, table: Table) -> tuple[Layout, tuple[tuple[str, ...], ...]]:
    """Layout and first rows of a table, whatever comes after them.

    Raises:
        Wrong: even these cannot be read.
    """
    layout = layout_of(path, table)
    found: list[tuple[str, ...]] = []
    for _, cells in Rows(path, layout).rows():
        found.append(_shown(cells))
        if len(found) > PREVIEW:
            break
    return layout, tuple(found[1:] if layout.header else found[:PREVIEW])
