"""The curves of loss and accuracy over the epochs, with those of another run and manual changes."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from tuiml.tui.chart_views.chart import Chart, ChartView
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.lines import Curve, line_chart
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.text import Line, clean
from tuiml.tui.keys import action
from tuiml.tui.model.curves import Curves
from tuiml.tui.model.item_rows import short_name
from tuiml.tui.model.run_model import RunModel

OTHERS = ("purple", "yellow")
"""Colours of training and validation of another run."""
Quantity: TypeAlias = Literal["loss", "accuracy"]


HIGH = 20.0
"""A loss that starts above it (chance is 2.3 for ten classes) is first shown on a logarithmic axis."""


@dataclass
class LossAxis:
    """Shared by all views of the loss."""

    logarithmic: bool | None = None
    """``None``: if the loss starts above :data:`HIGH`."""


class CurvesView(ChartView):
    """Training and validation over the epochs."""

    quick: ClassVar[bool] = False
    quantity: Quantity

    @property
    def log_axis(self) -> bool:
        """True if y is logarithmic."""
        return False

    def stamp(self) -> Hashable:
        selection = self.selection
        model = selection.model
        return (model.curves_version, model.status, self.log_axis, selection.hint(self), selection.other)

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model, other = self.selection.model, self.selection.other
        is_loss = self.quantity == "loss"
        curves = model.loss if is_loss else model.accuracy
        word = "loss" if is_loss else clean(model.metric.word, look)
        run_marks = marks(model)
        shown = [*_beside(other, model, self.quantity), *_left(curves, "left" if width >= ROOMY else "")]
        if len(curves.raw):
            shown.append(Curve("train", curves.train, TRAIN, raw=curves.raw))
        if not math.isnan(curves.validation.last):
            shown.append(Curve("validation", curves.validation, VALIDATION, "dashed"))
        end = max(last_epoch(run) for run in (model, other) if run)
        return line_chart(
            shown,
            width,
            height,
            title=self.pointer(look) + word + (", log" if self.log_axis else ""),
            x_label="" if run_marks else "epoch",  # it would take the place of their labels
            y_format="number" if is_loss else model.metric.unit,
            log=self.log_axis,
            y_range=_r2_range(curves) if word not in ("loss", "accuracy") else None,
            x_range=(0.0, x_end(end, model.epochs_planned)),
            marks=run_marks,
            look=look,
            empty=self.selection.hint(self),
        )


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
        return "linear" if action_id == "log_loss" and self.log_axis else None


class AccuracyView(CurvesView):
    """Accuracy, or R² of a regression, of training and validation."""

    quantity = "accuracy"


LOSS = Chart("loss", "loss", "Loss of training and validation over the epochs.", 10, LossView, slot="top")
ACCURACY = Chart(
    "accuracy", "accuracy", "Accuracy, or R squared, over the epochs.", 20, AccuracyView, slot="top"
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


def _left(curves: Curves, name: str) -> list[Curve]:
    """The abandoned curves of a run that was rewound, faint and behind."""
    found: list[Curve] = []
    for branch in curves.branches:
        series = branch.train if len(branch.train) else branch.validation
        found.append(Curve("" if found else name, series, QUIET, "dotted"))
    return found


def _beside(other: RunModel | None, model: RunModel, quantity: Quantity) -> list[Curve]:
    """The curves of the other run, dotted and behind."""
    if other is None or (quantity != "loss" and other.metric is not model.metric):
        return []
    curves = other.loss if quantity == "loss" else other.accuracy
    shown = [Curve(short_name(other.name), curves.train, OTHERS[0], "dotted")] if len(curves.train) else []
    if not math.isnan(curves.validation.last):
        shown.append(Curve("val", curves.validation, OTHERS[1], "dotted"))
    return shown


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
        found.append(Mark(float(model.best.epoch), "best", VALIDATION))
    return found
