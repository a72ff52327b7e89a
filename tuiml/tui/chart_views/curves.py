"""The curves of loss and accuracy over the epochs, with what is compared and what was changed."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

import numpy as np
from textual.strip import Strip

from tuiml.formatting import Format
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.lines import Curve, line_chart
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.text import clean
from tuiml.tui.model.catalog import short_name
from tuiml.tui.model.curves import Curves
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.chart_view import View

OTHERS = ("purple", "yellow")
"""Colours of training and validation of another run."""


HIGH = 20.0
"""A loss that begins above it (chance is 2.3 for ten classes) falls too far to be seen on a linear axis."""


@dataclass
class LossAxis:
    """How the loss is drawn, wherever it is."""

    logarithmic: bool | None = None
    """``None``: as suits the run."""


class CurvesView(View, can_focus=True):
    """Training and validation over the epochs."""

    quick: ClassVar[bool] = False

    def __init__(self, sight: ChartSelection, quantity: Literal["loss", "accuracy"]) -> None:
        super().__init__(id=quantity)
        self._sight = sight
        self._quantity: Literal["loss", "accuracy"] = quantity

    @property
    def log_axis(self) -> bool:
        """Whether y is on a logarithmic axis."""
        if self._quantity != "loss":
            return False
        asked = self._sight.of(LossAxis).logarithmic
        return self._sight.model.loss.first > HIGH if asked is None else asked

    def action_log_loss(self) -> None:
        self._sight.of(LossAxis).logarithmic = not self.log_axis

    def label(self, action_id: str) -> str | None:
        return "linear" if action_id == "log_loss" and self.log_axis else None

    def stamp(self) -> Hashable:
        model = self._sight.model
        return (model.curves, model.status, self.log_axis, self._sight.hint(self), self._sight.other)

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        model = self._sight.model
        curves = model.loss if self._quantity == "loss" else model.accuracy
        score = model.beside_loss
        style: Format = "number" if self._quantity == "loss" else score.unit
        word = "loss" if self._quantity == "loss" else clean(score.word, look)
        found = marks(model)
        shown = [Curve("train", curves.train, TRAIN, raw=curves.raw)] if len(curves.raw) else []
        if not math.isnan(curves.validation.last):
            shown.append(Curve("validation", curves.validation, VALIDATION, "dashed"))
        shown = _left(curves, "left" if width >= ROOMY else "") + shown
        other = self._sight.other
        shown = _beside(other, model, self._quantity) + shown
        ends = max(reached(run) for run in (model, other) if run)
        return line_chart(
            shown,
            width,
            height,
            title=self.pointer(look) + word + (", log" if self.log_axis else ""),
            x_label="" if found else "epoch",  # it would take the place of their labels
            y_format=style,
            log=self.log_axis,
            y_range=_above(curves) if word not in ("loss", "accuracy") else None,
            x_range=(0.0, x_end(ends, model.epochs_planned)),
            marks=found,
            look=look,
            empty=self._sight.hint(self),
        )


ROOMY = 72
"""Cells of a chart from which on its title has room for the name of what was left, too."""


LEAST = -0.25
"""R² below it only says how bad it was before anything was learned."""


def _above(curves: Curves) -> tuple[float, float] | None:
    """The limits of an axis of R², where it was far below 0."""
    values = [ys[np.isfinite(ys)] for _, ys in (curves.train.points(), curves.validation.points())]
    every = np.concatenate(values)
    return (LEAST, 1.0) if len(every) and every.min() < LEAST else None


def _left(curves: Curves, name: str) -> list[Curve]:
    """What the run went back from: faint, behind."""
    found: list[Curve] = []
    for branch in curves.branches:
        series = branch.train if len(branch.train) else branch.validation
        found.append(Curve("" if found else name, series, QUIET, "dotted"))
    return found


def _beside(other: RunModel | None, model: RunModel, quantity: Literal["loss", "accuracy"]) -> list[Curve]:
    """The curves of the run that is compared with: dotted, behind."""
    if other is None or (quantity != "loss" and other.beside_loss is not model.beside_loss):
        return []
    curves = other.loss if quantity == "loss" else other.accuracy
    shown = [Curve(short_name(other.name), curves.train, OTHERS[0], "dotted")] if len(curves.train) else []
    if not math.isnan(curves.validation.last):
        shown.append(Curve("val", curves.validation, OTHERS[1], "dotted"))
    return shown


def reached(model: RunModel) -> float:
    """How far the curves go, in epochs."""
    left = [series for branch in model.loss.branches for series in (branch.train, branch.validation)]
    xs = [series.points()[0] for series in (model.loss.raw, model.loss.validation, *left)]
    return max((float(x[-1]) for x in xs if len(x)), default=0.0)


_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def x_end(x: float, planned: int) -> float:
    """The right end of the epochs' axis: a round number beyond ``x``, so that the curve seldom moves."""
    if x <= 0:
        return float(max(1, planned))
    power = 10.0 ** math.floor(math.log10(x))
    end = next((m * power for m in _STEPS if x <= m * power * (1 + 1e-9)), 10 * power)
    return min(end, float(planned)) if planned >= x else end


def marks(model: RunModel) -> list[Mark]:
    """What was changed by hand and, when the run is over, its best epoch."""
    found = [Mark(x, f"rate {rate:.3g}", QUIET) for x, rate in model.by_hand.rates]
    for x, several in groupby(model.by_hand.changed, key=lambda changed: changed.x):
        found.append(Mark(x, ", ".join(changed.label for changed in several), QUIET))
    if not model.alive and model.best and len(model.epochs) > 1:
        found.append(Mark(float(model.best.epoch), "best", VALIDATION))
    return found
