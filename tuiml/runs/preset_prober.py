"""Probes presets: statistics of every layer at the initial values, without training."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from tuiml.backends.choice import choose
from tuiml.data.arrays import Data
from tuiml.data.datasets import datasets
from tuiml.data.prepare import load_here
from tuiml.nn.network import Network
from tuiml.runs import memory_estimate
from tuiml.runs.preparation import build_engine
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.training.data_sample import DataSample, data_sample
from tuiml.training.probe import Inputs, Probe, noise, probe, small

CACHED = 8
"""Data sets that stay in memory, each with the few examples that are used."""


class Prober:
    """Probes presets one after the other, and caches the data of the last few."""

    def __init__(self) -> None:
        self._cache: OrderedDict[Hashable, tuple[Data, DataSample | None]] = OrderedDict()

    def probe(self, preset: Preset) -> tuple[Network, Probe]:
        """Statistics of every layer at the initial values, on a batch of training examples.

        NumPy computes it, whichever backend would train: it starts at once, and all have the same initial
        values. Nothing is downloaded: if the data is not here, the inputs are random, and a note says so.

        Raises:
            SpecError, RunError: this machine lacks the memory for it.
            DataError: the data is damaged.
        """
        network = network_of(preset)
        memory_estimate.refuse_if_short(preset, network)
        data, sample = self._data(preset)
        inputs: Inputs = "noise" if sample is None else "data"
        engine = build_engine(preset, network, data, choose("numpy"), 1).engine
        try:
            return network, probe(preset, network, data, engine, inputs)
        finally:
            engine.close()

    def sample(self, preset: Preset) -> DataSample | None:
        """What is shown of a preset's data; ``None`` where it is not on this machine.

        Raises:
            DataError: the data is damaged.
        """
        return self._data(preset)[1]

    def _data(self, preset: Preset) -> tuple[Data, DataSample | None]:
        key = _key(datasets.table(preset.data), preset.training.seed), preset.data.version
        if key not in self._cache:
            found = load_here(preset.data, preset.training.seed)
            self._cache[key] = (noise(preset), None) if found is None else (small(found), data_sample(found))
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]


def _key(table: dict[str, Any], seed: int) -> Hashable:
    return repr(sorted(table.items())), seed
