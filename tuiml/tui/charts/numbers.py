"""Positions of values and ticks on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count, pairwise

from tuiml.formatting import Format, scientific


def position(value: float, low: float, high: float) -> float:
    """Position of ``value`` between ``low`` (0) and ``high`` (1); 0 if these are (almost) equal."""
    half = high / 2 - low / 2  # halves, since the distance may be beyond the largest float
    return (value / 2 - low / 2) / half if half > 0 else 0.0


def _steps(least: float) -> Iterator[tuple[int, int]]:
    """Steps 1, 2 or 5 · 10^exponent, rising from about ``least``, as factor and exponent: both are exact."""
    exponent = math.floor(math.log10(least))
    for power in count(exponent):
        for mantissa in (1, 2, 5):
            yield mantissa, power


def _times(factor: int, exponent: int) -> float:
    """``factor`` · 10^``exponent``, correctly rounded: 3 · 10⁻¹ is 0.3, not 0.30000000000000004."""
    return float(factor * 10**exponent) if exponent >= 0 else factor / 10**-exponent


def nice_ticks(low: float, high: float, n: int) -> list[float]:
    """Rounded numbers between ``low`` and ``high``, at most ``n`` + 1: multiples of 1, 2 or 5 · 10^k.

    Empty if rounded numbers cannot be distinguished, as between equal limits.
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
    """Limits of an axis with about ``n`` ticks, rounded outwards to half a step: they seldom change."""
    if not high - low > 1e-9 * max(abs(low), abs(high)) or high - low < 1e-280:
        margin = abs(low) / 4 or 1.0
        low, high = low - margin, high + margin
    part = (high - low) / max(1, n) * (1 - 1e-9)
    half = next(_times(5 * m, k - 1) for m, k in _steps(part) if _times(m, k) >= part)
    return math.floor(low / half + 1e-9) * half, math.ceil(high / half - 1e-9) * half


def log_ticks(low: float, high: float, n: int) -> list[float]:
    """Ticks between positive limits of a logarithmic axis: powers of ten, 1-2-5, or :func:`nice_ticks`."""
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
    """Labels with as many decimals as distinguish the ticks: ``2.25``, ``20%``, ``1e-5``."""
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
        return [(text if gaps or "." not in text else text.rstrip("0").rstrip(".")) + sign for text in texts]
    return [_trim_scientific(value, exponent) + sign for value in values]


def _trim_scientific(value: float, exponent: int) -> str:
    if value == 0:
        return "0"
    digits = math.floor(math.log10(abs(value)) + 1e-9) - exponent
    return scientific(value, min(12, max(0, digits)))
