"""The picture of an activation: f and f′ over x, and what goes into the layer under them on the same axis."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
from rich.segment import Segment
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.nn.activations import Activation
from tuiml.training.activation_curve import Array, respond, spread
from tuiml.training.statistics import Histogram
from tuiml.tui.charts.axes import Frame, Mark
from tuiml.tui.charts.bars import glyphs_at
from tuiml.tui.charts.lines import Curve, Under, line_chart
from tuiml.tui.charts.palette import QUIET, TRAIN, TROUBLE, VALIDATION, Look

POINTS = 800
"""At which the curves are worked out."""


def function_chart(
    activation: Activation,
    span: float,
    cursor: float,
    inputs: Histogram | None,
    width: int,
    height: int,
    look: Look,
    colour: str = "blue",
) -> list[Strip]:
    """f and f′ from ``-span`` to ``span``: ``height`` strips of ``width`` cells; their values at ``cursor``.

    Under them the inputs as bars, and a row that is shaded where the slope lets no gradient through.
    """
    found = respond(activation, np.linspace(-span, span, POINTS + 1))
    here = respond(activation, np.array([cursor]))
    curves = [
        Curve("f", (found.x, found.y), TRAIN, told=float(here.y[0])),
        Curve(slope_name(look), (found.x, found.slope), VALIDATION, "dashed", told=float(here.slope[0])),
    ]
    if found.band is not None:
        low, high = respond(activation, np.array([cursor])).band or (here.y, here.y)
        ends = zip(("least drawn", "most"), found.band, (low, high), strict=True)
        curves = [*(Curve(n, (found.x, y), QUIET, "dotted", told=float(v[0])) for n, y, v in ends), *curves]
    tall = 0 if inputs is None else max(1, min(8, height // 5))
    rows = tall + 1 if height >= 10 else 0
    return line_chart(
        curves,
        width,
        height,
        title=f"x = {compact(cursor, 3)}",
        x_range=(-span, span),
        marks=[Mark(cursor, f"x {compact(cursor, 3)}", QUIET)],
        under=Under(rows, partial(_under, activation, inputs, colour, tall)) if rows else None,
        look=look,
    )


def slope_name(look: Look) -> str:
    """What the derivative is called."""
    return "f′" if look.unicode else "f'"


def _under(
    activation: Activation, inputs: Histogram | None, colour: str, tall: int, frame: Frame, look: Look
) -> list[Strip]:
    """Bars of the inputs, and below them the row that says where the gradient dies."""
    middles = frame.x[0] + (np.arange(frame.columns) + 0.5) * (frame.x[1] - frame.x[0]) / frame.columns
    flat = respond(activation, middles).flat
    lines = []
    if inputs is not None and tall:
        ramp = look.glyphs.bars
        lines = bar_lines(spread(inputs, *frame.x, frame.columns), tall, ramp)
    strips = [_row(line, flat, look.glyphs.vertical, colour, frame, look) for line in lines]
    shade = "".join(look.glyphs.shades[1] if dead else " " for dead in flat)
    return [*strips, _row(shade, flat, look.glyphs.vertical, colour, frame, look)]


def bar_lines(heights: Array, rows: int, ramp: str) -> list[str]:
    """Bars as high as ``heights`` in parts of the greatest: ``rows`` lines of characters."""
    greatest = heights.max(initial=0.0)
    full = len(ramp) - 1
    filled = np.ceil(heights / greatest * rows * full - 1e-9) if greatest > 0 else np.zeros(len(heights))
    levels = np.clip(filled - np.arange(rows - 1, -1, -1)[:, None] * full, 0, full)
    text, columns = glyphs_at(levels, ramp), len(heights)
    return [text[row * columns : (row + 1) * columns] for row in range(rows)]


def _row(text: str, flat: Array, edge: str, colour: str, frame: Frame, look: Look) -> Strip:
    """A line of the canvas, in the colour of trouble where the gradient dies."""
    segments = []
    if frame.margin:
        segments.append(Segment(edge.rjust(frame.margin), look.style(QUIET)))
    changes = np.flatnonzero(np.diff(flat)) + 1
    places = [0, *changes.tolist(), len(text)]
    for start, end in pairwise(places):
        segments.append(Segment(text[start:end], look.style(TROUBLE if flat[start] else colour)))
    return Strip(segments, frame.margin + frame.columns)
