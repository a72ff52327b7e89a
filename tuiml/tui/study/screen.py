"""The study's screen: configurations ranked in a table, charts of the marked ones, what can be concluded."""

from __future__ import annotations

from asyncio import TimerHandle
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from tuiml.tui.chart_views.selection import KINDS
from tuiml.tui.keys import Where, action
from tuiml.tui.model.study_model import AXES, ORDERS, Selection, StudyModel
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.study import status
from tuiml.tui.study.actions import TrialActions
from tuiml.tui.study.charts import CHARTS, available
from tuiml.tui.study.table import StudyTable, wanted_height
from tuiml.tui.study.views import StudyView, chosen_layer, layers_of
from tuiml.tui.widgets.chart_view import Pacer, View, look_of
from tuiml.tui.widgets.later import later
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.lines import Lines

RESTED = 0.12
"""Seconds that the cursor rests on a line before charts and keys follow it: no key waits for a chart."""
WIDE = 150
"""Columns from which the chart is beside the table."""
ON_CHART: dict[str, tuple[str, ...]] = {
    "curves": ("study_axis",),
    "histograms": ("study_quantity", "study_quantity_back", "study_layer", "study_layer_back"),
}
"""The actions that change a chart, by its id."""


class StudyScreen(AppScreen):
    """Table and chart of the study on the screen."""

    where: ClassVar[Where] = "study"
    DEFAULT_CSS = """
    StudyScreen {
        & #study-parts { height: 1fr; layout: vertical; }
        & #study-charts { height: 1fr; width: 1fr; padding: 1 0 0 0; }
        & StudyView { height: 1fr; }
        &.-wide #study-parts { layout: horizontal; }
        &.-wide #study-rows { width: 55%; height: 1fr; }
        &.-wide #study-charts { padding: 0 0 0 2; }
        &.-large #study-rows { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chart = CHARTS[0].id
        self.status = Lines(id="study-status")
        self.table = StudyTable(id="study-table")
        self.conclusion = Lines(id="study-conclusion")
        self.views = {chart.id: chart.view(self._study, id=f"study-{chart.id}") for chart in CHARTS}
        self.pacer = Pacer(self, list(self.views.values()))
        self._resting: TimerHandle | None = None
        self._actions = TrialActions(self, self.study_changed)
        self.action_parts = (self._actions,)

    def compose(self) -> ComposeResult:
        yield self.status
        with Container(id="study-parts"):
            with Vertical(id="study-rows"):
                yield self.table
            with Vertical(id="study-charts"):
                yield from self.views.values()
        yield self.conclusion

    def _study(self) -> StudyModel:
        return self.shell.study.model

    @property
    def model(self) -> StudyModel:
        """The study on the screen."""
        return self._study()

    @property
    def view_state(self) -> Selection:
        """What keys have changed."""
        return self.model.selection

    @property
    def view(self) -> StudyView:
        """The chart that is shown."""
        return self.views[self.chart]

    def shown(self) -> None:
        self._lay_out()
        self.study_changed()
        self.table.focus()

    def study_changed(self) -> None:
        """The study has changed, or what is shown of it."""
        if not self.is_current:
            return
        model, look = self.model, look_of(self)
        if self.chart not in [chart.id for chart in available(model)]:
            self.chart = CHARTS[0].id
            self._show_chart()
        self.table.show(model)
        self.view_state.cursor = self.table.key
        self.view_state.rested = self.view_state.rested or self.table.key[0]
        width = self.size.width - 2
        self.status.show([status.status_line(model, width, look, self.shell.keymap)])
        self.conclusion.show(status.conclusion_lines(model, width, self.size.height, look))
        self._lay_out()
        self.pacer.kick()
        self.refresh_bindings()

    def _lay_out(self) -> None:
        wide = self.size.width >= WIDE
        self.set_class(wide, "-wide")
        rows = self.query_one("#study-rows")
        height = None if wide else wanted_height(self.table.row_count, self.size.height - 3)
        rows.styles.height = height if height is not None else "1fr"
        self._show_chart()

    def _show_chart(self) -> None:
        for id, view in self.views.items():
            view.display = id == self.chart

    def on_resize(self, event: events.Resize) -> None:
        self.study_changed()

    def on_view_fitted(self, message: View.Fitted) -> None:
        message.stop()
        self.pacer.kick()

    @on(LayerTable.Moved)
    def _moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self.view_state.cursor = self.table.key
        if self._resting is not None:
            self._resting.cancel()
        self._resting = later(self, RESTED, self._rested)

    def _rested(self) -> None:
        """The cursor has come to rest: draw the charts for its configuration."""
        self._resting = None
        self.view_state.rested = self.view_state.cursor[0]
        self.pacer.kick()
        self.refresh_bindings()

    @on(LayerTable.Chosen)
    def _chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        row, _ = self.model.under_cursor()
        if row is not None and (self.table.key[1] or len(row.trials) == 1):
            if self.enabled("open_trial"):
                self._actions.action_open_trial()
        else:
            self._fold(None)

    # -- what is shown ------------------------------------------------------------------------------------

    @action(
        "space",
        "mark",
        "Mark the configuration: the charts then show the marked ones.",
        "study",
        rank=10,
        also="select",
    )
    def action_mark(self) -> None:
        name = self.table.key[0]
        if name in self.view_state.marked:
            self.view_state.marked.remove(name)
        elif name:
            self.view_state.marked.append(name)
        self._selected_others()

    def _selected_others(self) -> None:
        self.shell.study.want()
        self.study_changed()

    @action(
        "escape",
        "clear marks",
        "Mark none: the charts show the best ones; back from an enlarged chart.",
        "study",
        rank=80,
    )
    def action_study_back(self) -> None:
        if self.has_class("-large"):
            self.action_study_enlarge()
        else:
            self.view_state.marked.clear()
            self._selected_others()

    @action(
        "right",
        "trials",
        "Show the trials of the configuration.",
        "study",
        "unfold",
        True,
        rank=130,
        shown=False,
        also="expand",
    )
    @action(
        "left",
        "fold",
        "Fold its trials away.",
        "study",
        "fold",
        False,
        rank=131,
        shown=False,
        also="collapse",
    )
    def _fold(self, open: bool | None) -> None:
        name = self.table.key[0]
        unfolded = self.view_state.unfolded
        if open is None:
            open = name not in unfolded
        (unfolded.add if open else unfolded.discard)(name)
        self.study_changed()

    @action("c", "next chart", "The next chart.", "study", "study_chart", 1, rank=15)
    @action(
        "C", "previous chart", "The previous chart.", "study", "study_chart_back", -1, rank=140, shown=False
    )
    def _next_chart(self, by: int) -> None:
        ids = [chart.id for chart in available(self.model)]
        at = ids.index(self.chart) if self.chart in ids else 0
        self.show_chart(ids[(at + by) % len(ids)])

    def show_chart(self, id: str) -> None:
        """Show another chart."""
        self.chart = id
        self.study_changed()
        if self.has_class("-large"):
            self.view.focus()
        self.pacer.now(self.view)

    @action("X", "x axis", "The curves by epoch, by step or by seconds.", "study", rank=100)
    def action_study_axis(self) -> None:
        at = AXES.index(self.view_state.axis)
        self.view_state.axis = AXES[(at + 1) % len(AXES)]
        self.study_changed()

    @action("v", "quantity", "Histograms of the next quantity.", "study", "study_quantity", 1, rank=101)
    @action(
        "V", "quantity back", "Of the one before.", "study", "study_quantity_back", -1, rank=141, shown=False
    )
    def _next_quantity(self, by: int) -> None:
        at = [*KINDS].index(next(kind for kind in KINDS if kind == self.view_state.quantity))
        self.view_state.quantity = KINDS[(at + by) % len(KINDS)]
        self.study_changed()

    @action(
        "greater_than_sign",
        "next layer",
        "Histograms of the next layer.",
        "study",
        "study_layer",
        1,
        rank=102,
    )
    @action(
        "less_than_sign",
        "layer before",
        "Of the layer before.",
        "study",
        "study_layer_back",
        -1,
        rank=142,
        shown=False,
    )
    def _next_layer(self, by: int) -> None:
        count = max(1, layers_of(self.model))
        self.view_state.layer = (chosen_layer(self.model) + by) % count
        self.study_changed()

    @action(
        "S",
        "sort",
        "Order by rank, as declared, by test figure or by time.",
        "study",
        rank=110,
        also="rank by",
    )
    def action_study_sort(self) -> None:
        at = ORDERS.index(self.view_state.order)
        self.view_state.order = ORDERS[(at + 1) % len(ORDERS)]
        self.study_changed()
        self.table.reveal()
        self.shell.say(
            f"by {'order of the study' if self.view_state.order == 'name' else self.view_state.order}"
        )

    @action(
        "z", "enlarge", "The chart on the whole screen, and back.", "study", rank=120, also="zoom, maximize"
    )
    def action_study_enlarge(self) -> None:
        self.toggle_class("-large")
        (self.view if self.has_class("-large") else self.table).focus()
        self.refresh_bindings()

    @action("up k", "up", "The configuration above.", "study", "row_above", -1, rank=150, shown=False)
    @action("down j", "down", "The configuration below.", "study", "row_below", 1, rank=151, shown=False)
    def _move(self, by: int) -> None:
        self.table.cursor += by

    def enabled(self, action_id: str) -> bool | None:
        if self.part_of(action_id):
            return self._actions.enabled(action_id)
        for chart, changed in ON_CHART.items():
            if action_id in changed:
                return self.chart == chart
        if action_id == "study_back":
            return bool(self.view_state.marked) or self.has_class("-large")
        return True

    def label(self, action_id: str) -> str | None:
        name, folder = self.table.key
        if action_id == "choose":
            row = self.model.row(name)
            if folder or (row is not None and len(row.trials) == 1):
                return "open in Train"
            return "fold" if name in self.view_state.unfolded else "trials"
        words = {
            "mark": "unmark" if name in self.view_state.marked else None,
            "study_back": "smaller" if self.has_class("-large") else None,
            "study_axis": f"by {AXES[(AXES.index(self.view_state.axis) + 1) % len(AXES)]}",
            "study_enlarge": "smaller" if self.has_class("-large") else None,
        }
        return words.get(action_id)
