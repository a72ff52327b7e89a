"""The rows of a text file of separated values: encoding, separator, header, and a bound on everything."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tuiml.data.own.facts import MOST_BYTES, Wrong
from tuiml.data.own.location import open_file
from tuiml.text import plain_text

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
LONGEST_LINE = 4_000_000
"""Characters of a line."""
MOST_COLUMNS = 50_000
MOST_BLANK = 100_000
_SAMPLE = 1 << 16
_SNIFFED = 30
"""Rows that separator and header are found from."""
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "?"})
"""What stands for a value that is not there, in small letters."""

Cells = list[str]


@dataclass(frozen=True)
class Layout:
    """How a table is written."""

    separator: str
    header: bool
    names: tuple[str, ...]
    """Of the columns; ``column 1``, … without a header."""

    @property
    def decimal_comma(self) -> bool:
        """Whether ``1,5`` may be a number: where the comma separates nothing else."""
        return self.separator != ","


class Rows:
    """Goes through a file's rows in blocks; row numbers are those a spreadsheet shows, from 1."""

    def __init__(self, path: Path, layout: Layout | None = None) -> None:
        self.path = path
        self.title = plain_text(path.name)[:80]
        self.layout = layout
        self.underscores = False
        """Whether a line since the last block had one: Python reads 1_000 as a number, no table means it."""
        self.blank: list[int] = []
        """Rows with nothing in them, which are passed over."""

    def blocks(self) -> Iterator[tuple[list[Cells], int]]:
        """The rows below the header, some thousands of cells at a time, and the bytes read so far.

        Raises:
            Wrong: it is no such text, or a row has another number of cells than the first.
        """
        assert self.layout is not None
        count = len(self.layout.names)
        size = max(1, min(512, 50_000 // count))
        with open_file(self.path, MOST_BYTES) as raw:
            block: list[Cells] = []
            header = self.layout.header
            for number, cells in self.rows(raw, self.layout.separator):
                if header:
                    header = False
                    continue
                if len(cells) != count:
                    raise self._ragged(number, len(cells), count)
                block.append(cells)
                if len(block) == size:
                    yield block, raw.tell()
                    block, self.underscores = [], False
            if block:
                yield block, raw.tell()

    def rows(self, raw: IO[bytes], separator: str) -> Iterator[tuple[int, Cells]]:
        """Every row that is not blank, with its number."""
        number = 0
        self.blank.clear()
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        try:
            for number, cells in enumerate(
                csv.reader(self._lines(text), delimiter=separator, skipinitialspace=True), 1
            ):
                if cells:
                    yield number, cells
                    continue
                self.blank.append(number)
                if len(self.blank) > MOST_BLANK:
                    raise Wrong("path", f"{self.title} has more than {MOST_BLANK:,} blank rows")
        except UnicodeDecodeError:
            raise self._not_text() from None
        except csv.Error as error:
            raise self._not_csv(number + 1, error) from None
        finally:
            text.detach()

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise Wrong(
                    "path", f"{self.title}: line {number:,} has more than {LONGEST_LINE:,} characters"
                )
            if "_" in line:
                self.underscores = True
            if "\0" in line:
                raise Wrong("path", f"{self.title}: line {number:,} holds a NUL byte: it is not a text file")
            yield line

    def _ragged(self, number: int, found: int, wanted: int) -> Wrong:
        cells = f"{found} cell" + "s" * (found != 1)
        text = f"{self.title}: row {number:,} has {cells}, the first row has {wanted}"
        return Wrong("path", f"{text}; every row needs as many (separator: {self._separator()})")

    def _separator(self) -> str:
        assert self.layout is not None
        return next(name for name, sign in SEPARATORS.items() if sign == self.layout.separator)

    def _not_text(self) -> Wrong:
        """Where the first bytes lie that are no UTF-8."""
        with open_file(self.path, MOST_BYTES) as raw:
            number = 0
            while line := raw.readline(4 * LONGEST_LINE):
                number += 1
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    sign = (self.layout.separator if self.layout else ",").encode()
                    column = line[: error.start].count(sign) + 1
                    text = f"{self.title}: row {number:,}, column {column:,} is not UTF-8 text"
                    return Wrong("path", f"{text}; save the file as UTF-8")
        return Wrong("path", f"{self.title} is not UTF-8 text; save the file as UTF-8")

    def _not_csv(self, number: int, error: csv.Error) -> Wrong:
        if "field limit" in str(error):
            text = f"row {number:,} has a cell of more than {csv.field_size_limit():,} characters"
            return Wrong("path", f"{self.title}: {text}; is a quotation mark not closed?")
        return Wrong("path", f"{self.title}: row {number:,} cannot be read: {error}")


def layout_of(path: Path, separator: str, header: str) -> Layout:
    """Separator and header of a file, found out where they are ``auto``.

    Raises:
        Wrong: it is no text, or has no rows.
    """
    title = plain_text(path.name)[:80]
    with open_file(path, MOST_BYTES) as raw:
        sample = raw.read(_SAMPLE)
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Wrong("path", f"{title} is UTF-16 text; save the file as UTF-8")
    if b"\0" in sample:
        raise Wrong("path", f"{title} is not a text file: it holds NUL bytes")
    sign = SEPARATORS.get(separator) or _sniffed(sample)
    first: list[Cells] = []
    with open_file(path, MOST_BYTES) as raw:
        for _, cells in Rows(path).rows(raw, sign):
            if len(cells) > MOST_COLUMNS:
                raise Wrong("path", f"{title} has {len(cells):,} columns; at most {MOST_COLUMNS:,} are read")
            first.append(cells)
            if len(first) * len(cells) > _SNIFFED * 100 or len(first) == _SNIFFED:
                break
    if not first:
        raise Wrong("path", f"{title} has no rows")
    names = [cell.strip() for cell in first[0]]
    has = header == "yes" or (header == "auto" and _is_header(names, first[1:]))
    return Layout(sign, has, _named(names if has else [""] * len(names)))


def _sniffed(sample: bytes) -> str:
    """The separator that gives most rows of the sample the same number of cells, and more than one."""
    lines = sample.decode("utf-8-sig", "replace").splitlines(keepends=True)
    lines = lines[: max(1, len(lines) - 1)][:_SNIFFED]  # the last one may be cut
    best, sign = (0.0, 0), ","
    for candidate in SEPARATORS.values():
        try:
            widths = Counter(len(r) for r in csv.reader(lines, delimiter=candidate) if r)
        except csv.Error:
            continue
        width, rows = widths.most_common(1)[0] if widths else (0, 0)
        score = (rows / max(1, widths.total()), width)
        if width > 1 and score > best:
            best, sign = score, candidate
    return sign


def _is_header(names: Cells, below: list[Cells]) -> bool:
    """A first row names the columns if none of its cells is a number, and all differ or numbers follow."""
    if not below or any(number(name, True) is not None for name in names):
        return False
    follow = any(number(cell, True) is not None for row in below for cell in row)
    return follow or len(set(names)) == len(names)


def _named(names: list[str]) -> tuple[str, ...]:
    """Every column's name, fit to be shown; one without any is called by its number."""
    return tuple(plain_text(name)[:60] or f"column {index}" for index, name in enumerate(names, 1))


def number(cell: str, decimal_comma: bool) -> float | None:
    """The number in a cell, ``None`` where it is none."""
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        pass
    if decimal_comma and cell.count(",") == 1 and "." not in cell:
        try:
            return float(cell.replace(",", "."))
        except ValueError:
            pass
    return None
