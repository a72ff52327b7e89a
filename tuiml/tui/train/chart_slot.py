"""A place for a chart on Train: shows one view at a time and keeps those that it has made."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from tuiml.tui.chart_views.registry import Chart
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.widgets.chart_view import View


class ChartSlot(Container):
    """Shows a chart of the table; the view is made when it is first shown here."""

    DEFAULT_CSS = """
    ChartSlot { height: 1fr; width: 1fr; }
    ChartSlot > View { padding: 0 1; }
    """

    def __init__(self, sight: ChartSelection, chart: Chart, *, id: str) -> None:
        super().__init__(id=id)
        self._sight = sight
        self._views: dict[str, View] = {}
        self.chart = chart
        self._make(chart)

    def compose(self) -> ComposeResult:
        yield from self._views.values()

    @property
    def view(self) -> View:
        """The view that is shown."""
        return self._views[self.chart.id]

    @property
    def views(self) -> tuple[View, ...]:
        """All that were made."""
        return tuple(self._views.values())

    def show(self, chart: Chart) -> None:
        """Show another chart; the keys stay with the slot."""
        if chart is self.chart:
            return
        before = self.view
        self.chart = chart
        if chart.id not in self._views:
            view = self._make(chart)
            if self.is_attached:
                self.mount(view)
        for view in self._views.values():
            view.display = view is self.view
        if before.has_focus:
            self.view.focus()

    def _make(self, chart: Chart) -> View:
        view = chart.make(self._sight)
        if view.id is None:
            view.id = chart.id
        self._views[chart.id] = view
        return view
