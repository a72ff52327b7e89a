"""Charts of a regression: fit, map, predictions, largest errors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from tuiml.formatting import compact
from tuiml.training.inspections.fit import Fit
from tuiml.training.inspections.largest_errors import LargestErrors
from tuiml.training.inspections.predictions import Predictions
from tuiml.training.inspections.record import COLUMNS, InspectionRequest
from tuiml.training.inspections.surface import Surface
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.classification import page_words, part_words
from tuiml.tui.chart_views.decision_boundary import MOST_COLUMNS, MOST_ROWS
from tuiml.tui.chart_views.inspection import PagedView, feature_names_of, preset_of
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.plane import heights, heights_legend
from tuiml.tui.charts.records import Column, input_columns, records
from tuiml.tui.charts.scatter import Cloud, scatter
from tuiml.tui.charts.text import Line, clean
from tuiml.tui.model.run_model import RunModel


def is_regression(model: RunModel) -> bool:
    """True if the target is numbers."""
    preset = preset_of(model)
    return preset is not None and preset.data.target == "regression"


def has_line(model: RunModel) -> bool:
    """True if the prediction is a curve over the only input."""
    preset = preset_of(model)
    return preset is not None and is_regression(model) and preset.data.shape == (1,)


def has_map(model: RunModel) -> bool:
    """True if the prediction is a map of the plane."""
    preset = preset_of(model)
    return preset is not None and is_regression(model) and preset.data.shape == (2,)


S = TypeVar("S", Fit, Surface, Predictions)


class RegressionView(PagedView[S]):
    """A chart of one number of the target; its pages are the numbers."""

    def total(self) -> int:
        preset = self.selection.model.preset
        return preset.data.outputs if preset else 0

    def target(self, index: int, count: int) -> str:
        """The name of a number, and which of ``count`` it is if there are several."""
        preset = self.selection.model.preset
        names = preset.data.target_names if preset else ()
        name = names[index] if index < len(names) else ""
        if count == 1:
            return name
        return f"{name} ({index + 1} of {count})" if name else f"number {index + 1} of {count}"

    def about(self, found: S, look: Look) -> str:
        return self.target(found.output, found.outputs)


class FitView(RegressionView[Fit]):
    """The prediction along the only input, and points of the data."""

    record = Fit

    def requests(self) -> list[InspectionRequest]:
        columns = max(8, min(COLUMNS, 2 * self.size.width))
        return [self.request(columns=columns, first=self.first)]

    def show(self, found: Fit, width: int, height: int, look: Look) -> list[Line]:
        known = len(found.xs) - found.held_out
        x = np.linspace(found.limits[0], found.limits[1], len(found.curve))
        clouds = [
            Cloud(found.xs[:known], found.ys[:known], TRAIN),
            Cloud(found.xs[known:], found.ys[known:], VALIDATION, sign="o"),
            Cloud(x, found.curve, joined=True, sign="*"),
        ]
        low, high = found.limits
        # The range of the data and half of it on both sides: a curve that is far off is cut.
        ys = np.asarray(found.ys)
        room = 0.5 * (float(np.ptp(ys)) or 1.0) if len(ys) else 1.0
        curve = np.asarray(found.curve)
        curve = curve[np.isfinite(curve)]
        every = np.concatenate([ys, np.clip(curve, ys.min() - room, ys.max() + room)]) if len(ys) else curve
        limits = (float(every.min()), float(every.max())) if len(every) else None
        names = [clean(name, look) for name in feature_names_of(self.selection.model)]
        label = names[0] if names else "input"
        return scatter(clouds, width, height, look, x_label=label, x_range=(low, high), y_range=limits)

    def about(self, found: Fit, look: Look) -> str:
        signs = "blue train, orange validation" if look.colour else "· train, o validation"
        if not look.unicode:
            signs = "* fit, . train, o validation"
        return "  ".join(filter(None, (self.target(found.output, found.outputs), signs)))


class MapView(RegressionView[Surface]):
    """The prediction at each point of the plane."""

    record = Surface

    def _room(self, width: int, height: int) -> tuple[int, int]:
        tall = max(1, height - 1)
        return max(1, min(width, 3 * tall)), tall

    def requests(self) -> list[InspectionRequest]:
        wide, tall = self._room(self.size.width, self.size.height - 1)
        columns, rows = min(wide, MOST_COLUMNS), min(2 * tall, MOST_ROWS)
        return [self.request(columns=columns, rows=rows, first=self.first)]

    def show(self, found: Surface, width: int, height: int, look: Look) -> list[Line]:
        wide, tall = self._room(width, height)
        strips = [Line.of(row).resized(width) for row in heights(found, wide, tall, look)]
        names = feature_names_of(self.selection.model)
        return [*strips, heights_legend(found, width, look, axes=names)][:height]


class PredictionsView(RegressionView[Predictions]):
    """Predictions against targets; correct ones are on the diagonal."""

    record = Predictions

    def requests(self) -> list[InspectionRequest]:
        return [self.request(first=self.first)]

    def about(self, found: Predictions, look: Look) -> str:
        missing = look.glyphs.missing
        words = (
            self.target(found.output, found.outputs),
            f"R² {compact(found.figures[0], 4, missing)}",
            f"mean error {compact(found.figures[1], 3, missing)}",
            part_words(found),
        )
        return "  ".join(filter(None, words))

    def show(self, found: Predictions, width: int, height: int, look: Look) -> list[Line]:
        truths = np.asarray(found.targets)
        if not len(truths):
            return []
        low, high = float(truths.min()), float(truths.max())
        room = 0.25 * ((high - low) or 1.0)
        guesses = np.asarray(found.predictions)
        guesses = guesses[np.isfinite(guesses)]
        bottom = max(low - room, min([low, *guesses.tolist()]))
        top = min(high + room, max([high, *guesses.tolist()]))
        colour = VALIDATION if found.part == "validation" else TRAIN
        clouds = [
            Cloud(np.array([low, high]), np.array([low, high]), QUIET, joined=True, sign="-"),
            Cloud(found.targets, found.predictions, colour, sign="o"),
        ]
        name = clean(self.target(found.output, 1), look)
        label = f"x: target {name}, y: prediction" if name else "x: target, y: prediction"
        across, up = (low, high), (bottom, top)
        return scatter(clouds, width, height, look, x_label=label, x_range=across, y_range=up)


class LargestErrorsView(PagedView[LargestErrors]):
    """The examples with the largest losses."""

    record = LargestErrors

    def shown_count(self) -> int:
        return max(1, self.size.height - 2)

    def about(self, found: LargestErrors, look: Look) -> str:
        return page_words(found.first, len(found.examples), found)

    def show(self, found: LargestErrors, width: int, height: int, look: Look) -> list[Line]:
        """Examples, with the names of the columns of their targets and inputs."""
        model, examples, missing = self.selection.model, found.examples, look.glyphs.missing
        arrow = "→" if look.unicode else ">"
        names = model.preset.data.target_names if model.preset else ()
        columns = [Column("loss", [compact(example.loss, 3, missing) for example in examples])]
        outputs = max((len(example.targets) for example in examples), default=0)
        for k in range(outputs):
            pairs = [(example.targets[k], example.predictions[k]) for example in examples]
            texts = [f"{compact(a, 4, missing)} {arrow} {compact(b, 4, missing)}" for a, b in pairs]
            head = clean(names[k], look) if k < len(names) else f"target {k}" if outputs > 1 else "target"
            columns.append(Column(f"{head} {arrow} predicted", texts, widest=30))
        rows = [example.values for example in examples]
        inputs, total = input_columns(feature_names_of(model), rows, look)
        return records([*columns, *inputs], width, height, look, total=len(columns) + total)


FIT = Chart(
    "fit",
    "fit",
    "Of one input: the predicted curve over points of the data.",
    90,
    FitView,
    has_line,
    suits=has_line,
)
MAP = Chart(
    "map",
    "map",
    "Of two inputs: the predicted number as a map of the plane.",
    100,
    MapView,
    has_map,
    suits=has_map,
)
PREDICTIONS = Chart(
    "predictions",
    "predictions",
    "Predicted numbers against targets; right where they are on the line.",
    110,
    PredictionsView,
    is_regression,
    suits=is_regression,
)
LARGEST_ERRORS = Chart(
    "misses",
    "largest errors",
    "The examples with the largest losses: target and prediction.",
    120,
    LargestErrorsView,
    is_regression,
)
