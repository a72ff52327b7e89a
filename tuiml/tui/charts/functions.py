"""The chart of an activation: f and f′ over x, and below them the layer's inputs on the same axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from rich.segment import Segment

from tuiml.formatting import compact
from tuiml.nn.activations import Activation
from tuiml.training.activation_curve import Array, respond, spread
from tuiml.training.layer_statistics import Histogram
from tuiml.tui.charts.axes import Frame, Mark
from tuiml.tui.charts.bars import glyph_lines, levels_of
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import LineChart, Under
from tuiml.tui.charts.palette import QUIET, TRAIN, TROUBLE, VALIDATION, Look
from tuiml.tui.charts.tags import Tag
from tuiml.tui.charts.text import Line, runs

COLOURS = ("blue", "orange", "green", "purple")
MARKERS = 6
"""How often the number of a curve appears on it, if there are several."""
POINTS = 800
"""Points of each curve."""


def function_chart(
    activation: Activation,
    span: float,
    cursor: float,
    inputs: Histogram | None,
    width: int,
    height: int,
    look: Look,
    colour: str = "blue",
    others: Sequence[Activation] = (),
) -> list[Line]:
    """f and f′ from ``-span`` to ``span``, with their values at ``cursor``: ``height`` × ``width`` cells.

    With ``others``, theirs too: each activation has a number on its curves and its name at their end.

    Below them are the inputs as bars, and a row that is shaded where the slope is about 0.
    """
    tags: list[Tag] = []
    if others:
        curves, tags = _several([*others, activation], span, cursor, look)
    else:
        curves = _alone(activation, span, cursor, look)
    tall = 0 if inputs is None else max(1, min(8, height // 5))
    rows = tall + 1 if height >= 10 else 0
    return LineChart(
        curves,
        title=f"x = {compact(cursor, 3)}",
        x_range=(-span, span),
        marks=[Mark(cursor, f"x {compact(cursor, 3)}", QUIET)],
        under=Under(rows, partial(_under, activation, inputs, colour, tall)) if rows else None,
        tags=tags,
        look=look,
    ).lines(width, height)


def _alone(activation: Activation, span: float, cursor: float, look: Look) -> list[Curve]:
    """f and f′, and for a random slope the curves of its limits."""
    found = respond(activation, np.linspace(-span, span, POINTS + 1))
    here = respond(activation, np.array([cursor]))
    curves = [
        Curve("f", (found.x, found.y), TRAIN, shown=float(here.y[0])),
        Curve(slope_name(look), (found.x, found.slope), VALIDATION, "dashed", shown=float(here.slope[0])),
    ]
    if found.band is not None:
        low, high = here.band or (here.y, here.y)
        ends = zip(("least drawn", "most"), found.band, (low, high), strict=True)
        curves = [*(Curve(n, (found.x, y), QUIET, "dotted", shown=float(v[0])) for n, y, v in ends), *curves]
    return curves


def _several(
    activations: Sequence[Activation], span: float, cursor: float, look: Look
) -> tuple[list[Curve], list[Tag]]:
    """f and f′ of each activation in its own colour, with its name at the end and its number on it."""
    curves, markers = [], []
    prime = slope_name(look)[1:]
    for at, activation in enumerate(activations):
        found = respond(activation, np.linspace(-span, span, POINTS + 1))
        here, colour = respond(activation, np.array([cursor])), COLOURS[at]
        for y, value, mark in ((found.y, here.y, ""), (found.slope, here.slope, prime)):
            style: Literal["solid", "dashed"] = "dashed" if mark else "solid"
            label = f"{at + 1} f{mark}"
            end = f"{at + 1} {activation.name}{mark}"
            curves.append(Curve(label, (found.x, y), colour, style, shown=float(value[0]), end=end))
            first = (at + (0.5 if mark else 0.0)) / len(activations)
            places = (np.arange(MARKERS) + first) * POINTS // MARKERS
            markers += [Tag(found.x[i], float(y[i]), f"{at + 1}", colour) for i in places.astype(int)]
    return curves, markers


def slope_name(look: Look) -> str:
    """The symbol of the derivative."""
    return "f′" if look.unicode else "f'"


def _under(
    activation: Activation, inputs: Histogram | None, colour: str, tall: int, frame: Frame, look: Look
) -> list[Line]:
    """Bars of the inputs, and a row that marks where the gradient vanishes."""
    middles = frame.x[0] + (np.arange(frame.columns) + 0.5) * (frame.x[1] - frame.x[0]) / frame.columns
    flat = respond(activation, middles).flat
    lines = []
    if inputs is not None and tall:
        counts = spread(inputs, *frame.x, frame.columns)
        ramp, greatest = look.glyphs.bars, counts.max(initial=0.0)
        lines = glyph_lines(levels_of(counts / (greatest or 1.0), tall, len(ramp) - 1), ramp)
    strips = [_row(line, flat, look.glyphs.vertical, colour, frame, look) for line in lines]
    shade = "".join(look.glyphs.shades[1] if dead else " " for dead in flat)
    return [*strips, _row(shade, flat, look.glyphs.vertical, colour, frame, look)]


def _row(text: str, flat: Array, edge: str, colour: str, frame: Frame, look: Look) -> Line:
    """A line of the canvas, in the colour of trouble where the gradient vanishes."""
    segments = []
    if frame.margin:
        segments.append(Segment(edge.rjust(frame.margin), look.style(QUIET)))
    for dead, start, end in runs(flat.tolist()):
        segments.append(Segment(text[start:end], look.style(TROUBLE if dead else colour)))
    return Line(segments, frame.margin + frame.columns)
