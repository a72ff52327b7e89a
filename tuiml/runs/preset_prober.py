"""Probing a preset: its data, where it is here, its network and an engine, for one look."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from tuiml.backends.choice import build, choose
from tuiml.data.arrays import Data
from tuiml.data.datasets import datasets
from tuiml.data.prepare import load_here
from tuiml.nn.network import Network
from tuiml.runs import memory_estimate
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.training.probe import Inputs, Probe, noise, probe, small

KEPT = 8
"""Data sets kept, with the few examples of each that are looked at."""


class Prober:
    """Probes presets one after the other; the data of the last few is kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Data, Inputs]] = OrderedDict()

    def probe(self, preset: Preset) -> tuple[Network, Probe]:
        """Statistics of every layer at the initial values, on a batch of training examples.

        NumPy computes it, whichever backend would train: it starts at once, and both start from the same
        values. Nothing is downloaded: where the data is not here, the inputs are random, and it says so.

        Raises:
            SpecError: this machine lacks the memory for it.
            DataError: the data is damaged.
        """
        network, training = network_of(preset), preset.training
        memory_estimate.refuse_if_short(preset, network)
        data, inputs = self._data(preset)
        parts = (training.optimizer, data, training.seed, training.penalties, 1)
        engine = build(choose("numpy"), network, *parts)
        try:
            return network, probe(preset, network, data, engine, inputs)
        finally:
            engine.close()

    def _data(self, preset: Preset) -> tuple[Data, Inputs]:
        key = _key(datasets.table(preset.data), preset.training.seed), preset.data.version
        if key not in self._kept:
            found = load_here(preset.data, preset.training.seed)
            self._kept[key] = (noise(preset), "noise") if found is None else (small(found), "data")
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def _key(table: dict[str, Any], seed: int) -> Hashable:
    return repr(sorted(table.items())), seed
