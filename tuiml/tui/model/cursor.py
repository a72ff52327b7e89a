"""The cursor in time at which every chart is read, and the part of the run that the curves show."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import PastSnapshot, SnapshotHistory

STOPS = 200
"""Places in the part that is shown at which the keys stop, where curves have more points."""
CLOSEST = 12
"""How often the part that is shown may be halved."""
MARGIN = 0.1
"""The cursor stays so far from the ends of the part that is shown."""


def neighbour(steps: Sequence[int], step: int, by: int) -> int | None:
    """The ``by``-th of rising steps after or before ``step``, or the first; ``None``: the last or beyond."""
    if not steps or by == 0:
        return None
    place = bisect_left(steps, step) + by if by < 0 else bisect_right(steps, step) + by - 1
    return None if place >= len(steps) - 1 else steps[max(0, place)]


class TimeCursor:
    """Where a run is looked at. Of another run nothing is kept: its history is another object."""

    def __init__(self, run: Callable[[], RunModel]) -> None:
        self._run = run
        self._at: tuple[SnapshotHistory, int, PastSnapshot | None] | None = None
        self._zoom: tuple[SnapshotHistory, int] | None = None
        self._left = 0.0
        self.hover: float | None = None
        """Where the mouse is over a curve, in epochs: the curves are read there, while the layers stay."""

    def stamp(self) -> Hashable:
        """A value that changes whenever the curves have to be drawn again."""
        return (self.step, self.hover, self.zoom)

    @property
    def step(self) -> int | None:
        """The step looked at; ``None``: the newest."""
        return self._at[1] if self._at and self._at[0] is self._run().history else None

    @property
    def away(self) -> bool:
        """True if anything but the newest step and all of the run is shown."""
        return self.step is not None or self.zoom > 0

    @property
    def snapshot(self) -> PastSnapshot | None:
        """The snapshot at or before that step, or else the first."""
        return self._at[2] if self._at and self.step is not None else None

    @property
    def x(self) -> float | None:
        """The place at which the curves are read, in epochs; ``None``: at their ends."""
        if self.hover is not None:
            return self.hover
        return None if self.step is None else self._run().x_of(self.step)

    @property
    def stops(self) -> list[int]:
        """Where the keys stop, the newest included: at each snapshot; where there are none, and in a part of
        a run, at the points of the curves."""
        run = self._run()
        snapshots = run.history.steps
        if len(snapshots) > 1 and not self.zoom:
            return snapshots
        found = [*snapshots, run.step]
        for curves in (run.loss, run.accuracy):
            for series in (curves.train, curves.validation):
                found += np.rint(run.step_at(series.points()[0])).astype(np.int64).tolist()
        steps = np.unique(found)
        steps = steps[(steps >= 0) & (steps <= max(run.step, snapshots[-1] if snapshots else 0))]
        if not len(steps):
            return []
        gap = max(1.0, float(steps[-1] - steps[0]) / (STOPS << self.zoom))
        _, kept = np.unique(np.floor((steps - steps[-1]) / gap), return_index=True)
        thinned: list[int] = steps[np.append(kept[:-1], len(steps) - 1)].tolist()
        return thinned

    def move(self, by: int) -> None:
        """Go ``by`` stops on; after the last one follow the newest again."""
        stops, step = self.stops, self.step
        self.hover = None
        if not stops or (by > 0 and step is None):
            return
        found = neighbour(stops, stops[-1] if step is None else step, by)
        self._set(found)

    def go(self, x: float) -> None:
        """Go to a place in epochs; beyond the newest step follow that."""
        run = self._run()
        step = max(0, round(float(run.step_at(np.array([x]))[0])))
        self._set(step if step < run.step else None)

    def go_to(self, step: int) -> None:
        """Go to a step; at the newest or beyond follow that."""
        self.hover = None
        self._set(step if step < self._run().step else None)

    def _set(self, step: int | None) -> None:
        history = self._run().history
        self._at = None if step is None else (history, step, history.before(step))

    def follow(self) -> None:
        """Follow the newest step."""
        self._at = self.hover = None

    # -- the part that is shown -----------------------------------------------------------------------------

    @property
    def zoom(self) -> int:
        """How often the part that is shown was halved."""
        return self._zoom[1] if self._zoom and self._zoom[0] is self._run().history else 0

    def magnify(self, by: int) -> None:
        """Show half as much of the time around the cursor, or twice as much."""
        zoom = max(0, min(CLOSEST, self.zoom + by))
        self._zoom, self._left = (self._run().history, zoom), float("nan")

    def part(self, end: float) -> tuple[float, float]:
        """The part that is shown of a time that ends at ``end``, in epochs: around the cursor, and scrolled
        only as far as it has to be."""
        span = end / 2**self.zoom
        run = self._run()
        at = min(end, run.x_of(self.step if self.step is not None else run.step))
        left = at - span / 2 if np.isnan(self._left) else self._left
        left = min(max(left, at - (1 - MARGIN) * span), at - MARGIN * span)
        self._left = max(0.0, min(left, end - span))
        return self._left, self._left + span
