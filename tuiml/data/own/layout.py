"""Detects how a table is written, where its options do not say it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.data.own import dialect
from tuiml.data.own.blocks import Cells, Layout
from tuiml.data.own.cells import BLANKS
from tuiml.data.own.dialect import SEPARATORS
from tuiml.data.own.facts import Wrong
from tuiml.data.own.rows import MOST_COLUMNS, Rows
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table


def layout_of(path: Path, table: Table) -> Layout:
    """How a table is written: detected where its options are ``auto``.

    Raises:
        Wrong: it is no text, or has no rows.
    """
    title = plain_text(path.name)[:80]
    draft = _draft(path, table, title)
    numbered = _first_rows(path, draft, title)
    first = [cells for _, cells in numbered]
    names = [cell.strip(BLANKS) for cell in first[0]]
    width, count = Counter(map(len, first)).most_common(1)[0]
    if width != len(names) and 2 * count > len(first):
        said = f"row {numbered[0][0]:,} has {len(names)} cell" + "s" * (len(names) != 1)
        text = f"{said}, most rows have {width} (separator: {dialect.name_of(draft.separator)})"
        sign = next((sign for sign in ("%", "//") if first[0][0].startswith(sign)), "")
        hint = f', or give comment = "{sign}"' if sign else ", or delete what stands above the table"
        raise Wrong("path", f"{title}: {text}; correct it{hint}")
    below = [row for row in first[1:] if len(row) == len(names)]
    named = draft.separator in dialect.NAMED
    header = named or table.header == "yes" or (table.header == "auto" and dialect.is_header(names, below))
    notes = list(draft.notes)
    if table.header == "auto" and not named and (not header or any(map(dialect.is_number, names))):
        option = 'header = "no" if it is data' if header else 'header = "yes" if it names the columns'
        notes.append(f"the first row {'names the columns' if header else 'is data'} ({option})")
    filled = tuple(bool(name) or any(row[index].strip() for row in below) for index, name in enumerate(names))
    shown = tuple(
        plain_text(name)[:1000] if header and name else f"column {index}"
        for index, name in enumerate(names, 1)
    )
    return replace(draft, header=header, names=shown, filled=filled, notes=tuple(notes))


def _draft(path: Path, table: Table, title: str) -> Layout:
    """Encoding, comments, separator and quotes of a table; its names are not known yet."""
    sample, whole = _sample(path)
    if sample.startswith(b"PAR1"):
        return Layout(dialect.PARQUET, True, ("",))
    encoding = dialect.encoding_of(sample) if table.encoding == "auto" else table.encoding
    if words := dialect.other_format(sample):
        raise Wrong("path", f"{title} {words}")
    if b"\0" in sample and not encoding.startswith(("utf-16", "utf-32")):
        raise Wrong("path", f"{title} is not a text file: it holds NUL bytes")
    text = sample.decode(encoding, "replace")
    if words := dialect.other_text(text):
        raise Wrong("path", f"{title} {words}")
    lines, notes = dialect.sample_lines(text, whole), []
    comment = dialect.comment_of(lines) if table.comment == "auto" else table.comment.replace("none", "")
    if comment:
        lines = [line for line in lines if not line.lstrip().startswith(comment)]
        if table.comment == "auto":
            notes.append(f'lines that begin with {comment} are passed over (comment = "none" to read them)')
    skip, sign = 0, SEPARATORS.get(table.delimiter, "")
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].rstrip("\r\n")) == 5:
        skip, sign = 1, sign or lines[0][4]
        lines = lines[1:]
    if lines and lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}"):
        sign = dialect.JSON
    if lines and lines[0].strip() == "{":
        raise Wrong(
            "path", f"{title} is JSON of several lines: save it as JSON lines (one object a line) or CSV"
        )
    sign = sign or dialect.separator_of(lines)
    if sign not in dialect.NAMED and (said := dialect.count_line(lines, sign)):
        skip += 1
        notes.append(f"line {skip} is no row, it says what follows: {plain_text(said)}")
    return Layout(
        sign, False, ("",), encoding, comment, dialect.quote_of(lines, sign), skip, (), tuple(notes)
    )


def _first_rows(path: Path, draft: Layout, title: str) -> list[tuple[int, Cells]]:
    """The first rows that are not blank, with their numbers."""
    first: list[tuple[int, Cells]] = []
    for number, cells in Rows(path, draft).rows():
        if len(cells) > MOST_COLUMNS:
            raise Wrong("path", f"{title} has {len(cells):,} columns; at most {MOST_COLUMNS:,} are read")
        first.append((number, cells))
        if len(first) * len(cells) > dialect.SNIFFED * 100 or len(first) == dialect.SNIFFED:
            break
    if not first:
        raise Wrong("path", f"{title} has no rows")
    return first


def _sample(path: Path) -> tuple[bytes, bool]:
    """The first bytes of a file, unpacked, and whether that is all of it."""
    with Rows(path, Layout(",", False, ()))._open() as (file, _):
        found = file.read(dialect.SAMPLE + 1)
        return found[: dialect.SAMPLE], len(found) <= dialect.SAMPLE
