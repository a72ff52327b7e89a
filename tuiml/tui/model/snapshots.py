"""What is kept of the pictures of a run to look back at: few, spread evenly, in little room."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuiml.training.statistics import Histogram, LayerStatistics

MOMENTS = 240
"""Pictures that are kept at most."""
LAYERS = 12_000
"""Pictures of single layers that are kept at most: a deep network has fewer moments."""
FEWEST = 48

FIGURES = tuple(f.name for f in fields(LayerStatistics) if f.type == "float")
HISTOGRAMS = tuple(f.name for f in fields(LayerStatistics) if f.name not in FIGURES)


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
    """All layers at one step, packed: a tenth of what :class:`LayerStatistics` take."""

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
        """A layer's statistics as they were told."""
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
    """Moments in the order of their steps; the first and the newest are always among them.

    When they are too many, every second one goes and new ones are kept as far apart as those that stayed:
    the steps stay evenly covered however long the run, and each moment is a picture as it was taken.
    """

    def __init__(self, most: int = MOMENTS) -> None:
        self._most = most
        self._moments: list[PastSnapshot] = []
        self._gap = 0.0

    def __len__(self) -> int:
        return len(self._moments)

    @property
    def moments(self) -> Sequence[PastSnapshot]:
        """From the first to the newest."""
        return self._moments

    @property
    def steps(self) -> list[int]:
        return [moment.step for moment in self._moments]

    def add(self, step: int, layers: Sequence[LayerStatistics]) -> None:
        """Keep a picture. One of an earlier step, of a run that was resumed, takes the place of the later."""
        kept = self._moments
        while kept and kept[-1].step >= step:
            kept.pop()
        if len(kept) >= 2 and kept[-1].step - kept[-2].step < self._gap:
            kept.pop()  # it was there as the newest only
        kept.append(PastSnapshot(step, layers))
        if len(kept) > max(2, min(self._most, max(FEWEST, LAYERS // max(1, len(layers))))):
            self._thin()

    def go_back(self, step: int) -> None:
        """Forget what came after a step."""
        while self._moments and self._moments[-1].step > step:
            self._moments.pop()

    def _thin(self) -> None:
        moments = self._moments
        self._gap = max(2 * self._gap, 2 * (moments[-1].step - moments[0].step) / (len(moments) - 1))
        kept = moments[:1]
        for moment in moments[1:-1]:
            if moment.step - kept[-1].step >= self._gap:
                kept.append(moment)
        self._moments = [*kept, moments[-1]]

    def nearest(self, step: int) -> PastSnapshot | None:
        """The moment nearest to a step, the earlier of two; None where there is none."""
        return min(self._moments, key=lambda moment: abs(moment.step - step), default=None)

    def neighbour(self, step: int, by: int) -> PastSnapshot | None:
        """The moment ``by`` places after ``step``, or before it; the first, and None beyond the newest."""
        steps = self.steps
        if not steps or by == 0:
            return None
        place = bisect_left(steps, step) + by if by < 0 else bisect_right(steps, step) + by - 1
        return None if place >= len(steps) - 1 else self._moments[max(0, place)]

    def figures(self, name: str) -> NDArray[np.float64]:
        """One figure of every layer at every moment, (moments, layers); NaN where it was not told."""
        layers = max(map(len, self._moments), default=0)
        found = np.full((len(self._moments), layers), np.nan)
        for row, moment in zip(found, self._moments, strict=True):
            row[: len(moment)] = moment.figures(name)
        return found


def worth_reading(steps: Sequence[int]) -> set[int]:
    """The numbers of the recorded snapshots that a :class:`SnapshotHistory` would keep."""
    history, number = SnapshotHistory(), {}
    for at, step in enumerate(steps):
        history.add(step, ())
        number[id(history.moments[-1])] = (
            at  # of one that is gone the identity may come again: it is then this
        )
    return {number[id(moment)] for moment in history.moments}
