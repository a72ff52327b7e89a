"""Train's charts, once: the keys, the palette, the list to choose from and the help all read this table.

A new chart is one entry here (its place is its place in the order of the keys) and a view. A chart with
keys of its own names the rows of the table of actions; its view has a method ``action_<id>`` for each, and
may have ``enabled(id)`` and ``label(id)``. What it remembers is in an object of :meth:`Sight.of`, since one
chart may be shown by several widgets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tuiml.tui.charts_view import View
from tuiml.tui.run_model import RunModel
from tuiml.tui.sight import Sight
from tuiml.tui.train_views import CurvesView, HistogramView


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
    make: Callable[[Sight], View]
    """A new view of it."""
    available: Callable[[RunModel], bool] = always
    """Whether a run has something to show in it."""
    actions: tuple[str, ...] = ()
    """Ids of the actions that work only while it is on the screen."""


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
        "Accuracy of training and validation over the epochs.",
        lambda sight: CurvesView(sight, "accuracy"),
    ),
    Chart(
        "histogram",
        "histogram",
        "How the values of the selected layer are distributed.",
        HistogramView,
        actions=("next_kind",),
    ),
)

TOP = ("loss", "accuracy", "histogram")
"""What stands above the table at a first start, from the left, as many as there is room for."""
BESIDE = "histogram"
"""What stands beside the table."""


def chart(id: str) -> Chart | None:
    """The entry of that id, if there is one."""
    return next((entry for entry in CHARTS if entry.id == id), None)
