"""A slot for a chart on Train: shows one view at a time and keeps the others that it made."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from tuiml.tui.chart_views.chart import Chart, ChartView
from tuiml.tui.chart_views.selection import ChartSelection


class ChartSlot(Container):
    """Shows a chart; its view is made when the slot first shows it."""

    DEFAULT_CSS = """
    ChartSlot { height: 1fr; width: 1fr; }
    ChartSlot > View { padding: 0 1; }
    """

    def __init__(self, selection: ChartSelection, chart: Chart, *, id: str) -> None:
        super().__init__(id=id)
        self._selection = selection
        self._views: dict[str, ChartView] = {}
        self.chart = chart
        self._make(chart)

    def compose(self) -> ComposeResult:
        yield from self._views.values()

    @property
    def view(self) -> ChartView:
        """The view shown now."""
        return self._views[self.chart.id]

    @property
    def views(self) -> tuple[ChartView, ...]:
        """Every view made so far."""
        return tuple(self._views.values())

    def show(self, chart: Chart) -> None:
        """Show another chart; the slot keeps the focus."""
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

    def _make(self, chart: Chart) -> ChartView:
        view = self._views[chart.id] = chart.view(self._selection, chart)
        return view
