"""The curves of loss and accuracy, with those of other runs and manual changes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from textual import events
from textual.message import Message

from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.other_runs import Quantity, beside_run, differences
from tuiml.tui.chart_views.smoothing import STRENGTHS, Smoothing, once_an_epoch
from tuiml.tui.chart_views.time_axis import TimedView
from tuiml.tui.charts.axes import Frame, Mark
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.series import Series
from tuiml.tui.charts.text import Line, clean
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.curves import Curves
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.study_model import Axis
from tuiml.tui.widgets.chart_view import keymap_of

HIGH = 20.0
"""A loss that starts above it (chance is 2.3 for ten classes) is first shown on a logarithmic axis."""
DECADES = 2.0
"""A loss that spans more powers of ten is better seen on a logarithmic axis."""


@dataclass
class LossAxis:
    """Shared by all views of the loss."""

    logarithmic: bool | None = None
    """``None``: if the loss starts above :data:`HIGH`."""


class CurvesView(TimedView):
    """Training and validation over the epochs."""

    quantity: Quantity
    _frame: Frame | None = None
    """Where the canvas is, for the mouse."""

    class Pointed(Message):
        """The mouse is over another place of a curve, or was pressed there: ``chosen``."""

        def __init__(self, *, chosen: bool = False) -> None:
            super().__init__()
            self.chosen = chosen

    @property
    def log_axis(self) -> bool:
        """True if y is logarithmic."""
        return False

    def stamp(self) -> Hashable:
        return (super().stamp(), self.log_axis)

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        selection, model = self.selection, self.selection.model
        cursor, is_loss, axis = selection.cursor, self.quantity == "loss", self.axis
        word = "loss" if is_loss else clean(model.metric.word, look)
        step = "" if cursor.x is None else f"step {round(model.step_at(np.array([cursor.x]))[0]):,} · "
        runs = (model, *selection.others)
        end = x_end(axis.end(runs, [last_epoch(run) for run in runs]), model.epochs_planned)
        low, high = (axis.one(model, x) for x in cursor.part(end))
        shown, at = self._shown(width, look), axis.one(model, cursor.x or 0.0)
        self._frame = None
        return LineChart(
            shown,
            title=self.pointer(look) + step + word + (", log" if self.log_axis else ""),
            x_label=_part_label((low, high), axis.one(model, end), width, axis.unit),
            y_format="number" if is_loss else model.metric.unit,
            log=self.log_axis,
            y_range=_r2_range(self._curves) if word not in ("loss", "accuracy") else None,
            x_range=(low, high),
            marks=axis.marks(model, marks(model)),
            spare="spikes",
            cursor=None if cursor.x is None else Mark(at, _place(at, axis.unit), ""),
            notes=[*differences(selection.others, model, look), *self._smoothed(shown), *self._offer(shown)],
            on_frame=lambda frame: setattr(self, "_frame", frame),
            look=look,
            empty=selection.hint(self),
        ).lines(width, height)

    @property
    def _curves(self) -> Curves:
        model = self.selection.model
        return model.loss if self.quantity == "loss" else model.accuracy

    def _shown(self, width: int, look: Look) -> list[Curve]:
        """The curves, the last on top."""
        selection, smoothing, curves = self.selection, self.selection.of(Smoothing), self._curves
        axis, model = self.axis, selection.model
        beside = beside_run(selection.others, model, self.quantity, smoothing, axis, look)
        found = _left(curves, "left" if width >= ROOMY else "", smoothing)
        if len(curves.raw):
            smooth = smoothing.strength > 0
            points, raw = (smoothing.curve(curves.train), curves.raw) if smooth else (curves.raw, None)
            found.append(Curve("train", points, TRAIN, raw=raw, end="train"))
        if not math.isnan(curves.validation.last):
            points, raw = once_an_epoch(curves.validation, smoothing)
            found.append(Curve("validation", points, VALIDATION, "dashed", raw=raw, end="val"))
        return [*beside, *axis.curves(model, found)]

    def _smoothed(self, shown: Sequence[Curve]) -> list[tuple[str, ...]]:
        """How strongly the curves are smoothed, if it is not as always."""
        strength = self.selection.of(Smoothing).strength
        if not shown or strength == STRENGTHS[1]:
            return []
        return [(f"smoothed {strength:.0%}", f"~{strength:.0%}") if strength else ("not smoothed", "raw")]

    def _offer(self, shown: Sequence[Curve]) -> list[tuple[str, ...]]:
        """The key that would make the curves easier to read, and why."""
        return []

    # -- the mouse ------------------------------------------------------------------------------------------

    def _place(self, event: events.MouseEvent) -> float | None:
        """The place that the mouse is over, in epochs; ``None`` beside the canvas."""
        offset, frame = event.get_content_offset(self), self._frame
        if offset is None or frame is None or not 0 <= offset.x - frame.margin < frame.columns:
            return None
        x = frame.x_of(offset.x - frame.margin)
        return self.axis.back(self.selection.model, x)

    def _hover(self, x: float | None) -> None:
        cursor = self.selection.cursor
        if x != cursor.hover:
            cursor.hover = x
            self.post_message(self.Pointed())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._hover(self._place(event))

    def on_leave(self, event: events.Leave) -> None:
        self._hover(None)

    def on_click(self, event: events.Click) -> None:
        x, cursor = self._place(event), self.selection.cursor
        if x is not None:
            if event.chain == 2:  # it enlarges the chart
                cursor.follow()
            else:
                cursor.go(x)
            self.post_message(self.Pointed(chosen=True))


class LossView(CurvesView):
    """Loss of training and validation."""

    quantity = "loss"

    @property
    def log_axis(self) -> bool:
        asked = self.selection.of(LossAxis).logarithmic
        return self.selection.model.loss.first > HIGH if asked is None else asked

    @action("o", "log", "Loss on a logarithmic axis, and back.", "train", rank=240)
    def action_log_loss(self) -> None:
        self.selection.of(LossAxis).logarithmic = not self.log_axis

    def label(self, action_id: str) -> str | None:
        return "linear" if action_id == "log_loss" and self.log_axis else super().label(action_id)

    def _offer(self, shown: Sequence[Curve]) -> list[tuple[str, ...]]:
        decades = 0.0 if self.log_axis else _decades(shown)
        key = key_of("log_loss", keymap_of(self))
        return [(f"{key}: log, spans {decades:.0f} decades", f"{key}: log")] if decades > DECADES else []


class AccuracyView(CurvesView):
    """Accuracy, or R² of a regression, of training and validation."""

    quantity = "accuracy"


LOSS = Chart("loss", "loss", "Loss of training and validation over the epochs.", 10, LossView, slot="top")
ACCURACY = Chart(
    "accuracy",
    "accuracy",
    "Accuracy, or R squared, over the epochs.",
    20,
    AccuracyView,
    available=lambda run: run.watched is None or run.has_accuracy,
    slot="top",
)


ROOMY = 72
"""Minimum width of a chart whose title names abandoned curves, in cells."""
LEAST = -0.25
"""R² below it is not shown: it only shows how bad the first epochs were."""


def _r2_range(curves: Curves) -> tuple[float, float] | None:
    """The range of y of R², if it was far below 0."""
    values = [ys[np.isfinite(ys)] for _, ys in (curves.train.points(), curves.validation.points())]
    every = np.concatenate(values)
    return (LEAST, 1.0) if len(every) and every.min() < LEAST else None


def _decades(shown: Sequence[Curve]) -> float:
    """The powers of ten that curves span."""
    every = [curve.points.points() if isinstance(curve.points, Series) else curve.points for curve in shown]
    values = np.concatenate([np.asarray(y, dtype=np.float64) for _, y in every] or [np.empty(0)])
    values = values[np.isfinite(values) & (values > 0)]
    return math.log10(float(values.max())) - math.log10(float(values.min())) if len(values) else 0.0


def _part_label(part: tuple[float, float], end: float, width: int, unit: Axis) -> str:
    """The label of the axis, with the part that is shown if it is not all."""
    if not 0 < part[1] - part[0] < end * (1 - 1e-9):
        return unit
    digits = max(0, 1 - math.floor(math.log10(part[1] - part[0])))
    label = f"{unit} {part[0]:,.{digits}f} to {part[1]:,.{digits}f} of {end:,.6g}"
    return label if len(label) < width // 2 - 6 else f"{unit} of {end:,.6g}"


def _place(at: float, unit: Axis) -> str:
    """The label of the cursor on the axis."""
    return f"{at:.2f}" if unit == "epoch" else f"{at:,.0f}" if unit == "step" else f"{at:,.4g}"


def _left(curves: Curves, name: str, smoothing: Smoothing) -> list[Curve]:
    """The abandoned curves of a run that was rewound, faint and behind; the axis need not contain them."""
    found: list[Curve] = []
    for branch in curves.branches:
        points = smoothing.curve(branch.train) if len(branch.train) else branch.validation
        found.append(Curve("" if found else name, points, QUIET, "dotted", aside=True))
    return found


def last_epoch(model: RunModel) -> float:
    """The end of the curves, in epochs."""
    left = [series for branch in model.loss.branches for series in (branch.train, branch.validation)]
    xs = [series.points()[0] for series in (model.loss.raw, model.loss.validation, *left)]
    return max((float(x[-1]) for x in xs if len(x)), default=0.0)


_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def x_end(x: float, planned: int) -> float:
    """The right end of the axis of epochs: a round number beyond ``x``, so that the curve seldom moves."""
    if x <= 0:
        return float(max(1, planned))
    power = 10.0 ** math.floor(math.log10(x))
    end = next((m * power for m in _STEPS if x <= m * power * (1 + 1e-9)), 10 * power)
    return min(end, float(planned)) if planned >= x else end


def marks(model: RunModel) -> list[Mark]:
    """Manual changes and, when the run is over, the best epoch."""
    found = [Mark(x, f"lr {rate:.3g}", QUIET) for x, rate in model.interventions.rates]
    for x, several in groupby(model.interventions.marks, key=lambda changed: changed.x):
        found.append(Mark(x, ", ".join(changed.label for changed in several), QUIET))
    if not model.alive and model.best and len(model.epochs) > 1:
        x = model.x_of(model.best.step) if model.watched else float(model.best.epoch)
        found.append(Mark(x, "best", VALIDATION))
    return found
