"""The rows of a text table, read with a bound on everything."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from tuiml.data.own import dialect
from tuiml.data.own.blocks import Block, Cells, Layout
from tuiml.data.own.facts import MOST_BYTES, Wrong
from tuiml.data.own.location import open_file
from tuiml.registry import short
from tuiml.text import plain_text

LONGEST_LINE = 4_000_000
"""Characters of a line."""
MOST_COLUMNS = 50_000
MOST_BLANK = 100_000
CLEAN = 1_000_000
"""Bytes from which on a table is read by numpy as far as it is clean."""
NAMED = 8
"""Rows that a message names."""
_DUCKDB: dict[str, Any] = {
    "threads": 2,
    "memory_limit": "400MB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}
"""It reads one file, with what is built in: nothing is fetched."""


class Rows:
    """Goes through a file's rows in blocks; row numbers are those a spreadsheet shows, from 1."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.title = plain_text(path.name)[:80]
        self.layout = layout
        self._underscores = False
        self.blank: list[int] = []
        """Rows with nothing in them, which are passed over."""
        self.done = 0
        """Bytes of the file that were read."""

    def blocks(self) -> Iterator[Block]:
        """The rows below the header, some thousands of cells at a time.

        Raises:
            Wrong: it is no such text, rows have another number of cells than the first, or repeat the header.
        """
        read, all_read = 0, False
        if self._clean():
            from tuiml.data.own.clean import clean_blocks

            with self._open() as (file, raw):
                for block in clean_blocks(file, self.layout):
                    if all_read := block is None:
                        break
                    read, self.done = read + len(block), raw.tell()
                    yield block
        if not all_read:
            yield from self._blocks(read)

    def _blocks(self, read: int) -> Iterator[Block]:
        """The rows below the first ``read``, one by one."""
        count = len(self.layout.names)
        size = max(1, min(512, 50_000 // count))
        block: list[Cells] = []
        ragged: list[tuple[int, int]] = []
        header = next(self.rows())[1] if read and self.layout.header else None
        for number, cells in self.rows(read + self.layout.header if read else 0):
            if self.layout.header and header is None:
                header = cells
                continue
            if len(cells) != count or cells == header:
                ragged.append((number, -1 if cells == header else len(cells)))
                if len(ragged) > NAMED:
                    break
                continue
            block.append(cells)
            if len(block) == size:
                if not ragged:
                    yield self._block(block)
                block = []
        if ragged:
            raise self._ragged(ragged, count)
        if block:
            yield self._block(block)

    def _block(self, rows: list[Cells]) -> Block:
        block = Block(rows)
        block.underscores, self._underscores = self._underscores, False
        return block

    def _clean(self) -> bool:
        """Whether the text may be clean, and is large enough to read it by numpy."""
        layout = self.layout
        plain = layout.encoding.startswith("utf-8") and layout.separator in ",;\t|" and not layout.skip
        return plain and self.path.stat().st_size >= CLEAN

    def rows(self, start: int = 0) -> Iterator[tuple[int, Cells]]:
        """Every row that is not blank, with its number; without the first ``start`` lines, which are rows."""
        number = start
        self.blank.clear()
        if self.layout.separator == dialect.JSON:
            yield from enumerate(self._objects())
            return
        if self.layout.separator == dialect.PARQUET:
            yield from enumerate(self._parquet())
            return
        reader = csv.reader(
            self._lines(start),
            delimiter=self.layout.separator,
            quotechar=self.layout.quote,
            skipinitialspace=True,
            strict=True,
        )
        try:
            for number, cells in enumerate(reader, start + 1):
                if cells:
                    yield number, cells
                    continue
                self.blank.append(number)
                if len(self.blank) > MOST_BLANK:
                    raise Wrong("path", f"{self.title} has more than {MOST_BLANK:,} blank rows")
        except UnicodeError as error:
            if self.layout.encoding.startswith("utf-8"):
                raise self._not_text() from None
            raise Wrong("encoding", f"{self.title} is no {self.layout.encoding} text: {error}") from None
        except csv.Error as error:
            raise self._not_csv(number + 1, error) from None

    def _objects(self) -> Iterator[Cells]:
        """The keys of the first object of a file of JSON lines, then the values of each object."""
        keys: Cells = []
        for number, line in enumerate(self._lines(), 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line, object_pairs_hook=_once)
            except (ValueError, RecursionError):
                found = None
            except KeyError as twice:
                text = f"row {number:,} has {short(twice.args[0])} twice"
                raise Wrong("path", f"{self.title}: {text}") from None
            if not isinstance(found, dict):
                raise Wrong("path", f"{self.title}: row {number:,} is no JSON object")
            if not keys:
                keys = list(found)
                yield keys
            if unknown := [key for key in found if key not in keys]:
                text = f"row {number:,} has {short(unknown[0])}, which the first row has not"
                raise Wrong("path", f"{self.title}: {text}")
            yield [_text(found.get(key)) for key in keys]

    def _parquet(self) -> Iterator[Cells]:
        """The names of a Parquet file's columns, then the values of each row."""
        with open_file(self.path, MOST_BYTES):
            pass  # it is a file, and not too large
        try:
            import duckdb
        except ImportError:
            text = "is a Parquet file, which DuckDB reads: install the extra parquet, or save it as CSV"
            raise Wrong("path", f"{self.title} {text}") from None
        try:
            with duckdb.connect(config=_DUCKDB) as base:
                base.execute("SET allowed_paths = [?]", [str(self.path)])
                base.execute("SET enable_external_access = false")
                found = base.execute("SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)", [str(self.path)])
                yield [column[0] for column in found.description or ()]
                while block := found.fetchmany(1000):
                    yield from (["" if value is None else value for value in row] for row in block)
        except duckdb.Error as error:
            text = plain_text(str(error).splitlines()[0])[:120]
            raise Wrong("path", f"{self.title} cannot be read: {text}") from None

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The file's bytes, unpacked, and the file itself."""
        with open_file(self.path, MOST_BYTES) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                yield raw, raw
                return
            try:
                with gzip.GzipFile(fileobj=raw) as file:
                    yield cast("IO[bytes]", file), raw
            except (EOFError, zlib.error, gzip.BadGzipFile):
                text = "is damaged, or was cut off: its packed contents cannot be read to their end"
                raise Wrong("path", f"{self.title} {text}") from None

    def _lines(self, start: int = 0) -> Iterator[str]:
        layout, number, size = self.layout, 0, 0
        with self._open() as (file, raw):
            text = io.TextIOWrapper(file, encoding=layout.encoding, newline="")
            try:
                while line := text.readline(LONGEST_LINE):
                    number += 1
                    size += len(line)
                    self._check(line, number, size)
                    if number <= start:
                        continue
                    if "_" in line:
                        self._underscores = True
                    if number % 256 == 0:
                        self.done = raw.tell()
                    if number <= layout.skip or (layout.comment and line.lstrip().startswith(layout.comment)):
                        line = "\n"
                    elif layout.separator == " ":
                        line = line.replace("\t", " ").strip() + "\n"
                    yield line
            finally:
                text.detach()

    def _check(self, line: str, number: int, size: int) -> None:
        if len(line) == LONGEST_LINE:
            raise Wrong("path", f"{self.title}: line {number:,} has more than {LONGEST_LINE:,} characters")
        if size > MOST_BYTES:
            raise Wrong("path", f"{self.title} has more than {MOST_BYTES:,} characters, unpacked")
        if "\0" in line:
            raise Wrong("path", f"{self.title}: line {number:,} holds a NUL byte: it is not a text file")

    def _ragged(self, found: list[tuple[int, int]], wanted: int) -> Wrong:
        """What is wrong with rows of another width, or that are the header once more (-1)."""
        parts = []
        for number, width in found[:NAMED]:
            cells = "repeats the header" if width < 0 else f"has {width} cell" + "s" * (width != 1)
            parts.append(f"row {number:,} {cells}")
        more = ", …" if len(found) > NAMED else ""
        text = f"{self.title}: {', '.join(parts)}{more}, the first row has {wanted}"
        separator = dialect.name_of(self.layout.separator)
        hint = f"every row needs as many (separator: {separator})"
        if all(width < 0 for _, width in found):
            text, hint = f"{self.title}: {', '.join(parts)}{more}", "delete it"
        return Wrong("path", f"{text}; {hint}")

    def _not_text(self) -> Wrong:
        """Where the first bytes lie that are no UTF-8."""
        hint = "save it as UTF-8, or give the encoding"
        with self._open() as (file, _):
            number = 0
            while line := file.readline(4 * LONGEST_LINE):
                number += 1
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    before = line[: error.start].decode("utf-8", "replace")
                    column = len(next(csv.reader([before], delimiter=self.layout.separator), [])) or 1
                    text = f"{self.title}: row {number:,}, column {column:,} is not UTF-8 text"
                    likely = dialect.likely_encodings(line)
                    hint = f"save it as UTF-8, or give encoding = {likely} (or another)"
                    return Wrong("encoding", f"{text}; {hint}")
        return Wrong("encoding", f"{self.title} is not UTF-8 text; {hint}")

    def _not_csv(self, number: int, error: csv.Error) -> Wrong:
        if "field limit" in str(error):
            text = f"row {number:,} has a cell of more than {csv.field_size_limit():,} characters"
            return Wrong("path", f"{self.title}: {text}; is a quotation mark not closed?")
        if "unexpected end" in str(error):
            text = f"row {number:,} opens a quotation mark that is never closed"
            return Wrong("path", f"{self.title}: {text}; close it, or delete it")
        if "expected after" in str(error):
            text = f"row {number:,} has text after a closing quotation mark"
            return Wrong("path", f"{self.title}: {text}; a mark within quotes is written twice")
        return Wrong("path", f"{self.title}: row {number:,} cannot be read: {error}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's values, unless two have the same key."""
    found = dict(pairs)
    for key, _ in pairs if len(found) < len(pairs) else ():
        if [name for name, _ in pairs].count(key) > 1:
            raise KeyError(key)
    return found


def _text(value: object) -> str:
    """A JSON value as a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
