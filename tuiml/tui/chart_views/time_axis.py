"""What all curves of Train share: the x axis, which is epochs, steps or seconds, and their smoothing.

Curves are stored over the epochs, those of a watched run over its steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tuiml.tui.chart_views.chart import ChartView
from tuiml.tui.chart_views.smoothing import STRENGTHS, Smoothing
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.curve import Curve, Points
from tuiml.tui.charts.series import Floats, Series, as_floats
from tuiml.tui.keys import action
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.study_model import AXES, Axis


@dataclass
class TimeAxis:
    """Shared by all views of curves."""

    unit: Axis = "epoch"

    def of_runs(self, runs: Iterable[RunModel]) -> TimeAxis:
        """The axis for some runs: steps in place of epochs if one of them has no epochs."""
        by_step = self.unit == "epoch" and any(run.watched for run in runs)
        return TimeAxis("step") if by_step else self

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


class TimedView(ChartView):
    """Curves over the time of training, which all have one axis."""

    quick: ClassVar[bool] = False

    @property
    def axis(self) -> TimeAxis:
        """The axis for the run and those that it is compared with."""
        return self._suited(self.selection.of(TimeAxis))

    def _suited(self, axis: TimeAxis) -> TimeAxis:
        return axis.of_runs((self.selection.model, *self.selection.others))

    @property
    def _following(self) -> Axis:
        return self._suited(TimeAxis(self.axis.following)).unit

    def stamp(self) -> Hashable:
        selection = self.selection
        model = selection.model
        run = (model.curves_version, model.status, selection.hint(self), selection.others)
        return (*run, selection.cursor.stamp(), selection.of(Smoothing).strength, self.axis.unit)

    @action("X", "x axis", "The curves by epoch, by step or by seconds of training.", "train", rank=244)
    def action_curve_axis(self) -> None:
        self.selection.of(TimeAxis).unit = self._following

    def label(self, action_id: str) -> str | None:
        if action_id != "curve_axis":
            return None
        return f"by {self._following}"

    @action("tilde", "smooth", "Smooth the curves: 3, 10, 30 %, or not at all.", "train", rank=242)
    def action_smooth(self) -> None:
        smoothing = self.selection.of(Smoothing)
        smoothing.strength = STRENGTHS[(STRENGTHS.index(smoothing.strength) + 1) % len(STRENGTHS)]


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
