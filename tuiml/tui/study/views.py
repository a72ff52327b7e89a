"""Views of a study: the curves, the histograms and the gradient norms of the configurations."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, cast

import numpy as np
from rich.cells import cell_len

from tuiml.formatting import compact
from tuiml.studies.results import Row
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.tui.chart_views.histograms import bars_in
from tuiml.tui.chart_views.selection import KINDS
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import NAME, LineChart
from tuiml.tui.charts.multiples import Panel, multiples
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line, clean, fit
from tuiml.tui.keys import key_of
from tuiml.tui.model.study_cells import TITLES
from tuiml.tui.model.study_model import CurveOf, StudyModel
from tuiml.tui.shell.protocol import HasShell
from tuiml.tui.widgets.chart_view import View

FEW = 3
"""Configurations whose bands are all drawn; of more, only that under the cursor has one."""


class StudyView(View, can_focus=True):
    """A chart of the study on the screen."""

    quick: ClassVar[bool] = False
    title: ClassVar[str] = ""

    def __init__(self, model: Callable[[], StudyModel], *, id: str) -> None:
        super().__init__(id=id)
        self._model = model

    @property
    def model(self) -> StudyModel:
        """The study on the screen."""
        return self._model()

    def stamp(self) -> Hashable:
        model, state = self.model, self.model.selection
        return (model.version, tuple(state.marked), state.axis, state.layer, state.quantity, state.rested)

    def empty(self) -> str:
        """Why there is nothing to draw."""
        if self.model.message or self.model.where:
            return self.model.message or "waiting for the first epoch"
        key = key_of("start_pause", cast(HasShell, self.app).shell.keymap)
        return "nothing is trained" if self.model.begun else f"nothing is trained yet: {key} starts the study"


def named(row: Row, look: Look) -> str:
    """The name of a configuration, cut where it is long."""
    name = clean(row.configuration.name, look)
    return fit(name, min(NAME, cell_len(name)), look.glyphs.more)


class CurvesOfStudy(StudyView):
    """The metric of each configuration: the mean over its trials with their range, its name at the end."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model = self.model
        found = [(row, model.curve(row)) for row in model.shown()]
        found = [(row, curve) for row, curve in found if np.isfinite(curve.mean).any()]
        results = model.results
        metric = results.metric if results else ""
        unit = "percent" if "accuracy" in metric else "number"
        end = max((float(np.nanmax(c.x)) for _, c in found if np.isfinite(c.x).any()), default=1.0)
        values = [v for _, c in found for v in (c.low, c.high)]
        log = "loss" in metric and bool(values) and _spans_decades(np.concatenate(values))
        return LineChart(
            self._drawn(found, look),
            title=TITLES.get(metric, metric) + (", log" if log else "") + _seeds(found),
            x_label=model.selection.axis,
            y_format="percent" if unit == "percent" else "number",
            log=log,
            x_range=(0.0, end),
            spare="early",
            look=look,
            empty=self.empty(),
        ).lines(width, height)

    def _drawn(self, found: Sequence[tuple[Row, CurveOf]], look: Look) -> list[Curve]:
        """The curves, that under the cursor on top."""
        at = self.model.selection.rested
        curves: list[Curve] = []
        for row, curve in sorted(found, key=lambda pair: pair[0].configuration.name == at):
            symbol, colour = self.model.symbol(row, look.unicode)
            rested = row.configuration.name == at
            banded = len(found) <= FEW or rested  # the bands of many hide each other
            band = _band(curve) if banded and curve.trials > 1 else None
            name = (look.glyphs.right if rested else "") + row.configuration.name
            curves.append(Curve("", (curve.x, curve.mean), colour, raw=band, marker=symbol, end=name))
        return curves


def _band(curve: CurveOf) -> tuple[list[float], list[float]]:
    """The least and the greatest of the trials, as points close enough to be seen as two faint lines."""
    known = np.isfinite(curve.x) & np.isfinite(curve.low) & np.isfinite(curve.high)
    if known.sum() < 2:
        return [], []
    x = np.linspace(curve.x[known][0], curve.x[known][-1], 240)
    edges = [np.interp(x, curve.x[known], part[known]) for part in (curve.low, curve.high)]
    return np.repeat(x, 2).tolist(), np.stack(edges, axis=1).ravel().tolist()


def _seeds(found: Sequence[tuple[Row, CurveOf]]) -> str:
    most = max((curve.trials for _, curve in found), default=0)
    return f" · mean of {most}, dots: least and greatest" if most > 1 else ""


def _spans_decades(values: np.ndarray) -> bool:
    known = values[np.isfinite(values) & (values > 0)]
    return bool(len(known)) and float(known.max() / known.min()) > 100


class HistogramsOfStudy(StudyView):
    """The same layer's histogram of each configuration, on one axis."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model, selection = self.model, self.model.selection
        panels, layer = [], chosen_layer(model)
        title, quantity = "layer", selection.quantity.replace("inputs", "pre-activations")
        for row, found in model.last_snapshots():
            if found is None:
                continue
            statistics = found.snapshot.statistics(layer)
            bars = bars_in(statistics, next(k for k in KINDS if k == selection.quantity))
            name = f"{model.symbol(row, look.unicode)[0]} {row.configuration.name}"
            panels.append(
                Panel(row.configuration.number, name, bars, _note(statistics, selection.quantity, look))
            )
            title = found.layers[layer] if layer < len(found.layers) else title
        at = model.row(selection.rested)
        return multiples(
            panels,
            width,
            height,
            title=f"layer {layer} · {title} · {quantity}" if panels else f"histograms of {quantity}",
            selected=at.configuration.number if at else -1,
            things="configurations",
            look=look,
            empty="no snapshot yet" if not panels else f"layer {layer} has no {selection.quantity}",
        )


def _note(found: LayerStatistics | None, quantity: str, look: Look) -> str:
    """Mean ± standard deviation, or of gradients the norm."""
    if found is None:
        return ""
    missing = look.glyphs.missing
    if quantity == "gradients":
        return f"norm {compact(found.gradient_norm, 2, missing)}"
    pairs = {
        "activations": (found.mean, found.std),
        "inputs": (found.input_mean, found.input_std),
        "weights": (found.weight_mean, found.weight_std),
    }
    mean, std = pairs.get(quantity, (math.nan, math.nan))
    if math.isnan(mean):
        return ""
    return f"{compact(mean, 2, missing)} {'±' if look.unicode else '+-'} {compact(std, 2, missing)}"


def chosen_layer(model: StudyModel) -> int:
    """The layer whose histograms are shown: by default the first hidden one that has them."""
    layer = model.selection.layer
    if layer >= 0:
        return layer
    for _, found in model.last_snapshots():
        for index in range(len(found.snapshot) if found else 0):
            if found and found.snapshot.part(index, "weights") is not None:
                return index
    return 0


def layers_of(model: StudyModel) -> int:
    """How many layers the deepest of the shown configurations has."""
    return max((len(found.snapshot) for _, found in model.last_snapshots() if found), default=0)


class NormsOfStudy(StudyView):
    """The gradient norm of every layer of each configuration: vanishing and exploding side by side."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model = self.model
        curves: list[Curve] = []
        most = 1
        for row, found in model.last_snapshots():
            norms = found.snapshot.figures("gradient_norm") if found else np.empty(0)
            known = np.flatnonzero(np.isfinite(norms) & (norms > 0))
            if not len(known):
                continue
            symbol, colour = model.symbol(row, look.unicode)
            points = known.astype(float), norms[known]
            curves.append(Curve("", points, colour, marker=symbol, end=row.configuration.name))
            most = max(most, int(known[-1]))
        return LineChart(
            curves,
            title="gradient norm by layer, newest snapshot",
            x_label="layer",
            log=True,
            x_range=(0.0, float(most)),
            x_ticks=[(float(i), str(i)) for i in range(0, most + 1, max(1, most // 10))],
            look=look,
            empty="no snapshot yet",
        ).lines(width, height)
