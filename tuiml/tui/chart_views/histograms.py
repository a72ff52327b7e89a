"""Histograms of the layers: a large one, all side by side, and one over time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Sequence

import numpy as np

from tuiml.formatting import compact, percent
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.tui.chart_views.chart import Chart, ChartView, ScaledView
from tuiml.tui.chart_views.selection import Kind
from tuiml.tui.charts.distribution import Bars, distribution
from tuiml.tui.charts.heat import heat_map, without_spike
from tuiml.tui.charts.multiples import Panel, multiples, room
from tuiml.tui.charts.palette import QUIET, TROUBLE, VALIDATION, Look, layer_colour
from tuiml.tui.charts.scale import Scale, common, moved
from tuiml.tui.charts.series import Floats, Values
from tuiml.tui.charts.text import Line, strip
from tuiml.tui.model.item_rows import short_name
from tuiml.tui.model.layer_cells import idle_fraction
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.snapshots import Counted
from tuiml.tui.model.status import Piece, fitted, safe


def bars_of(part: Counted | None) -> Bars | None:
    """A histogram in the form that drawings take."""
    if part is None:
        return None
    scale = Scale(part.low, part.high, len(part.counts), part.floor)
    return Bars(scale, part.counts, part.below, part.above)


def bars_in(found: LayerStatistics | None, kind: Kind) -> Bars | None:
    """The histogram of a kind in a layer's statistics."""
    part = getattr(found, kind) if found else None
    return bars_of(Counted.of(part)) if part else None


class LayerView(ChartView):
    """A drawing of the layers at the selected step."""

    def stamp(self) -> Hashable:
        return (self.selection.stamp(), self.selection.hint(self))

    def outline(self, look: Look) -> str:
        """The run and step of the outline; empty if there is none."""
        snapshot = self.selection.other_snapshot
        if self.selection.other is None or snapshot is None:
            return ""
        line = "─" if look.unicode else "o"
        return f"{line} {safe(short_name(self.selection.other.name), look)} step {snapshot.step:,}"

    def other_bars(self, layer: int) -> Bars | None:
        """The histogram of a layer of the other run."""
        snapshot = self.selection.other_snapshot
        return bars_of(snapshot.part(layer, self.selection.kind)) if snapshot else None

    def unseen(self, kind: Kind) -> str:
        """Why there is no such histogram of any module of a watched run, where that is known."""
        watched = self.selection.model.watched
        return safe(watched.unseen.get(kind, ""), Look()) if watched else ""

    def why_empty(self) -> str:
        """Why there is no histogram of the selected layer."""
        found, kind = self.selection.statistics, self.selection.kind
        if found is None:
            return self.selection.hint(self)
        rows, index = self.selection.rows, self.selection.index
        if index < len(rows) and rows[index].contains:
            return "it contains other modules: choose one of them"
        watched = self.selection.model.watched
        if unseen := self.unseen(kind):
            return unseen
        if watched and kind == "activations":
            return safe("; ".join(watched.limits) or "it was not called in the measured step", Look())
        if kind == "gradients" and not math.isnan(found.weight_std):
            return "no gradient before the first step"
        return (
            f"this layer has no {self.selection.title}" if kind != "activations" else "no finite activation"
        )


class QuantityView(ScaledView, LayerView):
    """A drawing of one quantity of the layers, which ``v`` changes."""

    def shared_axis(self) -> Scale | None:
        """The axis of all layers, if they share one."""
        if not self.one_scale:
            return None
        found = [bars_in(layer, self.selection.kind) for layer in self.selection.layers]
        return common([bars.axis() for bars in found if bars])


class HistogramView(QuantityView):
    """The distribution of one quantity of the selected layer."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        selection, found = self.selection, self.selection.statistics
        bars, other = bars_in(found, selection.kind), self.other_bars(selection.index)
        if bars:
            bars = bars.on(self.shared_axis() or bars.axis(other))
        title = " · ".join(
            filter(
                None,
                (selection.layer_title and f"{selection.index} {selection.layer_title}", selection.title),
            )
        )
        figures = _numbers(found, bars, selection.kind, look, beyond=height <= 6)
        outline = self.outline(look)
        if outline and bars:
            figures.insert(0, Piece(outline, look.style(VALIDATION, bold=True), 1))
        foot = [strip(fitted(figures, width), width)] if figures and height > 4 else []
        drawn = distribution(
            bars,
            width,
            height - len(foot),
            title=self.pointer(look) + selection.prefix + title,
            colour=layer_colour(selection.index),
            other=other,
            look=look,
            empty=self.why_empty(),
        )
        return drawn + foot


def _numbers(
    found: LayerStatistics | None, bars: Bars | None, kind: Kind, look: Look, *, beyond: bool
) -> list[Piece]:
    """Statistics below the histogram, with the counts ``beyond`` its ends if these have no row."""
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
    if not math.isnan(found.slope_mean):
        pieces.append(Piece(_slopes(found), plain, 1 if kind in ("activations", "inputs") else 3))
    if beyond:
        pieces += [Piece(words, quiet, 4) for words in bars.beyond() if words]
    return pieces


def _slopes(found: LayerStatistics) -> str:
    """The learned slopes of the layer's activation, over all units."""
    low, mean, high = (compact(v, 2) for v in (found.slope_min, found.slope_mean, found.slope_max))
    return f"slopes {low} to {high} (mean {mean})"


def _idle(found: LayerStatistics, look: Look) -> list[Piece]:
    fraction, word, trouble = idle_fraction(found)
    if word == "zero":
        return []
    text = f"{word} {percent(fraction)}{f' {look.glyphs.up}' if trouble else ''}"
    return [Piece(text, look.style(TROUBLE) if trouble else look.style(), 3)]


MANY = 200
"""Layers above which only those near the selected one are drawn, on an axis of their own."""


class AllLayersView(QuantityView):
    """The histograms of all layers side by side."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        selection = self.selection
        rows = [row for row in selection.rows if self._shows(row)]
        shown = around(rows, selection.index, room(len(rows), width, height)) if len(rows) > MANY else rows
        panels = [panel for row in shown if (panel := self._panel(row, look))]
        outline = self.outline(look)
        axes = "one axis" if self.one_scale else "own axes"
        words = (
            f"{selection.prefix}{selection.title} of each layer, {axes}{' · ' if outline else ''}{outline}"
        )
        return multiples(
            panels,
            width,
            height,
            title=self.pointer(look) + words,
            shared=self.one_scale,
            selected=selection.index,
            count=len(rows),
            look=look,
            empty=self._none if selection.model.snapshot else selection.hint(self),
        )

    @property
    def _none(self) -> str:
        return self.unseen(self.selection.kind) or f"no {self.selection.title} to show"

    def _shows(self, row: LayerRow) -> bool:
        """Whether a layer has such values of its own: the output of others is that of the layer before."""
        return bool(row.parameters or row.activation) and self.selection.has_part(row.index)

    def _panel(self, row: LayerRow, look: Look) -> Panel | None:
        selection = self.selection
        found = (selection.past_snapshot or selection.model).statistics(row.index)
        bars = bars_in(found, selection.kind)
        if found is None or bars is None:
            return None
        zeros = found.zeros if selection.kind == "activations" else math.nan
        note, other = _note(found, selection.kind, look), self.other_bars(row.index)
        return Panel(row.index, row.activation or row.type, bars, note, zeros, other)


def around(rows: Sequence[LayerRow], selected: int, count: int) -> Sequence[LayerRow]:
    """So many rows around the selected one, and as many at either side, of which some may be drawn."""
    at = bisect_left([row.index for row in rows], selected)
    return rows[max(0, at - count) : at + count]


def _note(found: LayerStatistics, kind: Kind, look: Look) -> str:
    """Mean ± standard deviation of a kind; of gradients the norm."""
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


class OverTimeView(QuantityView):
    """The histograms of the selected layer over time."""

    def stamp(self) -> Hashable:
        return (super().stamp(), self.selection.model.snapshots_version)

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        selection = self.selection
        parts = [
            (m.step, part)
            for m in selection.model.history.snapshots
            if (part := m.part(selection.index, selection.kind))
        ]
        title = f"{selection.prefix}{selection.index} {selection.layer_title} · {selection.title} over time"
        scales = [Scale(part.low, part.high, len(part.counts), part.floor) for _, part in parts]
        counts = [part.counts for _, part in parts]
        scale = common(scales) or Scale(0.0, 1.0, 1)
        if parts:
            every = Bars(scale, _of_all(_table(counts, scales, scale)).sum(axis=0))
            scale = self.shared_axis() or every.axis()
        newest = bars_of(parts[-1][1]) if parts else None
        beyond = [words for words in newest.on(scale).beyond() if words] if newest else []
        return heat_map(
            without_spike(_table(counts, scales, scale), scale.zero),
            width,
            height,
            title=self.pointer(look) + " · ".join([title, *beyond]),
            steps=[float(step) for step, _ in parts],
            marks=[(scale.position(value), label) for value, label in scale.ticks()],
            x_labels=(f"step {parts[0][0]:,}", f"{parts[-1][0]:,}") if parts else ("", ""),
            cursor=(float(selection.step), f"{selection.step:,}") if selection.past_snapshot else None,
            look=look,
            empty=self.why_empty(),
        )


def _table(counts: Sequence[Values], scales: Sequence[Scale], scale: Scale) -> Floats:
    """Histograms of several axes on one axis: (snapshots, bins)."""
    found = np.zeros((len(counts), scale.bins))
    for source in set(scales):
        rows = [i for i, own in enumerate(scales) if own == source]
        found[rows] = moved(np.array([counts[i] for i in rows], dtype=np.float64), source, scale)[0]
    return found


def _of_all(table: Floats) -> Floats:
    """Each histogram as fractions of its values."""
    total = table.sum(axis=1, keepdims=True)
    return table / np.where(total > 0, total, 1.0)


HISTOGRAM = Chart(
    "histogram", "histogram", "How the values of the layer are distributed.", 30, HistogramView, slot="beside"
)
ALL_LAYERS = Chart("multiples", "all layers", "The histograms of all layers side by side.", 40, AllLayersView)
OVER_TIME = Chart(
    "heat", "over time", "The histogram of the layer over time, as a heat map.", 50, OverTimeView
)
