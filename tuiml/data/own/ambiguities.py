"""What in a table may be meant otherwise than it is read: a line each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from tuiml.data.own.cells import number
from tuiml.data.own.dialect import name_of
from tuiml.data.own.scan import SENTINELS, Scan, Scanned
from tuiml.registry import short

SHOWN = 60
"""Characters of a name in a message."""
INDEX = ("index", "id", "row", "unnamed: 0", "rownames", "no", "nr", "#")
"""Names of columns that may count the rows."""
_ID = re.compile(r"(^|.*[_ .-])(id|uuid|key)|.*[a-z]I[dD]")
_TOTALS = re.compile(
    r"(grand |sub)?totale?s?|sum(me|a)?|som(me|ma|a)|gesamt|insgesamt|average|avg|mean|mittelwert|moyenne|"
    r"m[ée]dia|count|合計|平均|합계|총계|평균"
)
FEW = 20
"""Rows up to which more columns than rows are said."""


def ambiguities(scan: Scan, used: Collection[int], labels: Sequence[int], guessed: bool) -> Iterator[str]:
    """What is to be said of the columns that are used.

    Args:
        guessed: the label is the last column, since none is named as one.
    """
    columns = [scan.columns[index] for index in used]
    inputs = [scan.columns[index] for index in used if index not in labels]
    texts = [found for found in inputs if found.texts]
    label = scan.columns[labels[0]]
    if guessed and texts and not label.texts:
        some = ", ".join(_name(found) for found in texts[:3])
        yield f"the last column, {_name(label)}, is taken for the label; {some} is text (label)"
    if scan.rows < min(FEW, len(columns)) and texts:
        yield f"{scan.rows} rows of {len(columns)} columns: is an example a row, and not a column?"
    for found in columns:
        yield from _texts(found, scan) if found.texts else _numbers(found)
    for index in (index for index in used if index not in labels):
        yield from _names(scan.columns[index], index, scan.rows)
    yield from _footer(columns, scan)
    points = [found for found in columns if found.grouped > 0 and not found.texts]
    if points and all(found.grouped >= 0 for found in columns if not found.integers):
        text = "only three digits after the point, as 1.234, which is read as a decimal one (thousands)"
        yield f"{_few(points)}: {text}, with {name_of(scan.layout.separator)} between columns"


def _name(found: Scanned) -> str:
    return f"'{found.name[:SHOWN]}'"


def _few(columns: Sequence[Scanned]) -> str:
    return ", ".join(map(_name, columns[:3])) + (", …" if len(columns) > 3 else "")


def _numbers(found: Scanned) -> Iterator[str]:
    """Numbers that may be dates, names or missing values."""
    if not found.numbers:
        return
    name, low, high = _name(found), found.low, found.high
    if found.zeros:
        yield f"{name} has leading zeros, as {found.zeros}: codes, and no numbers? They are read as numbers"
    if found.integers and all(_is_day(value) for value in (low, high)):
        text = "dates? They are read as numbers; write a date as 2020-12-31"
        yield f"{name} goes from {low:.0f} to {high:.0f}: {text}"
    inner, outer = found.inner
    if inner > outer:
        return
    for value, gap in ((low, inner - low), (high, high - outer)):
        far = gap > outer - inner if value != -1 else inner >= 0 and outer - inner >= 10
        if value in SENTINELS and gap > 0 and far:
            text = f"far from its other values ({inner:g} to {outer:g}): a missing one? (missing_values)"
            yield f"{name} has {value:g}, {text}"


def _is_day(value: float) -> bool:
    return 19000000 < value < 21010000 and 1 <= value // 100 % 100 <= 12 and 1 <= value % 100 <= 31


def _names(found: Scanned, index: int, rows: int) -> Iterator[str]:
    """Inputs that count the examples, or are names of them."""
    if not found.numbers or found.texts or not found.integers:
        return
    if max(abs(found.low), abs(found.high)) > 2**53:
        text = "is beyond 2**53, where float64 rounds whole numbers: leave it out if they are names (ignore)"
        yield f"{_name(found)} {text}"
    unnamed = found.name.lower() in INDEX or found.name == f"column {index + 1}"
    if unnamed and found.counting and found.numbers == rows > 2:
        text = "counts the rows: an index, which says nothing of new examples (leave it out with ignore)"
        yield f"{_name(found)} {text}"
    elif _ID.fullmatch(found.name) and found.counts is None:
        yield f"{_name(found)} may be names of examples, which say nothing of new ones (ignore)"


def _texts(found: Scanned, scan: Scan) -> Iterator[str]:
    """Values that may be the same, and numbers among text."""
    if found.counts is None:
        return
    if found.numbers and found.first_text:
        row, text = found.first_text
        where = f"{short(text)} in row {scan.row_number(row):,}"
        yield f"{_name(found)} has numbers, and text, as {where}: each different one is a value of its own"
    groups: dict[str, list[str]] = {}
    for text in sorted(found.counts):
        same = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
        groups.setdefault(" ".join(same.casefold().split()), []).append(text)
    alike = [" and ".join(map(short, group[:3])) for group in groups.values() if len(group) > 1]
    if alike:
        yield f"{', '.join(alike[:3])} are different values of {_name(found)}: write alike what is the same"


def spelled(found: Scanned, classes: dict[str, int]) -> Iterator[str]:
    """Labels that are the same number, written in several ways."""
    first: dict[int, str] = {}
    for text, label in classes.items():
        if first.setdefault(label, text) != text and not found.texts:
            yield f"{short(first[label])} and {short(text)} in {_name(found)} are the same class"
            return


def _footer(columns: Sequence[Scanned], scan: Scan) -> Iterator[str]:
    """A last row that is no example, but the sum or the mean of the others."""
    where = f"row {scan.row_number(scan.rows - 1):,}"
    for found in columns:
        once = found.counts is not None and found.counts[found.last] == 1
        if once and found.texts and _TOTALS.fullmatch(found.last.casefold()):
            yield f"{where}, {_name(found)} is {short(found.last)}: a footer, and no example? Delete it then"
            return
    known = [(found.total, number(found.last, found.style)) for found in columns if found.low < found.high]
    pairs = [(total - last, last) for total, last in known if last is not None]
    count = scan.rows - 1
    for what, share, least in (("sum", 1, 1 if count > 9 else 2), ("mean", count, 2)):
        if (
            count > 2
            and len(pairs) >= least
            and all(abs(rest / share - last) <= 1e-9 * abs(last) for rest, last in pairs)
        ):
            yield f"{where} is the {what} of those above it: a footer, and no example? Delete it then"
            return
