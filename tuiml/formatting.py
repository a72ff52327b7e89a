"""Numbers as people read them: short, rounded, and never a traceback for NaN or infinity."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Literal, SupportsFloat

MISSING = "·"
"""Stands for a missing number on the screen; the ASCII set of glyphs has its own."""
NONE = "–"
"""Stands for a missing number on the command line."""

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


def limits_text(low: float, high: float) -> tuple[str, str]:
    """The limits of a range with as many digits as tell them apart."""
    texts = [(compact(low, digits), compact(high, digits)) for digits in range(2, 18)]
    return next((pair for pair in texts if pair[0] != pair[1]), texts[0])


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
    value = as_float(fraction) * 100
    if not math.isfinite(value):
        return missing
    if value in (0, 100):
        return f"{value:.0f} %"
    if abs(value) >= 1e7:
        return f"{compact(value)} %"
    least = 10.0**-decimals
    if 0 < value < least:
        return f"<{least:.{decimals}f} %"
    if 100 - least < value < 100:
        return f">{100 - least:.{decimals}f} %"
    return f"{value:.{decimals}f} %"


def duration(seconds: Number, missing: str = MISSING) -> str:
    """Seconds as a clock shows them: ``0.4 s``, ``0:07``, ``1:12``, ``2:03:09``, ``3 d 4 h``."""
    total = as_float(seconds)
    if not 0 <= total < 1e12:
        return missing
    if 0 < total < 0.95:
        return f"{max(total, 0.1):.1f} s"
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


# -- on the command line ----------------------------------------------------------------------------------


def accuracy_text(value: float) -> str:
    """An accuracy as ``93.12 %``."""
    return percent(value, 2, NONE)


def metric_text(accuracy: float, r2: float) -> str:
    """The metric beside a loss: ``accuracy 93.12 %``, or in regression ``R² 0.9312`` (``–``: undefined)."""
    if math.isnan(accuracy) and not math.isnan(r2):
        return f"R² {loss(as_float(r2))}"
    return f"accuracy {accuracy_text(accuracy)}"


def figure(value: float, digits: int = 4) -> str:
    """A setting such as a learning rate, to some digits: ``0.005``."""
    return NONE if math.isnan(value) else f"{value:.{digits}g}"


def loss(value: float) -> str:
    """A loss, with four decimals where they mean something: ``0.2410``."""
    if math.isnan(value):
        return NONE
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def count_text(value: float) -> str:
    """A count: ``31,200``."""
    return f"{value:,.0f}" if math.isfinite(value) else NONE


def bytes_text(count: int) -> str:
    """A number of bytes: ``2.4 MB``."""
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:,.0f} bytes" if units[0] == "bytes" else f"{value:,.1f} {units[0]}"
