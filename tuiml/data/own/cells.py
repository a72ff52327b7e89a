"""Numbers, dates and missing values as people write them in a table's cells.

A column's cells are read in one style, which the whole column decides: :func:`kinds_of` says what a cell
speaks for, :func:`decide` what a column of such cells is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

MISSING = frozenset({"", "n/a", "#n/a", "<na>", "nan", "null", "?", "-", "na"})
"""What stands for a missing value, in small letters."""
BLANKS = " \t\r\n\u00a0\u202f\u2009\ufeff"
DECIMALS = {"point": ".", "comma": ","}
THOUSANDS = {"none": "", "comma": ",", "point": ".", "space": " ", "apostrophe": "'"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( \d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?( ?[aApP][mM])?")
_WRITTEN = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[$€£¥]?) ?(?P<sign2>[+-]?)(?P<core>\d[\d.,' ]*\d|\d|[.,]\d+)"
    r"(?P<e>[eE][+-]?\d+)? ?(?P<after>%|[$€£¥]|°?[A-Za-zµ²³/]{1,12})?"
)
_CORES = {
    "plain": re.compile(r"\d+"),
    "point": re.compile(r"\d*\.\d+|\d+\."),
    "comma": re.compile(r"\d*,\d+"),
    "comma groups": re.compile(r"[1-9]\d{0,2}(,\d{3})+"),
    "comma groups, point": re.compile(r"\d{1,3}(,\d{3})+\.\d+"),
    "point groups": re.compile(r"[1-9]\d{0,2}(\.\d{3})+"),
    "point groups, comma": re.compile(r"\d{1,3}(\.\d{3})+,\d+"),
    "space groups": re.compile(r"\d{1,3}( \d{3})+"),
    "space groups, comma": re.compile(r"\d{1,3}( \d{3})+,\d+"),
    "space groups, point": re.compile(r"\d{1,3}( \d{3})+\.\d+"),
    "apostrophe groups": re.compile(r"\d{1,3}('\d{3})+(\.\d+)?"),
}


@dataclass(frozen=True)
class Style:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    """``%``, ``$``, ``kg``: in every cell."""
    date: bool = False
    """Dates as ISO 8601: days since 1970."""
    checked: bool = False
    """Read cell by cell, so that what the cells speak for is known."""


PLAIN = Style()


class Ambiguous(ValueError):
    """A column's numbers can be read in two ways."""


def is_missing(cell: str, missing: Collection[str] = MISSING) -> bool:
    return cell.strip(BLANKS).lower() in missing


def _tidy(cell: str) -> str:
    """With an ASCII minus, plain spaces and apostrophes."""
    cell = cell.strip(BLANKS).replace("\u2212", "-").replace("\u2019", "'")
    return cell.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2009", " ")


def kinds_of(cell: str) -> frozenset[str]:
    """What a cell that is not missing speaks for: ``text``, ``date``, ``day`` (a date of another kind), or a
    number's ``point``, ``comma``, ``… groups``, and ``unit …``."""
    cell = _tidy(cell)
    if _NUMBER.fullmatch(cell):
        core = cell.lstrip("+-")
        if "." not in core:
            return frozenset({"plain"})
        return frozenset({"point", "point groups"} if _CORES["point groups"].fullmatch(core) else {"point"})
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        return frozenset({"plain"})
    if _DATE.fullmatch(cell):
        return frozenset({"date"})
    if _DAY.fullmatch(cell):
        return frozenset({"day"})
    found = _WRITTEN.fullmatch(cell)
    if not found or (found["sign"] and found["sign2"]) or (found["before"] and found["after"]):
        return frozenset({"text"})
    kinds = {name for name, pattern in _CORES.items() if pattern.fullmatch(found["core"])}
    if not kinds or (found["e"] and kinds.isdisjoint({"plain", "point", "comma"})):
        return frozenset({"text"})
    return frozenset(kinds | {f"unit {found['before'] or found['after'] or ''}"})


def number(cell: str, style: Style = PLAIN) -> float | None:
    """The number in a cell, ``None`` where it is none."""
    cell = _tidy(cell)
    if style.date:
        return _days(cell) if _DATE.fullmatch(cell) else None
    if style.unit:
        found = _WRITTEN.fullmatch(cell)
        if not found or (found["before"] or found["after"]) != style.unit:
            return None
        cell = found["sign"] + found["sign2"] + found["core"] + (found["e"] or "")
    if style.thousands:
        if style.thousands in cell and not _grouped(cell, style):
            return None
        cell = cell.replace(style.thousands, "")
    if style.decimal == ",":
        if "." in cell or cell.count(",") > 1:
            return None
        cell = cell.replace(",", ".")
    if not _NUMBER.fullmatch(cell):
        return float(cell) if cell.lower().lstrip("+-") in ("inf", "infinity") else None
    return float(cell)


def _grouped(cell: str, style: Style) -> bool:
    whole = cell.lstrip("+-").split(style.decimal)[0]
    first, *rest = whole.split(style.thousands)
    return 1 <= len(first) <= 3 and all(len(part) == 3 for part in rest)


def _days(cell: str) -> float | None:
    try:
        found = datetime.fromisoformat(cell.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() / 86400


def decide(
    kinds: Collection[frozenset[str]], decimal: str, thousands: str, *, commas: bool = False
) -> Style | None:
    """How the numbers of a column are written, ``None``: they are text.

    Args:
        kinds: of its cells, those that are not missing.
        decimal, thousands: ``auto``, or what the user says.
        commas: another column of the file has decimal commas.

    Raises:
        Ambiguous: it may be one or the other; the message says which options decide it.
    """
    if all("date" in found for found in kinds):
        return Style(date=True)
    if any(not found.isdisjoint({"text", "day", "date"}) for found in kinds):
        return None
    units = {next((k[5:] for k in found if k.startswith("unit ")), "") for found in kinds}
    if len(units) > 1:
        return None
    (unit,) = units
    ways = [
        (d, t)
        for d in ([DECIMALS[decimal]] if decimal != "auto" else [".", ","])
        for t in ([THOUSANDS[thousands]] if thousands != "auto" else ["", ",", ".", " ", "'"])
        if d != t and all(_fits(found, d, t) for found in kinds)
    ]
    used = {(d, t) for d, t in ways if _needed(kinds, d, t)}
    if (".", "") in ways and decimal == "auto" and thousands == "auto":
        points = [found for found in kinds if "point" in found]
        if (commas or unit == "€") and points and all("point groups" in found for found in points):
            text = 'only groups of three digits, as in 1.234: give thousands = "point" or decimal = "point"'
            raise Ambiguous(text)
        return Style(unit=unit)  # every point may be a decimal one: the usual case
    if {(",", ""), (".", ",")} <= used:
        text = 'only groups of three digits, as in 1,234: give thousands = "comma" or decimal = "comma"'
        raise Ambiguous(text)
    if not ways:
        return None
    best = min(ways, key=lambda way: (way not in used, bool(way[1])))
    return Style(*best, unit)


def _fits(found: frozenset[str], decimal: str, thousands: str) -> bool:
    """Whether a cell can be read so."""
    name = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}
    allowed = {"plain", name[decimal]}
    if thousands:
        groups = f"{name[thousands]} groups"
        allowed |= {groups, f"{groups}, {name[decimal]}"}
    return not found.isdisjoint(allowed)


def _needed(kinds: Collection[frozenset[str]], decimal: str, thousands: str) -> bool:
    """Whether some cell makes use of the signs."""
    name = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}
    words = {k for found in kinds for k in found}
    if thousands:
        return any(word.startswith(f"{name[thousands]} groups") for word in words)
    return name[decimal] in words
