"""Numbers as they are typed and stepped through: small expressions, and the round numbers next to one.

Nothing is evaluated as Python: a text is at most :data:`LONGEST` characters of numbers, ``+ - * / **`` and
brackets, and no result may be larger than :data:`LARGEST`.
"""

from __future__ import annotations

import math
import re

from tuiml.registry import Option

Number = int | float
LONGEST = 64
LARGEST = 1e300
EXAMPLES = "give a number, such as 0.01, 1e-3, 1/3 or 2**8"
NICE = (1, 2, 5)
_TOKEN = re.compile(r"\s*((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|\*\*|[-+*/^()])")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+")


def evaluate(text: str, *, integer: bool = False) -> Number:
    """The number that a text stands for: ``1e-3``, ``1/3``, ``2**8``, ``1_000``, ``0,01``.

    Args:
        integer: a comma separates thousands; else it may be a decimal point.

    Raises:
        ValueError: it is none; the message says why.
    """
    found = _Expression(_without_commas(text.strip(), integer)).value()
    if not math.isfinite(found) or abs(found) > LARGEST:
        raise ValueError("too large")
    if integer and isinstance(found, float) and found.is_integer() and abs(found) < 2**53:
        return int(found)
    return found


def is_plain(text: str, value: Number) -> bool:
    """True if a text is a number of that value already, and no expression."""
    try:
        return float(text) == value
    except ValueError:
        return False


def _without_commas(text: str, integer: bool) -> str:
    if "," not in text:
        return text
    if _THOUSANDS.fullmatch(text):
        if integer or text.count(",") > 1:
            return text.replace(",", "")
        raise ValueError(
            f"{text} may be {text.replace(',', '')} or {text.replace(',', '.')}: write one of them"
        )
    return text.replace(",", ".") if text.count(",") == 1 and not integer else text


class _Expression:
    """A text read from left to right, with the usual precedence; ``**`` binds its right side first."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"longer than {LONGEST} characters")
        self._tokens: list[str] = []
        at, end = 0, len(text)
        while at < end:
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(EXAMPLES)
            self._tokens.append(token.group(1))
            at = token.end()

    def value(self) -> Number:
        found = self._sum()
        if self._tokens:
            raise ValueError(EXAMPLES)
        return found

    def _take(self, *wanted: str) -> str:
        """The next token if it is one of those; else an empty text."""
        return self._tokens.pop(0) if self._tokens and self._tokens[0] in wanted else ""

    def _sum(self) -> Number:
        found = self._product()
        while sign := self._take("+", "-"):
            found = _bounded(found + self._product() if sign == "+" else found - self._product())
        return found

    def _product(self) -> Number:
        found = self._signed()
        while sign := self._take("*", "/"):
            other = self._signed()
            if sign == "/" and other == 0:
                raise ValueError("division by zero")
            found = _bounded(found * other if sign == "*" else found / other)
        return found

    def _signed(self) -> Number:
        if sign := self._take("+", "-"):
            return -self._signed() if sign == "-" else self._signed()
        base = self._atom()
        return _power(base, self._signed()) if self._take("**", "^") else base

    def _atom(self) -> Number:
        if self._take("("):
            found = self._sum()
            if not self._take(")"):
                raise ValueError("a bracket is not closed")
            return found
        token = self._tokens.pop(0) if self._tokens else ""
        try:
            return int(token)
        except ValueError:
            pass
        try:
            return float(token)
        except ValueError:
            raise ValueError(EXAMPLES) from None


def _power(base: Number, exponent: Number) -> Number:
    try:
        if isinstance(base, int) and abs(base) > 2**53:
            base = float(base)
        if isinstance(exponent, int) and not 0 <= exponent <= LONGEST:
            exponent = float(exponent)
        found = base**exponent
    except (OverflowError, ZeroDivisionError):
        raise ValueError("too large") from None
    if isinstance(found, complex):
        raise ValueError("the root of a negative number")
    return _bounded(found)


def _bounded(value: Number) -> Number:
    """A value no larger than :data:`LARGEST`, so that no intermediate result grows without limit."""
    if not abs(value) <= LARGEST:
        raise ValueError("too large")
    return value


def nice(rate: float, way: int) -> float:
    """The next 1, 2 or 5 times a power of ten above (+1) or below (−1) a rate; NaN: it is not above 0."""
    if not (math.isfinite(rate) and rate > 0):
        return math.nan
    power = math.floor(math.log10(rate))
    # read from text, since 5 · 10⁻³ rounds twice
    found = [float(f"{m}e{p}") for p in (power - 1, power, power + 1) for m in NICE]
    if way > 0:
        return next(n for n in found if n > rate * (1 + 1e-9))
    return next(n for n in reversed(found) if n < rate * (1 - 1e-9))


SMALLEST = 1e-6
"""The step above 0 of a number that is multiplied."""
_FRACTIONS = (
    *(0.0, 0.001, 0.002, 0.005, 0.01, 0.02),
    *(round(0.05 * i, 2) for i in range(1, 20)),
    *(0.98, 0.99, 0.995, 0.998, 0.999, 1.0),
)


def step(option: Option, value: Number | None, way: int) -> Number | None:
    """The next value of a setting above (+1) or below (−1): its option's bounds hold.

    Whole numbers go up by a part of their size, batch sizes to the next power of two, fractions by 0.05 and
    more finely near 0 and 1, other numbers to the next 1, 2 or 5 times a power of ten.

    Args:
        value: the present one; ``None``: there is none.

    Returns:
        ``None`` where there is no value beyond.
    """
    if value is None:
        found: Number = max(option.low or 0, 1) if option.kind == "int" else min(1.0, option.high or 1.0)
    elif option.kind == "int":
        found = _whole(option, value, way)
    elif option.high is not None and option.high <= 1:
        beyond = [f for f in _FRACTIONS if (f - value) * way > 1e-9]
        found = (min if way > 0 else max)(beyond, default=value)
    else:
        found = _multiplied(value, way)
    found = int(found) if option.kind == "int" else found
    return found if found != value and _allows(option, found) else None


def _whole(option: Option, value: Number, way: int) -> int:
    if option.name == "batch_size":
        power = math.log2(max(1, value))
        return int(2 ** (math.floor(power) + 1 if way > 0 else max(0, math.ceil(power) - 1)))
    size = 1 if option.name in ("seed", "fold") else _increment(value if way > 0 else value - 1)
    return int(math.floor(value / size) + 1 if way > 0 else math.ceil(value / size) - 1) * size


def _increment(value: Number) -> int:
    """What a whole number grows by: 1 below 20, 10 below 200, 50 below 500, then 100 below 2,000, …"""
    if value < 20:
        return 1
    power = 10 ** int(math.log10(value))
    first = value / power
    return int(power if first < 2 else power if first >= 5 else power // 2) // (10 if first < 2 else 1)


def _multiplied(value: Number, way: int) -> float:
    if value > 0:
        found = nice(value, way)
        return 0.0 if found < SMALLEST else found
    if value == 0:
        return SMALLEST if way > 0 else -SMALLEST
    found = -nice(-value, -way)
    return 0.0 if -found < SMALLEST else found


def _allows(option: Option, value: Number) -> bool:
    low, high = option.low, option.high
    if low is not None and (value < low or (option.low_open and value == low)):
        return False
    return high is None or value < high or (value == high and not option.high_open)
