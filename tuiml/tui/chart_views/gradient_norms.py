"""The gradient norm of every layer at every step, as shades or as lines."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from tuiml.formatting import scientific
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.histograms import LayerView
from tuiml.tui.charts.landscape import Depth, decades, landscape
from tuiml.tui.charts.norm_lines import norm_lines
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line
from tuiml.tui.keys import action
from tuiml.tui.model.snapshots import PastSnapshot


@dataclass
class NormsStyle:
    """Shared by all views of the gradient norms."""

    lines: bool = False


class GradientNormsView(LayerView):
    """The gradient norm of every layer against the step: shows vanishing and exploding gradients."""

    def stamp(self) -> Hashable:
        selection = self.selection
        return (super().stamp(), selection.model.snapshots_version, selection.of(NormsStyle).lines)

    @action("i", "lines", "The gradient norms as lines, or as shades.", "train", rank=300, also="heat map")
    def action_depth_lines(self) -> None:
        style = self.selection.of(NormsStyle)
        style.lines = not style.lines

    def label(self, action_id: str) -> str | None:
        return "shades" if action_id == "depth_lines" and self.selection.of(NormsStyle).lines else None

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        selection = self.selection
        history = selection.model.history
        norms = history.figures("gradient_norm")
        layers = np.flatnonzero(~np.isnan(norms).all(axis=0)) if len(norms) else np.empty(0, dtype=np.intp)
        norms = norms[:, layers]
        steps = np.array(history.steps, dtype=np.float64)
        at = _nearest(selection.past_snapshot, history.steps)
        depth = Depth(layers.tolist(), norms, steps, at, selection.index)
        title = self.pointer(look) + selection.prefix + "gradient norm"
        none = self.unseen("gradients") or "no gradient before the first step"
        none = "every gradient is 0" if (norms == 0).any() else none
        drawing = norm_lines if selection.of(NormsStyle).lines else landscape
        return drawing(
            depth,
            width,
            height,
            title=title + (_fall(norms[at].tolist(), look) if len(norms) else ""),
            cursor=selection.past_snapshot is not None,
            look=look,
            empty=selection.hint(self) if selection.model.snapshot is None else none,
        )


def _nearest(snapshot: PastSnapshot | None, steps: list[int]) -> int:
    """The index of the step nearest to the past snapshot, which may have been dropped; -1: the newest."""
    if snapshot is None or not steps:
        return -1
    return min(range(len(steps)), key=lambda i: abs(steps[i] - snapshot.step))


def _fall(norms: list[float], look: Look) -> str:
    """The factor by which the gradient falls or grows from the last layer to the first, for a title."""
    powers = decades(norms)
    if math.isnan(powers) or abs(powers) < 1:
        return ""
    times = "×" if look.unicode else "x"
    return f" · {'falls' if powers > 0 else 'grows'} {scientific(10 ** abs(powers), 0)}{times}"


GRADIENT_NORMS = Chart(
    "depth",
    "gradient norms by layer",
    "The gradient norm of every layer against the step: vanishing, exploding.",
    60,
    GradientNormsView,
    slot="top",
)
