"""What a chart of Train is: an entry and a view.

A chart is one module, or a part of one, in this package: a view and a :class:`Chart` at module level.
:mod:`tuiml.tui.chart_views.registry` finds it; its actions, the palette, the help and the list of charts
follow from the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal

from tuiml.training.inspections.record import InspectionRequest
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.chart_view import View


class ChartView(View, can_focus=True):
    """A view of a chart. Each action of the chart is a method with :func:`tuiml.tui.keys.action`.

    Several views may show one chart; their common settings are in an object of :meth:`ChartSelection.of`.
    """

    def __init__(self, selection: ChartSelection, chart: Chart) -> None:
        super().__init__(id=chart.id)
        self.selection = selection
        self.title = chart.title

    def requests(self) -> list[InspectionRequest]:
        """The inspections that the view needs while it is on the screen."""
        return []

    def works(self, action_id: str) -> bool:
        """True if an action of the chart does something now."""
        return True

    def label(self, action_id: str) -> str | None:
        """The words for the key bar; ``None``: those of the action itself."""
        return None


@dataclass
class ScaleStyle:
    """Shared by all charts with several drawings."""

    one: bool = False
    """True if all have one scale, False if each has its own."""


class ScaledView(ChartView):
    """A view with several drawings, of layers or of units: each has its own scale, or all have one."""

    @property
    def one_scale(self) -> bool:
        """True if all have one scale."""
        return self.selection.of(ScaleStyle).one

    def stamp(self) -> Hashable:
        return (super().stamp(), self.one_scale)

    @action("A", "one scale", "One scale for all layers or units, or one for each.", "train", rank=275)
    def action_one_scale(self) -> None:
        self.selection.of(ScaleStyle).one = not self.one_scale

    def label(self, action_id: str) -> str | None:
        return "own scales" if action_id == "one_scale" and self.one_scale else super().label(action_id)


def always(run: RunModel) -> bool:
    """Available for every run."""
    return True


def never(run: RunModel) -> bool:
    """The default chart of no run."""
    return False


@dataclass(frozen=True)
class Chart:
    """A chart of Train."""

    id: str
    """Saved in ``state.json``."""
    title: str
    help: str
    """A line that describes it."""
    rank: int
    """Its position in the list of charts."""
    view: type[ChartView]
    available: Callable[[RunModel], bool] = always
    """True if a run has something to show in it."""
    suits: Callable[[RunModel], bool] = never
    """True if it is the one to show first of such data; of several, the first in the list of charts."""
    slot: Literal["top", "beside", ""] = ""
    """Its default position: above the layer table, beside it or nowhere."""

    def has(self, action_id: str) -> bool:
        """True if an action is one of the chart's: it works while such a chart is on the screen."""
        return hasattr(self.view, f"action_{action_id}")
