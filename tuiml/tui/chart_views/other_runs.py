"""Other runs beside the one on the screen: their curves, and how their settings differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from tuiml.spec.differences import described
from tuiml.tui.chart_views.smoothing import Smoothing, once_an_epoch
from tuiml.tui.chart_views.time_axis import TimeAxis
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.item_rows import names_of
from tuiml.tui.model.run_model import RunModel

OTHERS = ("purple", "green", "yellow", "indigo")
"""Colours of other runs."""
MARKERS, ASCII_MARKERS = "●■▲▼○□△▽", "ox+#@=%&"
"""Of other runs; with the colours they make pairs that differ."""
Quantity: TypeAlias = Literal["loss", "accuracy"]
MOST_WORDS = 4
"""Settings of another run that are named, at most."""


def beside_run(
    others: Sequence[RunModel],
    model: RunModel,
    quantity: Quantity,
    smoothing: Smoothing,
    axis: TimeAxis,
    look: Look,
) -> list[Curve]:
    """The curves of other runs, behind: of several runs validation alone, where there is any."""
    shown: list[Curve] = []
    names = names_of([model.name, *(other.name for other in others)])[1:]
    for place, (other, name) in enumerate(zip(others, names, strict=True)):
        if quantity != "loss" and other.metric is not model.metric:
            continue
        curves = other.loss if quantity == "loss" else other.accuracy
        colour = OTHERS[place % len(OTHERS)]
        marker = _marker(place, look)
        validated, own = not math.isnan(curves.validation.last), list[Curve]()
        if len(curves.train) and (len(others) == 1 or not validated):
            train = smoothing.curve(curves.train)
            own.append(Curve(name, train, colour, "dotted", marker=marker, end=f"train {name}"))
        if validated:
            points, raw = once_an_epoch(curves.validation, smoothing)
            label = "val" if len(others) == 1 and len(curves.train) else name
            end = f"val {name}" if own else name
            own.append(Curve(label, points, colour, "dashed", raw=raw, marker=marker, end=end))
        shown += axis.curves(other, own)
    return shown


def differences(others: Sequence[RunModel], model: RunModel, look: Look) -> list[tuple[str, ...]]:
    """How the settings of each other run differ from those of the run, after its marker: in words, and in
    fewer words."""
    found: list[tuple[str, ...]] = []
    for place, other in enumerate(others):
        words = described(other.document, model.document) or ("same settings",)
        counts = range(min(len(words), MOST_WORDS), 0, -1)
        cut = [", ".join(words[:n]) + f", {look.glyphs.more}" * (n < len(words)) for n in counts]
        found.append(tuple(f"{_marker(place, look)} {text}" for text in cut))
    return found


def _marker(place: int, look: Look) -> str:
    return (MARKERS if look.unicode else ASCII_MARKERS)[place % len(MARKERS)]
