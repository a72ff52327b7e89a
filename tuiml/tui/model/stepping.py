"""Numbers as keys step through them: the round numbers next to one."""

from __future__ import annotations

import math

from tuiml.registry import Option
from tuiml.typed_numbers import Number

NICE = (1, 2, 5)


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
