"""Data that stays loaded between trials of the same data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Hashable

from tuiml.data.arrays import Data
from tuiml.data.datasets import datasets
from tuiml.runs.preparation import load_data
from tuiml.spec.preset import Preset
from tuiml.training.events import Loading
from tuiml.training.run_control import RunControl

MOST = 512 * 1024 * 1024
"""Bytes of arrays that stay in memory; the last data loaded always does."""


class DataCache:
    """The data of the last trials, by their ``[data]`` and seed: the parts are drawn with the seed."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._found: OrderedDict[Hashable, Data] = OrderedDict()

    def load(self, preset: Preset, control: RunControl) -> Generator[Loading, None, Data]:
        """As :func:`tuiml.runs.preparation.load_data`, but read only once."""
        table = repr(sorted(datasets.table(preset.data).items()))
        key = table, preset.training.seed, preset.data.version
        if key not in self._found:
            self._found[key] = yield from load_data(preset, control)
        self._found.move_to_end(key)
        while len(self._found) > 1 and sum(map(_bytes, self._found.values())) > self._most:
            self._found.popitem(last=False)
        return self._found[key]


def _bytes(data: Data) -> int:
    """Bytes of its arrays; a part may be a view of a larger array, which stays with it."""
    arrays = [part.inputs for part in (data.train, data.validation, data.test)]
    bases = {id(found): found for found in (array if array.base is None else array.base for array in arrays)}
    return sum(getattr(base, "nbytes", 0) for base in bases.values())
