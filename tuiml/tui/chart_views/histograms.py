"""Histograms of the layers: a large one, all side by side, and one over time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from textual.strip import Strip

from tuiml.formatting import compact, percent
from tuiml.training.statistics import LayerStatistics
from tuiml.tui.chart_views.selection import ChartSelection, Kind
from tuiml.tui.charts.distribution import Bars, distribution
from tuiml.tui.charts.heat import heat_map, without_spike
from tuiml.tui.charts.multiples import Panel, multiples
from tuiml.tui.charts.palette import QUIET, TROUBLE, VALIDATION, Look, layer_colour
from tuiml.tui.charts.scale import Scale, common, moved
from tuiml.tui.charts.series import Floats, Values
from tuiml.tui.charts.text import strip
from tuiml.tui.model.catalog import short_name
from tuiml.tui.model.layer_cells import idle_share
from tuiml.tui.model.snapshots import Counted
from tuiml.tui.model.status import Piece, fitted, safe
from tuiml.tui.widgets.chart_view import View


def bars_of(part: Counted | None) -> Bars | None:
    """What a drawing takes of a histogram."""
    if part is None:
        return None
    scale = Scale(part.low, part.high, len(part.counts), part.floor)
    return Bars(scale, part.counts, part.below, part.above)


def bars_in(found: LayerStatistics | None, kind: Kind) -> Bars | None:
    """A layer's histogram of a kind."""
    part = getattr(found, kind) if found else None
    return bars_of(Counted.of(part)) if part else None


class LayerView(View, can_focus=True):
    """A picture of the layers at the moment that is looked at."""

    def __init__(self, sight: ChartSelection) -> None:
        super().__init__()
        self.sight = sight

    def stamp(self) -> Hashable:
        return (self.sight.stamp(), self.sight.hint(self))

    def outline(self, look: Look) -> str:
        """What the outline is of; empty where there is none."""
        moment = self.sight.other_moment
        if self.sight.other is None or moment is None:
            return ""
        line = "─" if look.unicode else "o"
        return f"{line} {safe(short_name(self.sight.other.name), look)} step {moment.step:,}"

    def why_empty(self) -> str:
        """Why there is no histogram of the selected layer."""
        found, kind = self.sight.statistics, self.sight.kind
        if found is None:
            return self.sight.hint(self)
        if kind == "gradients" and not math.isnan(found.weight_std):
            return "no gradient before the first step"
        return f"this layer has no {kind}" if kind != "activations" else "no finite activation"


class HistogramView(LayerView):
    """One layer's activations, inputs, gradients, weights or biases."""

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        sight, found = self.sight, self.sight.statistics
        bars = bars_in(found, sight.kind)
        title = f"{sight.index} {sight.called} · {sight.title}" if sight.called else sight.title
        figures = _numbers(found, bars, sight.kind, look, beyond=height <= 6)
        outline = self.outline(look)
        if outline and bars:
            figures.insert(0, Piece(outline, look.style(VALIDATION, bold=True), 1))
        foot = [strip(fitted(figures, width), width)] if figures and height > 4 else []
        moment = sight.other_moment
        drawn = distribution(
            bars,
            width,
            height - len(foot),
            title=self.pointer(look) + sight.when + title,
            colour=layer_colour(sight.index),
            other=bars_of(moment.part(sight.index, sight.kind)) if moment else None,
            look=look,
            empty=self.why_empty(),
        )
        return drawn + foot


def _numbers(
    found: LayerStatistics | None, bars: Bars | None, kind: Kind, look: Look, *, beyond: bool
) -> list[Piece]:
    """Figures below the histogram; with what lies ``beyond`` its ends where that has no row of its own."""
    if found is None or bars is None:
        return []
    plain, quiet, missing = look.style(), look.style(QUIET), look.glyphs.missing
    mean, std = _mean_and_std(found, kind)
    pieces = []
    if kind == "gradients":
        pieces.append(Piece(f"norm {compact(found.gradient_norm, 3, missing)}", plain))
    elif not math.isnan(mean):
        pieces.append(Piece(f"mean {compact(mean, 3, missing)}", plain))
        pieces.append(Piece(f"std {compact(std, 3, missing)}", plain, 1))
    if kind == "activations":
        pieces.append(Piece(f"zeros {percent(found.zeros)}", plain, 2))
        pieces += _idle(found, look)
    if beyond:
        ends = ((bars.scale.low, "below", bars.below), (bars.scale.high, "above", bars.above))
        pieces += [
            Piece(f"{word} {compact(at)}: {count:,.0f}", quiet, 4) for at, word, count in ends if count
        ]
    return pieces


def _idle(found: LayerStatistics, look: Look) -> list[Piece]:
    share, word, trouble = idle_share(found)
    if word == "zero":
        return []
    text = f"{word} {percent(share)}{f' {look.glyphs.up}' if trouble else ''}"
    return [Piece(text, look.style(TROUBLE) if trouble else look.style(), 3)]


class MultiplesView(LayerView):
    """All layers side by side, as the study notes show what initial values do to five of them."""

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        sight = self.sight
        moment = sight.other_moment
        panels = []
        for row, found in zip(sight.rows, sight.layers, strict=False):
            bars = bars_in(found, sight.kind)
            if bars is None or not (row.parameters or row.activation):
                continue  # what only passes values on looks like the layer before it
            zeros = found.zeros if sight.kind == "activations" else math.nan
            other = bars_of(moment.part(row.index, sight.kind)) if moment else None
            panels.append(
                Panel(
                    row.index, row.activation or row.type, bars, _note(found, sight.kind, look), zeros, other
                )
            )
        outline = self.outline(look)
        words = f"{sight.when}{sight.title} of each layer{' · ' if outline else ''}{outline}"
        return multiples(
            panels,
            width,
            height,
            title=self.pointer(look) + words,
            selected=sight.index,
            look=look,
            empty=f"no {sight.kind} to show" if sight.layers else sight.hint(self),
        )


def _note(found: LayerStatistics, kind: Kind, look: Look) -> str:
    """Mean ± standard deviation of a kind, or what else is known of it."""
    missing = look.glyphs.missing
    if kind == "gradients":
        return f"norm {compact(found.gradient_norm, 2, missing)}"
    mean, std = _mean_and_std(found, kind)
    if math.isnan(mean):
        return ""
    return f"{compact(mean, 2, missing)} {'±' if look.unicode else '+-'} {compact(std, 2, missing)}"


def _mean_and_std(found: LayerStatistics, kind: Kind) -> tuple[float, float]:
    return {
        "activations": (found.mean, found.std),
        "inputs": (found.input_mean, found.input_std),
        "weights": (found.weight_mean, found.weight_std),
    }.get(kind, (math.nan, math.nan))


class HeatView(LayerView):
    """The selected layer's histograms through time."""

    def stamp(self) -> Hashable:
        return (super().stamp(), self.sight.model.pictures)

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        sight = self.sight
        moments = sight.model.history.moments
        told = [(m.step, part) for m in moments if (part := m.part(sight.index, sight.kind))]
        title = f"{sight.when}{sight.index} {sight.called} · {sight.title} over time"
        scales = [Scale(part.low, part.high, len(part.counts), part.floor) for _, part in told]
        scale = common(scales) or Scale(0.0, 1.0, 1)
        outside = _outside(bars_of(told[-1][1]), scale) if told else ""
        return heat_map(
            without_spike(_table([part.counts for _, part in told], scales, scale), scale.zero),
            width,
            height,
            title=self.pointer(look) + title + outside,
            steps=[float(step) for step, _ in told],
            marks=[(scale.place(value), label) for value, label in scale.ticks()],
            x_labels=(f"step {told[0][0]:,}", f"{told[-1][0]:,}") if told else ("", ""),
            cursor=(float(sight.step), f"{sight.step:,}") if sight.moment else None,
            look=look,
            empty=self.why_empty(),
        )


def _table(counts: Sequence[Values], scales: Sequence[Scale], scale: Scale) -> Floats:
    """Histograms of several axes, from moment to moment, on one: (moments, bins)."""
    found = np.zeros((len(counts), scale.bins))
    for source in set(scales):
        rows = [i for i, own in enumerate(scales) if own == source]
        found[rows] = moved(np.array([counts[i] for i in rows], dtype=np.float64), source, scale)[0]
    return found


def _outside(newest: Bars | None, scale: Scale) -> str:
    """How much of the newest lies beyond the axis, in a title."""
    if newest is None:
        return ""
    bars = newest.on(scale)
    share = 1.0 - float(bars.shares().sum())
    return f" · outside {percent(share)}" if bars.below + bars.above > 0 else ""
