"""The x axis of the curves of Train: epochs, steps or seconds. Curves are stored over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.curve import Curve, Points
from tuiml.tui.charts.series import Floats, Series, as_floats
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.study_model import AXES, Axis


@dataclass
class TimeAxis:
    """Shared by all views of curves."""

    unit: Axis = "epoch"

    @property
    def following(self) -> Axis:
        """The unit that the key selects."""
        return AXES[(AXES.index(self.unit) + 1) % len(AXES)]

    def of(self, run: RunModel, x: Floats) -> Floats:
        """Epochs of a run in the unit."""
        if self.unit == "step":
            return run.step_at(x)
        return _along(x, *_clock(run)) if self.unit == "seconds" else x

    def back(self, run: RunModel, value: float) -> float:
        """A value of the axis in epochs of a run."""
        if self.unit == "step":
            return run.x_of(value)
        return float(_along(np.array([value]), *_clock(run)[::-1])[0]) if self.unit == "seconds" else value

    def one(self, run: RunModel, x: float) -> float:
        """One place, in epochs, in the unit."""
        return x if self.unit == "epoch" else float(self.of(run, np.array([x]))[0])

    def end(self, runs: Sequence[RunModel], ends: Sequence[float]) -> float:
        """The end of all curves, in epochs of the first run, from that of each run in its own."""
        if self.unit == "epoch":
            return max(ends)
        reached = (self.one(run, end) for run, end in zip(runs, ends, strict=True))
        return max(self.back(runs[0], value) for value in reached)

    def curves(self, run: RunModel, curves: Sequence[Curve]) -> list[Curve]:
        """Curves of a run over the unit."""
        if self.unit == "epoch":
            return [*curves]
        return [
            replace(
                curve,
                points=self._points(run, curve.points),
                raw=None if curve.raw is None else self._points(run, curve.raw),
            )
            for curve in curves
        ]

    def _points(self, run: RunModel, points: Points) -> tuple[Floats, Floats]:
        x, y = points.points() if isinstance(points, Series) else map(as_floats, points)
        return self.of(run, x), y

    def marks(self, run: RunModel, marks: Sequence[Mark]) -> list[Mark]:
        """Marks of a run over the unit."""
        return [replace(mark, x=self.one(run, mark.x)) for mark in marks]


def _clock(run: RunModel) -> tuple[Floats, Floats]:
    """Epochs and the seconds of training at each, from 0 on, both rising."""
    x, seconds = run.clock.points()
    known = np.isfinite(seconds) & (seconds >= 0)
    x, seconds = np.append(0.0, x[known]), np.append(0.0, seconds[known])
    return np.maximum.accumulate(x), np.maximum.accumulate(seconds)


def _along(at: Floats, x: Floats, y: Floats) -> Floats:
    """``y`` at some places of ``x``; beyond the last one it goes on as on the whole."""
    slope = float(y[-1] / x[-1]) if x[-1] > 0 else 0.0
    found: Floats = np.interp(at, x, y) + np.maximum(0.0, at - x[-1]) * slope
    return found
