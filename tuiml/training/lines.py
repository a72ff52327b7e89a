"""Lines of JSON from another process: every value is checked as it is taken out. Bytes are base64 there."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
from typing import Any

from tuiml.training.events import plain

MOST = 2**53
"""The largest whole number that survives JSON everywhere."""


class Line:
    """A line of JSON, whose values are taken out by what they must be.

    Raises:
        ValueError: one is missing, or is something else.
    """

    def __init__(self, line: Any) -> None:
        if not isinstance(line, dict):
            raise ValueError("not an object")
        self._line = line

    def whole(self, name: str, most: int = MOST, least: int = 0) -> int:
        return _whole(self._line.get(name), most, least)

    def number(self, name: str) -> float:
        """A number; ``None`` is NaN."""
        return _number(self._line.get(name))

    def numbers(self, name: str, most: int) -> tuple[float, ...]:
        return tuple(map(_number, self._list(name, most)))

    def word(self, name: str, known: tuple[str, ...]) -> str:
        value = self._line.get(name)
        if value not in known:
            raise ValueError(f"{name} is none of {known}")
        return str(value)

    def packed(self, name: str, most: int) -> bytes:
        return _unpacked(self._line.get(name), most)

    def packs(self, name: str, size: int, most: int) -> tuple[bytes, ...]:
        """Grids of ``size`` bytes each, no more than ``most`` in all."""
        return tuple(exactly(_unpacked(v, size), size) for v in self._list(name, most // max(1, size)))

    def lines(self, name: str, most: int) -> list[Line]:
        return [Line(value) for value in self._list(name, most)]

    def table(self, name: str, most: int) -> tuple[tuple[int, ...], ...]:
        """A square of counts."""
        rows = self._list(name, most)
        if not all(isinstance(row, list) and len(row) == len(rows) for row in rows):
            raise ValueError(f"{name} is not square")
        return tuple(tuple(_whole(n, MOST) for n in row) for row in rows)

    def _list(self, name: str, most: int) -> list[Any]:
        value = self._line.get(name)
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"{name} is not a list of at most {most}")
        return value


def _whole(value: Any, most: int, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"not a whole number from {least} to {most}")
    return value


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise ValueError("not a number")
    return float(value)


def _unpacked(value: Any, most: int) -> bytes:
    if not isinstance(value, str) or len(value) > 4 * (most // 3 + 1):
        raise ValueError("not bytes, or too many")
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if len(found) > most:
        raise ValueError("too many bytes")
    return found


def exactly(data: bytes, size: int) -> bytes:
    """``data``, if it has that size.

    Raises:
        ValueError: it has not.
    """
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes, not {size}")
    return data


def as_many(found: tuple[float, ...], count: int) -> tuple[float, ...]:
    """``found``, if there are ``count`` of them.

    Raises:
        ValueError: there are not.
    """
    if len(found) != count:
        raise ValueError(f"{len(found)} numbers, not {count}")
    return found


def packed(value: Any) -> Any:
    """JSON's types, bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [packed(v) for v in value]
    if dataclasses.is_dataclass(value):
        return {f.name: packed(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return plain(value)
