"""Numbers as people read them in a table: short, rounded, and never a traceback for NaN or infinity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from numbers import Integral
from typing import Literal, SupportsFloat

MISSING = "·"
"""Stands where there is no number; the ASCII set of glyphs has its own."""

Format = Literal["number", "percent"]
Number = SupportsFloat | None


def as_float(value: Number) -> float:
    """``value`` as a float; None, infinity and integers too large for one are NaN."""
    if value is None:
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def place(value: float, low: float, high: float) -> float:
    """Where ``value`` lies between ``low`` (0) and ``high`` (1); 0 where they are too close to tell."""
    half = high / 2 - low / 2  # of the distance, which may itself be beyond the largest float
    return (value / 2 - low / 2) / half if half > 0 else 0.0


def compact(value: Number, digits: int = 2, missing: str = MISSING) -> str:
    """A number in few cells: ``.50``, ``-7.1``, ``12``, ``3e-9``, ``200,960``, ``12.3M``.

    Args:
        value: None and NaN give ``missing``; an integer below ten million is given in full.
        digits: significant digits of a float, and the decimals of one below 1.
    """
    if value is None:
        return missing
    if isinstance(value, Integral):
        return _counted(int(value))
    number = float(value)
    if math.isnan(number):
        return missing
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    if number == 0:
        return "0"
    exponent = int(f"{number:.{digits - 1}e}".partition("e")[2])  # of the rounded number: 9.96 is 10
    if 0 <= exponent < 7:
        return f"{number:,.{max(0, digits - 1 - exponent)}f}"
    if -max(2, digits // 2) <= exponent < 0:
        return f"{number:.{digits}f}".replace("0.", ".", 1)
    return scientific(number, max(0, digits - 2))


def _counted(number: int) -> str:
    if abs(number) < 10_000_000:
        return f"{number:,}"
    for power, letter in ((6, "M"), (9, "G"), (12, "T")):
        if abs(number) < 999.5 * 10**power:
            return f"{number / 10**power:.3g}{letter}"
    exponent = len(str(abs(number))) - 1 if abs(number) < 10**300 else 300
    return scientific(float(number), 0) if exponent < 300 else ("-" if number < 0 else "") + ">1e300"


def scientific(number: float, decimals: int) -> str:
    """``3e-9`` rather than ``3e-09``."""
    mantissa, _, exponent = f"{number:.{decimals}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def percent(fraction: Number, decimals: int = 1, missing: str = MISSING) -> str:
    """A fraction as ``11.2 %``; ``0 %`` and ``100 %`` only where it is that, else ``<0.1 %``, ``>99.9 %``."""
    share = as_float(fraction) * 100
    if not math.isfinite(share):
        return missing
    if share in (0, 100):
        return f"{share:.0f} %"
    if abs(share) >= 1e7:
        return f"{compact(share)} %"
    least = 10.0**-decimals
    if 0 < share < least:
        return f"<{least:.{decimals}f} %"
    if 100 - least < share < 100:
        return f">{100 - least:.{decimals}f} %"
    return f"{share:.{decimals}f} %"


def duration(seconds: Number, missing: str = MISSING) -> str:
    """Seconds as a clock shows them: ``0:07``, ``1:12``, ``2:03:09``, ``3 d 4 h``."""
    total = as_float(seconds)
    if not 0 <= total < 1e12:
        return missing
    minutes, second = divmod(round(total), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days:,} d {hour} h"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def rate(per_second: Number, missing: str = MISSING) -> str:
    """A speed to three digits, since more of them only flicker: ``31,200/s``, ``.52/s``."""
    number = as_float(per_second)
    if math.isnan(number):
        return missing
    if 1000 <= abs(number) < 1e7:
        number = float(f"{number:.3g}")
        return f"{number:,.0f}/s"
    return compact(number, 2 if abs(number) < 1 else 3) + "/s"


def _steps(least: float) -> Iterator[tuple[int, int]]:
    """Steps 1, 2 or 5 · 10^exponent, rising from about ``least``: kept apart, they multiply exactly."""
    exponent = math.floor(math.log10(least))
    for power in count(exponent):
        for mantissa in (1, 2, 5):
            yield mantissa, power


def _times(factor: int, exponent: int) -> float:
    """``factor`` · 10^``exponent``, correctly rounded: 3 · 10⁻¹ is 0.3, not 0.30000000000000004."""
    return float(factor * 10**exponent) if exponent >= 0 else factor / 10**-exponent


def nice_ticks(low: float, high: float, n: int) -> list[float]:
    """Rounded numbers between ``low`` and ``high``, at most ``n`` + 1: multiples of 1, 2 or 5 · 10^k.

    Empty where no rounded number can be told from its neighbour, as between equal limits.
    """
    low, high = min(low, high), max(low, high)
    span = high - low
    if n < 1 or not math.isfinite(span) or span <= 1e-12 * max(abs(low), abs(high)) or span < 1e-290:
        return []
    for mantissa, exponent in _steps(span / (n + 2)):
        step = _times(mantissa, exponent)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first <= n:
            return [_times(k * mantissa, exponent) for k in range(first, last + 1)]
    return []


def nice_limits(low: float, high: float, n: int) -> tuple[float, float]:
    """The limits of an axis with about ``n`` ticks: widened to half a step, so that they seldom move."""
    if not high - low > 1e-9 * max(abs(low), abs(high)) or high - low < 1e-280:
        margin = abs(low) / 4 or 1.0
        low, high = low - margin, high + margin
    part = (high - low) / max(1, n) * (1 - 1e-9)
    half = next(_times(5 * m, k - 1) for m, k in _steps(part) if _times(m, k) >= part)
    return math.floor(low / half + 1e-9) * half, math.ceil(high / half - 1e-9) * half


def log_ticks(low: float, high: float, n: int) -> list[float]:
    """Ticks of a logarithmic axis, limits positive: powers of ten, else 1-2-5, else :func:`nice_ticks`."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    stride = max(1, math.ceil((last - first) / max(1, n)))
    decades = [_times(1, k) for k in range(-(-first // stride) * stride, last + 1, stride)]
    if len(decades) > 2:
        return decades
    between = [_times(m, k) for k in range(first - 1, last + 1) for m in (1, 2, 5)]
    between = [tick for tick in between if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    if 2 <= len(between) <= n + 1:
        return between
    return decades if len(decades) == 2 else nice_ticks(low, high, n)


def tick_labels(ticks: Sequence[float], kind: Format = "number") -> list[str]:
    """Labels with the decimals that the distance between the ticks needs: ``2.25``, ``20%``, ``1e-5``."""
    if not ticks:
        return []
    scale = 100 if kind == "percent" else 1
    sign = "%" if kind == "percent" else ""
    values = [0.0 if tick == 0 else tick * scale for tick in ticks]
    largest = max(map(abs, values))
    gaps = [abs(b - a) for a, b in pairwise(values)]
    least = min(gaps, default=largest) or largest or 1.0
    exponent = math.floor(math.log10(least) + 1e-6)
    if 1e-3 <= largest < 1e7 and (exponent >= -9) and largest / least < 1e9:
        decimals = 2 - exponent if not gaps and exponent < 2 else max(0, -exponent)
        texts = [f"{value:,.{decimals}f}" for value in values]
        return [(_trim(text) if not gaps else text) + sign for text in texts]
    return [_trim_scientific(value, exponent) + sign for value in values]


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _trim_scientific(value: float, exponent: int) -> str:
    if value == 0:
        return "0"
    digits = math.floor(math.log10(abs(value)) + 1e-9) - exponent
    return scientific(value, min(12, max(0, digits)))
