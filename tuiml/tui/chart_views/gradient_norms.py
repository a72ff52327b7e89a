"""The gradient landscape: the norm of each layer's gradient against the step."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from textual.strip import Strip

from tuiml.formatting import scientific
from tuiml.tui.chart_views.histograms import LayerView
from tuiml.tui.charts.landscape import Depth, decades, landscape
from tuiml.tui.charts.norm_lines import norm_lines
from tuiml.tui.charts.palette import Look
from tuiml.tui.model.snapshots import PastSnapshot


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
        drawing = norm_lines if sight.of(DepthStyle).lines else landscape
        return drawing(
            depth,
            width,
            height,
            title=title + (_fall(norms[at].tolist(), look) if len(norms) else ""),
            cursor=sight.moment is not None,
            look=look,
            empty=sight.hint(self) if sight.model.picture is None else "no gradient before the first step",
        )


def _place(moment: PastSnapshot | None, steps: list[int]) -> int:
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
