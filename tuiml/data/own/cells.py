"""Numbers, dates and missing values as people write them in a table's cells.

A column's cells are read in one style, which the whole column decides: :func:`kinds_of` says what a cell
speaks for, :func:`decide` what a column of such cells is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MISSING = frozenset({"", "n/a", "#n/a", "<na>", "nan", "null", "?", "-", "na"})
"""What stands for a missing value, in small letters."""
MAYBE_MISSING = {"--", "---", "\u2013", "\u2014", ".", "..", "*", "x", "none", "nil", "missing", "unknown"}
MAYBE_MISSING |= {"\\n", "-nan", "n.a.", "nd", "#ref!", "#div/0!", "#value!", "#name?", "#num!"}
"""What may: among numbers, the option is named."""
BLANKS = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200E)]))
BLANKS += "\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""What a cell is stripped of: what Python calls white space, and what has no width."""
DECIMALS = {"point": ".", "comma": ","}
THOUSANDS = {"none": "", "comma": ",", "point": ".", "space": " ", "apostrophe": "'"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}( \d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2})?( ?[aApP][mM])?")
_CURRENCY = r"(?:[A-Z]{0,3}[$€£¥￥₩₹₽₺₪₫฿₴₦₱\\]|[A-Z]{3}(?= [-\d]))"
_WRITTEN = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>{_CURRENCY}?) ?(?P<sign2>[+-]?)(?P<core>\d[\d.,' ]*\d|\d|[.,]\d+)"
    rf"(?P<e>[eE][+-]?\d+)? ?(?P<after>[%％‰]|{_CURRENCY}|°?[A-Za-zµ²³/]{{1,12}}|[円원元])?"
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
    """Dates with the year first: days since 1970."""
    checked: bool = False
    """Read cell by cell, so that what the cells speak for is known."""


PLAIN = Style()


class Ambiguous(ValueError):
    """A column's numbers can be read in two ways."""


def is_missing(cell: str, missing: Collection[str] = MISSING) -> bool:
    return cell.strip(BLANKS).lower() in missing


def _tidy(cell: str) -> str:
    """With an ASCII minus, plain spaces and apostrophes."""
    cell = cell.strip(BLANKS).replace("\u2212", "-").replace("\uff0d", "-").replace("\u2019", "'")
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
    if found := _DATE.fullmatch(cell):
        return frozenset({"date", "zone"} if found[8] else {"date"})
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
        return _days(cell)
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
    written = _DATE.fullmatch(cell)
    if not written:
        return None
    year, month, day, time = written.group(1, 3, 4, 5)
    try:
        found = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{time or ''}".replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() / 86400


def date_text(days: float) -> str:
    """A date as :func:`number` reads it: the inverse, to the second; empty beyond the calendar."""
    try:
        found = datetime(1970, 1, 1) + timedelta(seconds=round(days * 86400))
    except (OverflowError, ValueError):
        return ""
    return found.isoformat(sep=" ").removesuffix(" 00:00:00")


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
        return Style(date=True) if len(set(kinds)) == 1 else None  # some with a time zone
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
    return Style(*min(ways, key=lambda way: (way not in used, bool(way[1]))), unit)


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
