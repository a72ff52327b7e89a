"""Limits of the y axis of a line chart that a few values cannot ruin, and those values in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from tuiml.formatting import Format, compact, percent
from tuiml.tui.charts.axes import Range
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.tags import Tag

Spare: TypeAlias = Literal["", "spikes", "early"]
"""What may lie beyond the limits: nothing, spikes, or also the first values of a curve."""
BULK = (10.0, 90.0)
"""Percentiles between which most values lie."""
FAR = 2.0
"""Distance of a spike from the bulk, in ranges of the bulk."""
FEW = 0.08
"""Fraction of the values of a curve that may be spikes; one always may."""
EARLY = 0.25
"""Fraction of a curve that is early."""
STRETCHED = 1.5
"""Early values that would make the axis longer by this factor lie beyond the limits."""


def robust(curves: Sequence[Floats], spare: Spare) -> Range:
    """The least and the greatest value to show of curves in the order of x; at least one is finite.

    Spikes are far from the bulk, few, and not the start of a curve: the fall of a loss is no spike.
    """
    known = [y[np.isfinite(y)] for y in curves]
    known = [y for y in known if len(y)]
    if spare == "early":
        late = [y[min(len(y) - 1, int(len(y) * EARLY)) :] for y in known]
        low, high = _ends(late)
        more = (STRETCHED - 1) * (high - low)
        if more > 0:
            known = [y[(y >= low - more) & (y <= high + more)] for y in known]
    if not spare:
        return _ends(known)
    bulk = np.percentile(np.concatenate(known), BULK)
    far = FAR * max(float(bulk[1] - bulk[0]), 1e-3 * float(np.abs(bulk).max()))
    kept = [_without_spikes(y, float(bulk[0]) - far, float(bulk[1]) + far) for y in known]
    return _ends(kept)


def _ends(curves: Sequence[Floats]) -> Range:
    return min(float(y.min()) for y in curves), max(float(y.max()) for y in curves)


def _without_spikes(y: Floats, low: float, high: float) -> Floats:
    inside = (y >= low) & (y <= high)
    if not inside.any():
        return y
    spikes = ~inside
    spikes[: int(inside.argmax())] = False
    return y[~spikes] if spikes.sum() <= max(1, FEW * len(y)) else y


def cut_off(curves: Sequence[tuple[Floats, Floats]], limits: Range, kind: Format, look: Look) -> list[Tag]:
    """What lies beyond the limits, in words at the edge where the farthest value is."""
    if not curves:
        return []
    x = np.concatenate([x for x, _ in curves])
    y = np.concatenate([y for _, y in curves])
    slack = 1e-9 * (limits[1] - limits[0])
    found = []
    for edge, beyond, sign in (
        (limits[1], y > limits[1] + slack, ">"),
        (limits[0], y < limits[0] - slack, "<"),
    ):
        count = int(beyond.sum())
        if count:
            places = np.flatnonzero(beyond)
            farthest = places[np.argmax(np.abs(y[places]))]
            text = percent(edge) if kind == "percent" else compact(edge, 3)
            arrow = look.glyphs.up if sign == ">" else look.glyphs.down
            words = f"{arrow}{count:,} value{'s' if count > 1 else ''} {sign} {text}"
            found.append(Tag(float(x[farthest]), edge, words, QUIET))
    return found


def finite(limits: Range | None) -> Range | None:
    """The limits, ``None`` unless both are numbers."""
    return limits if limits is not None and all(map(math.isfinite, limits)) else None


def log_range(limits: Range | None, log: bool) -> Range | None:
    """The limits of an axis that may be logarithmic; ``None`` if it cannot have them."""
    if limits is None or not log:
        return limits
    return (math.log10(limits[0]), math.log10(limits[1])) if min(limits) > 0 else None


def bulk(raw: Floats) -> Floats:
    """What the axis must contain of raw points: without outliers."""
    raw = raw[np.isfinite(raw)]
    if not len(raw):
        return raw
    low, high = np.percentile(raw, 2, method="higher"), np.percentile(raw, 98, method="lower")
    return np.array([low, high])
