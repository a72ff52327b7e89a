"""Earlier snapshots of a run: a few, evenly spread over its steps, in little memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuiml.training.layer_statistics import HISTOGRAMS, Histogram, LayerStatistics

MOST = 240
"""Snapshots at most."""
LAYERS = 12_000
"""Layers of all snapshots at most: of a deep network there are fewer snapshots."""
FEWEST = 48
MOST_LAYERS = 24_000
"""Layers of all snapshots at most where :data:`FEWEST` of a network would have more: memory is bounded."""

FIGURES = tuple(f.name for f in fields(LayerStatistics) if f.name not in HISTOGRAMS)


class Counted(NamedTuple):
    """A :class:`Histogram` with its counts in an array."""

    low: float
    high: float
    counts: NDArray[Any]
    below: int
    above: int
    floor: float

    @classmethod
    def of(cls, part: Histogram) -> Counted:
        most = max(part.counts, default=0)
        counts = np.array(part.counts, dtype=np.uint32 if most < 2**32 else np.int64)
        return cls(part.low, part.high, counts, part.below, part.above, part.floor)

    def histogram(self) -> Histogram:
        return Histogram(self.low, self.high, tuple(self.counts.tolist()), self.below, self.above, self.floor)


class PastSnapshot:
    """All layers at one step, in a tenth of the memory that :class:`LayerStatistics` take."""

    __slots__ = ("_figures", "_parts", "step")

    def __init__(self, step: int, layers: Sequence[LayerStatistics]) -> None:
        self.step = step
        figures = [[getattr(layer, name) for name in FIGURES] for layer in layers]
        self._figures = np.array(figures, dtype=np.float64).reshape(len(layers), len(FIGURES))
        parts = [[getattr(layer, name) for name in HISTOGRAMS] for layer in layers]
        self._parts = [[Counted.of(part) if part else None for part in row] for row in parts]

    def __len__(self) -> int:
        """How many layers there are."""
        return len(self._parts)

    def figures(self, name: str) -> NDArray[np.float64]:
        """One figure of every layer."""
        return self._figures[:, FIGURES.index(name)]

    def part(self, layer: int, kind: str) -> Counted | None:
        """A histogram of a layer."""
        return self._parts[layer][HISTOGRAMS.index(kind)] if 0 <= layer < len(self._parts) else None

    def statistics(self, layer: int) -> LayerStatistics | None:
        """A layer's statistics."""
        if not 0 <= layer < len(self._parts):
            return None
        values: dict[str, Any] = dict(zip(FIGURES, self._figures[layer].tolist(), strict=True))
        for name, part in zip(HISTOGRAMS, self._parts[layer], strict=True):
            values[name] = part.histogram() if part else None
        return LayerStatistics(**values)

    def layers(self) -> tuple[LayerStatistics, ...]:
        """The statistics of all layers."""
        return tuple(found for i in range(len(self)) if (found := self.statistics(i)))


class SnapshotHistory:
    """Snapshots in the order of their steps, always with the first and the newest.

    When there are too many, every second one is dropped, and new ones are kept as far apart as those that
    stayed: the steps are evenly covered however long the run is.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.snapshots: list[PastSnapshot] = []
        """From the first to the newest."""
        self._gap = 0.0

    def __len__(self) -> int:
        return len(self.snapshots)

    @property
    def newest(self) -> PastSnapshot | None:
        """The last one; ``None``: there is none yet."""
        return self.snapshots[-1] if self.snapshots else None

    @property
    def steps(self) -> list[int]:
        return [snapshot.step for snapshot in self.snapshots]

    def add(self, step: int, layers: Sequence[LayerStatistics]) -> None:
        """Add a snapshot; those of the same and of later steps are dropped: the run was resumed."""
        kept = self.snapshots
        while kept and kept[-1].step >= step:
            kept.pop()
        if len(kept) >= 2 and kept[-1].step - kept[-2].step < self._gap:
            kept.pop()  # it was there as the newest only
        kept.append(PastSnapshot(step, layers))
        if len(kept) > min(self._most, most_of(len(layers))):
            self._thin()

    def go_back(self, step: int) -> None:
        """Drop the snapshots after a step."""
        while self.snapshots and self.snapshots[-1].step > step:
            self.snapshots.pop()

    def _thin(self) -> None:
        snapshots = self.snapshots
        self._gap = max(2 * self._gap, 2 * (snapshots[-1].step - snapshots[0].step) / (len(snapshots) - 1))
        kept = snapshots[:1]
        for snapshot in snapshots[1:-1]:
            if snapshot.step - kept[-1].step >= self._gap:
                kept.append(snapshot)
        self.snapshots = [*kept, snapshots[-1]]

    def nearest(self, step: int) -> PastSnapshot | None:
        """The snapshot nearest to a step, the earlier of two; ``None`` where there is none."""
        return min(self.snapshots, key=lambda snapshot: abs(snapshot.step - step), default=None)

    def before(self, step: int) -> PastSnapshot | None:
        """The snapshot at or last before a step, else the first; ``None`` where there is none."""
        place = bisect_right(self.steps, step)
        return self.snapshots[max(0, place - 1)] if self.snapshots else None

    def figures(self, name: str) -> NDArray[np.float64]:
        """One figure of every layer in every snapshot, (snapshots, layers); NaN where there is none."""
        layers = max(map(len, self.snapshots), default=0)
        found = np.full((len(self.snapshots), layers), np.nan)
        for row, snapshot in zip(found, self.snapshots, strict=True):
            row[: len(snapshot)] = snapshot.figures(name)
        return found


def most_of(layers: int) -> int:
    """How many snapshots of a network with so many layers are kept."""
    count = max(1, layers)
    return max(2, min(MOST, max(min(FEWEST, MOST_LAYERS // count), LAYERS // count)))


def worth_reading(steps: Sequence[int], layers: int) -> set[int]:
    """The numbers of the recorded snapshots, of so many layers, that :class:`SnapshotHistory` would keep."""
    history, number = SnapshotHistory(most_of(layers)), {}
    for at, step in enumerate(steps):
        history.add(step, ())
        number[id(history.snapshots[-1])] = at  # an object that was dropped may have had the same id
    return {number[id(snapshot)] for snapshot in history.snapshots}
