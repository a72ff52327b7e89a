"""Numbers as a person types them: small expressions such as ``1e-3``, ``1/3`` and ``2**8``.

Nothing is evaluated as Python: a text is at most :data:`LONGEST` characters of numbers, ``+ - * / **`` and
brackets, and no result may be larger than :data:`LARGEST`.
"""

from __future__ import annotations

import math
import re

Number = int | float
LONGEST = 64
LARGEST = 1e300
EXAMPLES = "give a number, such as 0.01, 1e-3, 1/3 or 2**8"
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
