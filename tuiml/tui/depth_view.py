"""The gradient landscape: the norm of each layer's gradient against the step."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from textual.strip import Strip

from tuiml.tui.charts.landscape import Depth, decades, landscape
from tuiml.tui.charts.lines import Curve, CurveStyle, line_chart
from tuiml.tui.charts.numbers import compact, scientific
from tuiml.tui.charts.palette import QUIET, Look, layer_colour
from tuiml.tui.charts.text import clean, strip
from tuiml.tui.history import Moment
from tuiml.tui.layer_views import LayerView


@dataclass
class DepthStyle:
    """How the gradient landscape is drawn, wherever it is."""

    lines: bool = False


class DepthView(LayerView):
    """The norm of each layer's gradient against the step: vanishing and exploding as a picture."""

    def stamp(self) -> Hashable:
        sight = self.sight
        return (super().stamp(), sight.model.pictures, sight.of(DepthStyle).lines)

    def action_depth_lines(self) -> None:
        style = self.sight.of(DepthStyle)
        style.lines = not style.lines

    def label(self, action_id: str) -> str | None:
        return "shades" if action_id == "depth_lines" and self.sight.of(DepthStyle).lines else None

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        sight = self.sight
        history = sight.model.history
        norms = history.figures("gradient_norm")
        layers = np.flatnonzero(~np.isnan(norms).all(axis=0)) if len(norms) else np.empty(0, dtype=np.intp)
        norms = norms[:, layers]
        steps = np.array(history.steps, dtype=np.float64)
        at = _place(sight.moment, history.steps)
        depth = Depth(layers.tolist(), norms, steps, at, sight.index)
        title = self.pointer(look) + sight.when + "gradient norm"
        if sight.of(DepthStyle).lines and len(layers):
            return _lines(depth, width, height, title, look)
        return landscape(
            depth,
            width,
            height,
            title=title + (_fall(norms[at].tolist(), look) if len(norms) else ""),
            cursor=sight.moment is not None,
            look=look,
            empty=sight.hint(self) if sight.model.picture is None else "no gradient before the first step",
        )


def _place(moment: Moment | None, steps: list[int]) -> int:
    """Which of the kept moments is looked at: the nearest, since it may have gone meanwhile."""
    if moment is None or not steps:
        return -1
    return min(range(len(steps)), key=lambda i: abs(steps[i] - moment.step))


def _fall(norms: list[float], look: Look) -> str:
    """By how much the gradient falls or grows from the last layer to the first, in a title."""
    powers = decades(norms)
    if math.isnan(powers) or abs(powers) < 1:
        return ""
    times = "×" if look.unicode else "x"
    return f" · {'falls' if powers > 0 else 'grows'} {scientific(10 ** abs(powers), 0)}{times}"


def _lines(depth: Depth, width: int, height: int, title: str, look: Look) -> list[Strip]:
    """A line for each layer; the first is solid, the last dashed, those between are dotted."""
    last = len(depth.layers) - 1
    curves = []
    for place, layer in enumerate(depth.layers):
        points = (depth.steps, depth.norms[:, place])
        style: CurveStyle = "solid" if place == 0 else "dashed" if place == last else "dotted"
        curves.append(Curve(str(layer), points, layer_colour(layer), style))
    drawn = line_chart(curves[::-1], width, height, log=True, x_label="step", look=look)
    if height > 1:
        glyphs = look.glyphs
        parts = [(f"{clean(title, look)}  ", look.style(bold=True))]
        for place, sample in {0: glyphs.solid, last: glyphs.dashed}.items():
            value = compact(float(depth.norms[depth.at, place]), 2, glyphs.missing)
            parts.append((f"layer {depth.layers[place]} ", look.style(QUIET)))
            parts.append((f"{sample} {value}  ", look.style(curves[place].colour)))
        drawn[0] = strip(parts, width)
    return drawn
