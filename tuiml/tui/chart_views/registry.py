"""Train's charts, once: the keys, the palette, the list to choose from and the help all read this table.

A new chart is one entry here (its place is its place in the order of the keys) and a view. A chart with
keys of its own names the rows of the table of actions; its view has a method ``action_<id>`` for each, and
may have ``enabled(id)`` and ``label(id)``. What it remembers is in an object of
:meth:`ChartSelection.of`, since one chart may be shown by several widgets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tuiml.tui.chart_views.classification import ConfusionView, WeightsView, WorstView
from tuiml.tui.chart_views.curves import CurvesView
from tuiml.tui.chart_views.decision_boundary import BoundaryView, UnitsView
from tuiml.tui.chart_views.draw_view import DrawView
from tuiml.tui.chart_views.gradient_norms import DepthView
from tuiml.tui.chart_views.histograms import HeatView, HistogramView, MultiplesView
from tuiml.tui.chart_views.inspection import has_classes, has_units, has_weights, is_picture, is_plane
from tuiml.tui.chart_views.regression import (
    FitView,
    HeightsView,
    MissesView,
    PredictionsView,
    has_line,
    has_map,
    tells_numbers,
)
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.chart_view import View


def always(model: RunModel) -> bool:
    """Any run has it."""
    return True


@dataclass(frozen=True)
class Chart:
    """One chart of Train."""

    id: str
    title: str
    """One or two words."""
    help: str
    """What it shows, in a line."""
    make: Callable[[ChartSelection], View]
    """A new view of it."""
    available: Callable[[RunModel], bool] = always
    """Whether a run has something to show in it."""
    actions: tuple[str, ...] = ()
    """Ids of the actions that work only while it is on the screen."""


LAYERS = ("next_kind", "kind_before")
"""Actions of charts that show one quantity of the layers."""

CHARTS: tuple[Chart, ...] = (
    Chart(
        "loss",
        "loss",
        "Loss of training and validation over the epochs.",
        lambda sight: CurvesView(sight, "loss"),
        actions=("log_loss",),
    ),
    Chart(
        "accuracy",
        "accuracy",
        "Accuracy of training and validation over the epochs; of numbers R squared.",
        lambda sight: CurvesView(sight, "accuracy"),
    ),
    Chart(
        "histogram",
        "histogram",
        "How the values of the selected layer are distributed.",
        HistogramView,
        actions=LAYERS,
    ),
    Chart(
        "multiples",
        "all layers",
        "The histograms of all layers side by side, on one axis.",
        MultiplesView,
        actions=LAYERS,
    ),
    Chart(
        "heat",
        "over time",
        "The histogram of the selected layer through time, as a heat map.",
        HeatView,
        actions=LAYERS,
    ),
    Chart(
        "depth",
        "gradient landscape",
        "The gradient norm of every layer against the step: vanishing, exploding.",
        DepthView,
        actions=("depth_lines",),
    ),
    Chart(
        "boundary",
        "boundary",
        "What the network takes each point of the plane for, and what the units make of it.",
        BoundaryView,
        is_plane,
        actions=("one_unit", "tiles_on", "tiles_back"),
    ),
    Chart(
        "units",
        "units",
        "What each unit of the selected layer makes of the points of the plane.",
        UnitsView,
        has_units,
        actions=("one_unit", "tiles_on", "tiles_back"),
    ),
    Chart(
        "fit",
        "fit",
        "Of one input: the curve of what the network tells, over the data's points.",
        FitView,
        has_line,
        actions=("tiles_on", "tiles_back"),
    ),
    Chart(
        "map",
        "map",
        "Of points of the plane: the number that the network tells of each, as a map.",
        HeightsView,
        has_map,
        actions=("tiles_on", "tiles_back"),
    ),
    Chart(
        "predictions",
        "predictions",
        "Predicted numbers against true ones; right where they lie on the line.",
        PredictionsView,
        tells_numbers,
        actions=("tiles_on", "tiles_back"),
    ),
    Chart(
        "misses",
        "largest errors",
        "The examples with the largest losses: truth and prediction.",
        MissesView,
        tells_numbers,
        actions=("tiles_on", "tiles_back"),
    ),
    Chart(
        "confusions",
        "confusions",
        "Which class is taken for which, of examples that were not learned from.",
        ConfusionView,
        has_classes,
        actions=("confusion_shares",),
    ),
    Chart(
        "worst",
        "worst examples",
        "The examples with the largest losses: truth, guess and confidence.",
        WorstView,
        has_classes,
        actions=("one_unit", "tiles_on", "tiles_back"),
    ),
    Chart(
        "weights",
        "first weights",
        "The weights of the first layer as pictures.",
        WeightsView,
        has_weights,
        actions=("one_unit", "tiles_on", "tiles_back"),
    ),
    Chart("draw", "draw", "Draw a picture and see what the network takes it for.", DrawView, is_picture),
)

TOP = ("loss", "accuracy", "depth")
"""What stands above the table at a first start, from the left, as many as there is room for."""
BESIDE = "histogram"
"""What stands beside the table."""


def chart(id: str) -> Chart | None:
    """The entry of that id, if there is one."""
    return next((entry for entry in CHARTS if entry.id == id), None)
