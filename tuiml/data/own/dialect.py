"""How a text table is written, detected from its first rows: encoding, comments, separator, header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from itertools import pairwise

from tuiml.data.own.cells import is_missing, kinds_of, number
from tuiml.registry import short

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "blank": " "}
JSON = "{"
"""In place of a separator: a JSON object a line."""
PARQUET = "PAR1"
NAMED = (JSON, PARQUET)
"""Formats whose columns have names."""
SAMPLE = 1 << 16
"""Bytes that are read to detect the dialect."""
SNIFFED = 60
"""Rows that separator and header are detected from."""
MOST = 0.8
"""Fraction of a column's cells that says what the column is."""
_OTHER = {
    b"PK": "is an Excel workbook or another zip file: save the sheet as CSV (File, Save As, CSV UTF-8)",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook: save the sheet as CSV (File, Save As, CSV UTF-8)",
    b"BZh": "is packed by bzip2: unpack it",
    b"\xfd7zXZ": "is packed by xz: unpack it",
    b"7z\xbc\xaf": "is packed by 7-Zip: unpack it",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it",
    b"%PDF": "is a PDF: export the table as CSV",
    b"\x89HDF": "is an HDF5 file: save its arrays with numpy.savez",
    b"MATLAB": "is a MATLAB file: save its arrays with numpy.savez",
    b"SQLite": "is an SQLite database: export the table as CSV",
    b"ARROW1": "is a Feather or Arrow file: save it as CSV",
    b"\x80\x04": "is a pickle, which is never read: save the table as CSV",
    b"\x80\x05": "is a pickle, which is never read: save the table as CSV",
}
_FIRST_LINES = {
    "@relation": "is an ARFF file: delete the lines up to and with @data, and save it as CSV",
    "<!doctype": "is a web page: download the table itself",
    "<html": "is a web page: download the table itself",
    "<table": "is a web page: download the table itself",
    "<?xml": "is an XML file: save the table as CSV",
    "[": "is JSON: save it as JSON lines (one object a line) or CSV",
}


def name_of(separator: str) -> str:
    return next((name for name, sign in SEPARATORS.items() if sign == separator), short(separator))


def other_format(first: bytes) -> str:
    """What to do with a file of another format than text; empty for what may be a table."""
    if b"opendocument.spreadsheet" in first[:200]:
        return "is a LibreOffice sheet: save it as CSV (File, Save As, Text CSV)"
    for magic, words in _OTHER.items():
        if first.startswith(magic):
            return words
    return ""


def other_text(text: str) -> str:
    """What to do with text in another format; empty for what may be a table."""
    start = re.sub(r"\A(\s*%[^\n]*\n|\s+)*", "", text[:SAMPLE]).lower()
    return next((words for begins, words in _FIRST_LINES.items() if start.startswith(begins)), "")


def encoding_of(sample: bytes) -> str:
    """By the byte order mark, or by the zeros of UTF-16 without one; else UTF-8."""
    if sample[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    if sample[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if 4 * max(even, odd) > len(sample) and not min(even, odd):
        return "utf-16-le" if odd else "utf-16-be"
    return "utf-8-sig"


def likely_encodings(line: bytes) -> str:
    """The encodings that a line which is not UTF-8 may have: those in which most of its foreign letters are
    kana, Hangul or Chinese; else Windows' of western Europe."""
    likely = []
    for name, codec, first, last in (
        ("cp932", "cp932", "\u3040", "\u30ff"),
        ("cp949", "euc_kr", "\uac00", "\ud7a3"),
        ("gb18030", "gb2312", "\u4e00", "\u9fff"),
    ):
        foreign = [c for c in line.decode(codec, "replace") if not c.isascii()]
        if 2 * sum(first <= c <= last for c in foreign) > len(foreign):
            likely.append(f'"{name}"')
    return " or ".join(likely) or '"windows-1252"'


def comment_of(lines: list[str]) -> str:
    """``#`` where lines begin with it at the top, or others that are no rows of the table (``#N/A,1,2``)."""
    marked = [line.lstrip().startswith("#") for line in lines]
    if not any(marked) or all(marked):
        return ""
    others = [line for line, is_marked in zip(lines, marked, strict=True) if not is_marked and line.strip()]
    top = marked.index(False)
    inside = [line for line, is_marked in zip(lines[top:], marked[top:], strict=True) if is_marked]
    separator = separator_of(others)
    widths = set(map(len, rows_with(others, separator)))
    return "" if any(len(row) in widths for row in rows_with(inside, separator)) else "#"


def quote_of(lines: list[str], separator: str) -> str:
    """``'`` where most cells stand within such marks, else ``"``."""
    cells = [cell.strip() for row in rows_with(lines, separator) for cell in row]
    quoted = sum(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in cells)
    return "'" if 2 * quoted > len(cells) else '"'


def rows_with(lines: list[str], separator: str) -> list[list[str]]:
    """The rows that have something in them; as far as they can be read."""
    rows: list[list[str]] = []
    if separator == " ":
        lines = [line.replace("\t", " ").rstrip() + "\n" for line in lines]
    try:
        rows.extend(filter(None, csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)))
    except csv.Error:  # a row beyond the sample's end, or one that reading will complain of
        return rows
    return rows


def separator_of(lines: list[str]) -> str:
    """The separator with which most rows have as many cells, few of them with another separator inside."""
    best, found = (0.0, 0.0, 0.0, 0), ","
    for candidate in SEPARATORS.values():
        rows = rows_with(lines, candidate)[:SNIFFED]
        cells = [cell for row in rows for cell in row]
        if not cells:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if width < 2:
            continue
        inside = sum(any(s in cell for s in ";\t|" if s != candidate) for cell in cells) / len(cells)
        numbers = sum(is_number(cell) for cell in cells) / len(cells)
        if candidate == " " and numbers < 0.5:  # sentences
            continue
        first = 0.3 * (len(rows[0]) == width)  # it has the names, and no text with signs in it
        score = (round(count / len(rows) - inside + first, 1), float(candidate != " "), numbers, width)
        if score > best:
            best, found = score, candidate
    return found


def count_line(lines: list[str], separator: str) -> str:
    """What the first line of scikit-learn's tables says: the numbers of rows and inputs, and the classes;
    empty where it is a row."""
    (first, *rest), *rows = rows_with(lines[:SNIFFED], separator) or [[""]]
    inputs, *names = rest or [""]
    counts = first.isdecimal() and inputs.isdecimal() and bool(rows) and int(inputs) == len(rows[0]) - 1
    if not counts or int(first) < len(rows) or len(names) < 2 or any(map(is_number, names)):
        return ""
    return f"{first} rows, {inputs} inputs, classes {', '.join(names)}"[:120]


def is_number(cell: str) -> bool:
    kinds = kinds_of(cell)
    return "text" not in kinds and "day" not in kinds


def is_header(names: list[str], below: list[list[str]]) -> bool:
    """Whether a first row names the columns: its cells differ from the cells below them in kind, or, where
    all is text, hardly any of its words stands below."""
    below = [row for row in below if [cell.strip() for cell in row] != names]  # it may be repeated
    if not below:
        return False
    if _counts_up([name for name in names if is_number(name)]):
        named = [name for name in names if name and not is_number(name)]
        fractions = any("." in cell or "," in cell for row in below for cell in row if is_number(cell))
        if fractions or (named and not any(name in row for name in named for row in below)):
            return True
    same = other = 0
    for index, name in enumerate(names):
        cells = [row[index].strip() for row in below if index < len(row)]
        cells = [cell for cell in cells if not is_missing(cell)]
        if not cells or not name:
            continue
        if is_number(name):
            return _is_scale(names, below)
        numbers, dates = sum(map(is_number, cells)), sum(map(_is_date, cells))
        if numbers > MOST * len(cells) or (dates > MOST * len(cells) and not _is_date(name)):
            return True
        same, other = same + (name in cells), other + (name not in cells)
    return same < other and len(set(names)) == len(names) if same else other > 0 and _distinct(names)


def _is_scale(names: list[str], below: list[list[str]]) -> bool:
    """Whether a row with numbers names columns: the numbers grow, and its words stand nowhere below, where
    words are repeated (400,410,420,class above the values of a spectrum)."""
    values = [number(name) for name in names if is_number(name)]
    known = [value for value in values if value is not None]
    words = [index for index, name in enumerate(names) if name and not is_number(name)]
    columns = [[row[index].strip() for row in below if index < len(row)] for index in words]
    grows = len(known) > 1 and all(a < b for a, b in pairwise(known))
    return (
        grows
        and bool(words)
        and all(
            names[index] not in cells and 2 * len(set(cells)) < len(cells)
            for index, cells in zip(words, columns, strict=True)
        )
    )


def _distinct(names: list[str]) -> bool:
    filled = [name for name in names if name]
    return len(set(filled)) == len(filled)


def _is_date(cell: str) -> bool:
    return not {"date", "day"}.isdisjoint(kinds_of(cell))


def _counts_up(names: list[str]) -> bool:
    """Whether they are 0, 1, 2, … or 1, 2, 3, … (pandas' own names of columns), or years."""
    if len(names) < 2 or not all(name.isascii() and name.isdigit() for name in names):
        return False
    values = list(map(int, names))
    return values == list(range(values[0], values[0] + len(values))) and values[0] in (
        0,
        1,
        *range(1900, 2100),
    )


def sample_lines(text: str, whole: bool) -> list[str]:
    """The lines of a sample; the last one may be cut."""
    lines = list(io.StringIO(text, newline=""))
    return lines if whole or len(lines) < 2 else lines[:-1]
