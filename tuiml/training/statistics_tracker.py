"""Statistics over time: axes that all layers of a kind share and that seldom change, and dead units.

One tracker belongs to one run (or one probe) and gets every snapshot of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tuiml.backends.engine import LayerView
from tuiml.nn.network import Network
from tuiml.training.layer_statistics import NAN, Histogram, LayerStatistics
from tuiml.training.statistics import (
    OUTSIDE,
    UNBOUNDED,
    Array,
    Bounds,
    Limits,
    Values,
    histogram,
    histograms,
    limits,
    numbers,
    samples_of,
    silent_units,
)

LOOKS, EXAMPLES, LONGEST = 10, 2000, 50
"""A unit is dead after so many silent snapshots and examples; with small batches after LONGEST snapshots."""
ENOUGH_UNITS, ENOUGH_OUTPUTS = 8, 64
"""A layer of so many units that are all silent is dead at once: nothing in it gets a gradient."""
WIDE = 4.0
"""An axis is far too wide where a side could be so many times shorter,"""
PATIENCE = 10
"""and is made shorter after so many snapshots of that."""


class Axis:
    """The limits of histograms, shared by some layers: they grow at once and shrink after a while."""

    def __init__(self, bounds: Bounds = UNBOUNDED) -> None:
        self._bounds = bounds
        self.limits: Limits | None = None
        self._empty = True
        """Nothing but zeros was seen."""
        self._wide = [0, 0]
        """For how many snapshots either end was far too long."""

    def fit(self, layers: Sequence[Values]) -> None:
        """Limits for the first snapshot, or for the first that has anything in it."""
        if self._empty:
            self._empty = not any(values.finite.any() for values in layers)
            self.limits = self._fitting(layers)

    def count(self, layers: Sequence[Values]) -> list[Histogram]:
        """A histogram of each layer on this axis."""
        return [histogram(values.finite, *self.limits) for values in layers] if self.limits else []

    def adjust(self, found: Sequence[Histogram], layers: Sequence[Values]) -> bool:
        """Compare the limits with the counts; returns whether to count again."""
        if self.limits is None or self.limits == self._bounds:
            return False
        low, high = self.limits
        if any(max(h.below, h.above) > OUTSIDE * h.total for h in found):
            new = self._fitting(layers) or self.limits
            self.limits = min(low, new[0]), max(high, new[1])
            self._wide = [0, 0]
            return self.limits != (low, high)
        reach = [_reach(h) for h in found]
        needed = min((r[0] for r in reach), default=low), max((r[1] for r in reach), default=high)
        for end in (0, 1):
            wide = self.limits[end] != 0.0 and needed[end] / self.limits[end] < 1 / WIDE
            self._wide[end] = self._wide[end] + 1 if wide else 0
        if max(self._wide) >= PATIENCE:
            self._shrink(layers)
        return False

    def _shrink(self, layers: Sequence[Values]) -> None:
        """Nearer limits, from the next snapshot on, where they were far too wide for long."""
        new = self._fitting(layers)
        if new is not None and self.limits is not None:
            pairs = zip(self._wide, new, self.limits, strict=True)
            low, high = (fresh if wide >= PATIENCE else old for wide, fresh, old in pairs)
            self.limits = (low, high) if low < high else new
        self._wide = [0, 0]

    def _fitting(self, layers: Sequence[Values]) -> Limits | None:
        """The least limits that are right for every layer."""
        each = [ends for values in layers if (ends := limits(values.finite, self._bounds)) is not None]
        if not self._empty:  # a layer of zeros has no say where others have values
            some = [values for values in layers if values.finite.any()]
            each = [ends for values in some if (ends := limits(values.finite, self._bounds)) is not None]
        return (min(low for low, _ in each), max(high for _, high in each)) if each else None


def _reach(found: Histogram) -> Limits:
    """The ends of the bins that hold all values but the fraction that may be cut off."""
    edges, most = found.edges(), OUTSIDE * found.total
    first, cut = 0, found.below + found.counts[0]
    while cut <= most and first < len(found.counts) - 1:
        first += 1
        cut += found.counts[first]
    last, cut = len(found.counts) - 1, found.above + found.counts[-1]
    while cut <= most and last > 0:
        last -= 1
        cut += found.counts[last]
    return edges[first], edges[last + 1]


class Silence:
    """For how long each unit of a layer has been silent."""

    def __init__(self) -> None:
        self._silent: Array | None = None
        self._examples: Array | None = None
        self._snapshots = 0

    def dead(self, silent: Array, examples: int) -> float:
        """The fraction of units that were silent long enough, or ever since the first snapshot."""
        if self._silent is None or self._examples is None or self._silent.shape != silent.shape:
            self._silent, self._examples = np.zeros(silent.shape, int), np.zeros(silent.shape, int)
            self._snapshots = 0
        self._snapshots += 1
        self._silent = (self._silent + 1) * silent
        self._examples = (self._examples + examples) * silent
        if silent.all() and silent.size >= ENOUGH_UNITS and silent.size * examples >= ENOUGH_OUTPUTS:
            return 1.0
        long = (self._silent >= LOOKS) & (self._examples >= EXAMPLES)
        dead = long | (self._silent >= min(self._snapshots, LONGEST))
        return float(np.count_nonzero(dead)) / dead.size


Group = tuple[str, str, Bounds]
"""Layers that share an axis: the kind of histogram, which layers of it, and what bounds the values."""


class Axes:
    """The axes of the histograms of several layers.

    Args:
        groups: which layers share one, by their index.
    """

    def __init__(self, groups: Mapping[Group, Sequence[int]]) -> None:
        self._groups = groups
        self._axes: dict[Group, Axis] = {}

    def histograms(self, samples: Sequence[Mapping[str, Values]]) -> list[dict[str, Any]]:
        """The histograms of every layer, each kind on its own axis."""
        found = [histograms(s, {}) for s in samples]  # gradients need no limits
        for group, members in self._groups.items():
            kind, _, bounds = group
            there = [i for i in members if kind in samples[i] and samples[i][kind].finite.size]
            values = [samples[i][kind] for i in there]
            axis = self._axes.setdefault(group, Axis(bounds))
            axis.fit(values)
            counted = axis.count(values)
            if axis.adjust(counted, values):
                counted = axis.count(values)
            for i, part in zip(there, counted, strict=True):
                found[i][kind] = part
        return found


class StatisticsTracker:
    """Makes the statistics of one network, snapshot after snapshot."""

    def __init__(self, network: Network) -> None:
        self._activations = [getattr(n.layer, n.layer.activation_field or "", None) for n in network.nodes]
        self._axes = Axes(_groups(network))
        self._silence = [Silence() for _ in network.nodes]

    def snapshot(self, views: Sequence[LayerView]) -> tuple[LayerStatistics, ...]:
        """Statistics of every layer, first to last."""
        samples = [samples_of(view) for view in views]
        examples = views[-1].output.shape[1]
        axes = self._axes.histograms(samples)
        found = []
        for i, view in enumerate(views):
            silent = silent_units(view, self._activations[i])
            dead = NAN if silent is None else self._silence[i].dead(silent, examples)
            figures = numbers(view, self._activations[i], samples[i])
            found.append(LayerStatistics(**figures, dead=dead, **axes[i]))
        return tuple(found)

    def silent_now(
        self, layers: Sequence[LayerStatistics], views: Sequence[LayerView]
    ) -> tuple[LayerStatistics, ...]:
        """The statistics with the fraction of units that are silent on all examples of these views, without
        those before: of a state that no more steps are taken from."""
        found = []
        for layer, view, activation in zip(layers, views, self._activations, strict=True):
            silent = silent_units(view, activation)
            found.append(layer if silent is None else replace(layer, dead=float(silent.mean())))
        return tuple(found)


def _groups(network: Network) -> dict[Group, list[int]]:
    """Which layers share an axis.

    Of activations those with the same bounds, and apart from them the data, which may be of any size; of
    weights those of matrices, and apart from them those that scale single values, which lie around 1.
    """
    found: dict[Group, list[int]] = {}
    trained = False
    for node in network.nodes:
        activation = getattr(node.layer, node.layer.activation_field or "", None)
        trained |= bool(node.parameters) or activation is not None
        bounds = activation.range if activation else UNBOUNDED
        scales = any(p.by_element for p in node.parameters if p.name == "weight")
        for kind, part, ends in (
            ("activations", "" if trained else "data", bounds),
            ("inputs", "", UNBOUNDED),
            ("weights", "scales" if scales else "", UNBOUNDED),
            ("biases", "", UNBOUNDED),
        ):
            found.setdefault((kind, part, ends), []).append(node.index)
    return found
