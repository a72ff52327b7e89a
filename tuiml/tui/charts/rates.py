"""The chart of the learning-rate finder: the loss over the rate, which is on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuiml.training.events import RateFound, RateTried
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import RUNNING, TRAIN, Look
from tuiml.tui.charts.text import Line

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
HEADROOM = 1.15
"""Top of the y axis, in multiples of the highest smoothed loss before the least; higher losses are cut."""


def rate_chart(
    tried: Sequence[RateTried],
    found: RateFound | None,
    ends: tuple[float, float],
    width: int,
    height: int,
    look: Look,
    *,
    empty: str = "",
) -> list[Line]:
    """The smoothed loss over the rates between ``ends``: ``height`` lines of ``width`` cells."""
    x = [math.log10(t.learning_rate) for t in tried]
    smoothed = [t.smoothed for t in tried]
    marks = []
    if found is not None and found.learning_rate > 0:
        text = f"{found.learning_rate:.2g}"
        marks.append(Mark(math.log10(found.learning_rate), text, RUNNING))
    curve = Curve("smoothed", (x, smoothed), TRAIN, raw=(x, [t.loss for t in tried]))
    low, high = math.log10(ends[0]), math.log10(ends[1])
    return LineChart(
        [curve] if tried else [],
        title="loss",
        x_label="" if marks else "learning rate",
        x_range=(low, high),
        y_range=_seen(smoothed),
        x_ticks=powers(low, high, max(2, width // 9), look),
        marks=marks,
        look=look,
        empty=empty,
    ).lines(width, height)


def _seen(smoothed: Sequence[float]) -> tuple[float, float] | None:
    """Limits of y: below the least loss to above the greatest before it."""
    if not smoothed:
        return None
    least = min(smoothed)
    top = max(smoothed[: smoothed.index(least) + 1]) * HEADROOM
    return least - 0.1 * (top - least), top


def powers(low: float, high: float, most: int, look: Look) -> list[tuple[float, str]]:
    """At most ``most`` powers of ten between two exponents, and their labels."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    stride = max(1, math.ceil((last - first + 1) / most))
    return [(float(n), power(n, look)) for n in range(first, last + 1, stride)]


def power(exponent: int, look: Look) -> str:
    """``10⁻⁵``, or ``1e-5``; ``1`` and ``10`` as such."""
    if exponent in (0, 1):
        return str(10**exponent)
    return f"10{str(exponent).translate(SUPERSCRIPTS)}" if look.unicode else f"1e{exponent}"
