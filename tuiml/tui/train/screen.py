"""The Train screen: loss and accuracy above, the layers and what is wrong below, while the run is trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.curves import CurvesView, LossAxis
from tuiml.tui.chart_views.registry import CHARTS
from tuiml.tui.chart_views.selection import KINDS, ChartSelection
from tuiml.tui.chart_views.time_axis import TimeAxis
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs import explore_layer
from tuiml.tui.keys import Where, action, key_of
from tuiml.tui.model.cursor import TimeCursor
from tuiml.tui.model.document import Document
from tuiml.tui.model.layer_cells import COLUMNS, columns
from tuiml.tui.model.module_tree import module_rows
from tuiml.tui.model.pace import drawing_fraction
from tuiml.tui.model.run_model import KEYS_UNCHANGED
from tuiml.tui.model.settings import TrainView
from tuiml.tui.model.status import safe
from tuiml.tui.model.study_model import AXES
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.train.chart_layout import WIDE, ChartLayout
from tuiml.tui.train.comparing import Comparing
from tuiml.tui.train.modules import Modules
from tuiml.tui.train.next_card import NextCard
from tuiml.tui.train.part import Part
from tuiml.tui.train.run_keys import RunKeys
from tuiml.tui.train.status_view import StatusView
from tuiml.tui.train.subscriptions import Subscriptions
from tuiml.tui.train.time_travel import TimeTravel
from tuiml.tui.train.verdict_view import Advice
from tuiml.tui.widgets.chart_view import Drawing, Pacer, View, look_of
from tuiml.tui.widgets.form import Form
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.rate_field import RateField
from tuiml.tui.widgets.small_field import SmallField
from tuiml.tui.widgets.step_field import StepField


class Train(AppScreen):
    """The run on the screen. Most actions are those of its parts and of the charts that are shown."""

    where: ClassVar[Where] = "train"
    DEFAULT_CSS = """
    Train { layout: vertical; }
    Train #charts { height: 1fr; }
    Train #curves { layout: horizontal; width: 2fr; height: 1fr; }
    Train.-stacked #curves { layout: vertical; width: 1fr; }
    Train #below { height: 50%; }
    Train #layers { width: 2fr; }
    Train #beside { width: 1fr; }
    Train.-narrow #beside { display: none; }
    Train.-large #below { display: none; }
    """

    def __init__(self, *, charts: Sequence[str] = (), id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown_rows: tuple[Any, Look | None] = (None, None)
        self.selection = ChartSelection(lambda: self.run, self.hint)
        self._choices: list[Chart] = []
        self.charts = ChartLayout(self, self.selection, charts)
        self.run_keys = RunKeys(self)
        self.time_travel = TimeTravel(
            self, self.selection, self.run_keys, lambda: self.charts.enabled("smooth")
        )
        self.advice = Advice(self, self.run_keys)
        self.next = NextCard(self, self.selection)
        self.comparing = Comparing(self, self.selection)
        self.table = RunTable(COLUMNS, id="layers")
        self.modules = Modules(self, self.selection, self.table)
        self.table.cursor_in_time, self.table.modules = self.selection.cursor, self.modules
        self.action_parts = (
            self.run_keys,
            self.time_travel,
            self.advice,
            self.next,
            self.comparing,
            self.modules,
            self.charts,
        )
        self.status = StatusView(self.selection, self.run_keys.pace, id="status")
        self.subscriptions = Subscriptions(lambda: self.charts.views, lambda: self.shell.client)
        self.drawings: list[Drawing] = [self.subscriptions, self.status, self.modules.figures]
        self.pacer = Pacer(
            self, self.drawings, fraction=lambda: drawing_fraction(self.run, self.run_keys.pace())
        )

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.run_keys.rate_field
        yield self.time_travel.step_field
        with Horizontal(id="charts"):
            yield from self.charts.compose()
        with Horizontal(id="below"):
            yield self.table
            yield self.charts.beside
        yield self.advice.view
        yield self.next.view

    def on_mount(self) -> None:
        self.watch(self.table, "scroll_y", self.pacer.kick)
        self._update_rows()

    @property
    def view_state(self) -> TrainView:
        """What the screen shows of the run, to be restored in the next session."""
        scroll, log = round(self.table.scroll_offset.y), self.selection.of(LossAxis).logarithmic
        axis, row = self.selection.of(TimeAxis).unit, self.selection.index
        return TrainView(row, scroll, self.selection.kind, log, self.charts.enlarged, axis)

    def restore_view(self, state: TrainView) -> None:
        """Show what the last session showed, as far as the run still has it."""
        self.selection.kind = next((kind for kind in KINDS if kind == state.kind), self.selection.kind)
        self.selection.of(LossAxis).logarithmic = state.log
        axis = self.selection.of(TimeAxis)
        axis.unit = next((unit for unit in AXES if unit == state.axis), axis.unit)
        if 0 <= state.layer < len(self.selection.rows):
            self.modules.select(state.layer)
            self.call_after_refresh(self.table.scroll_to, y=state.scroll, animate=False)
        if state.large and self.is_current:
            self.charts.enlarge(self.charts.chosen[0])
        self.selection_changed()

    def hint(self, view: Widget) -> str:
        """The text of an empty chart: only the first one explains why there is nothing to draw."""
        run = self.run
        if view is not self.charts.slots[0].view:
            return ""
        if run.status == "empty":
            return f"{key_of('start_pause', self.shell.keymap)} trains {self.document.name}"
        if run.status == "loading":
            return "getting ready"
        if run.status == "failed" and not run.start:
            return safe(run.message, look_of(self))  # the status line may have no room for all of it
        if run.pretraining and run.alive:
            return "pretraining; the curves begin with the first batch after it"
        return "waiting for the first batch" if run.alive else "no batch was trained"

    def shown(self) -> None:
        self._update_rows()
        self.main().focus()
        self.call_after_refresh(self.pacer.now, *self.drawings)

    def document_changed(self) -> None:
        if self.is_current:
            self._update_rows()
            self.pacer.kick()

    def run_changed(self, kinds: set[str]) -> None:
        if "intervention" in kinds:
            self.time_travel.intervened()
        self.comparing.run_changed()
        if self.is_current:
            self._update_rows()
            if self.run.watched and self.charts.choices() != self._choices:
                self.lay_out()  # the loop reports something new
            self.pacer.follow()
        self.advice.run_changed(kinds)
        if kinds - KEYS_UNCHANGED:
            self.run_keys.run_changed()
            if self.is_current:
                self.lay_out()  # other charts may be available now
            self.shell.refresh_bindings()

    def _update_rows(self) -> None:
        """Show the layers of the run, or of the preset being edited before the first run."""
        run, look = self.run, look_of(self)
        self.status.make_room()
        self.advice.update()
        self.next.update()
        source = self.document.raw if run.status == "empty" else run.watched or run.document
        if source is self._shown_rows[0] and look == self._shown_rows[1]:
            return
        self._shown_rows = source, look
        shown = self.document if run.status == "empty" else Document(run.document, files=run.files)
        self.table.set_columns(columns(look, modules=run.watched is not None))
        self.modules.show(module_rows(run.watched) if run.watched else shown.rows())
        self.lay_out()

    def lay_out(self) -> None:
        """Show the charts that are chosen now."""
        self._choices = self.charts.choices()
        self.charts.arrange()
        self.set_class(self.charts.enlarged, "-large")
        self.set_class(self.size.width < WIDE, "-narrow")
        self.set_class(self.charts.stacked, "-stacked")
        self.drawings += [view for view in self.charts.views if view not in self.drawings]
        self.query_one("#below").styles.height = rows_below(*self.size, self.table.row_count)
        self.shell.refresh_bindings()
        self.pacer.kick()

    def redraw(self, *first: Drawing) -> None:
        """Draw ``first`` and what is quick to draw at once, since a key was pressed; the rest in turn."""
        self.pacer.now(*first, *(d for d in self.drawings if not isinstance(d, View) or d.quick))
        self.pacer.kick()

    def selection_changed(self, *first: Drawing) -> None:
        """Draw what a key selected."""
        self.shell.refresh_bindings()
        self.redraw(*first)

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()
        self.status.make_room()
        self.advice.update()

    def on_hide(self) -> None:
        self.pacer.now(self.subscriptions)

    def on_view_fitted(self, message: View.Fitted) -> None:
        message.stop()
        self.pacer.kick()

    def main(self) -> Widget:
        """The widget that has the focus unless a chart among others has it."""
        return self.charts.slots[0].view if self.charts.enlarged else self.table

    def on_key(self, event: events.Key) -> None:
        if self.run_keys.refuses(event.key):
            event.stop()

    def on_click(self, event: events.Click) -> None:
        slot = self.charts.slot_of(event.widget) if event.chain == 2 else None
        if slot:
            self.charts.enlarge(slot.chart.id)

    @on(LayerTable.Moved)
    def _moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self.modules.moved()
        self.redraw()

    @on(LayerTable.Chosen)
    def _chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        if not self.modules.chosen():
            self.charts.enlarge("histogram")

    @on(CurvesView.Pointed)
    def _pointed(self, message: CurvesView.Pointed) -> None:
        message.stop()
        if message.chosen:
            self.selection_changed()
        self.pacer.kick()

    @on(RateField.Chosen)
    def _rate_chosen(self, message: RateField.Chosen) -> None:
        message.stop()
        self.run_keys.set_rate(message.rate)

    @on(StepField.Asked)
    def _step_asked(self, message: StepField.Asked) -> None:
        message.stop()
        self.time_travel.go_to(message.step)

    @on(Form.Left)
    @on(SmallField.Left)
    def _left(self, message: Form.Left | SmallField.Left) -> None:
        message.stop()
        if isinstance(message, Form.Left):
            self.action_leave()
        else:
            self.main().focus()

    @action("escape", "back", "Back to the layer table.", "train", rank=310, shown=False)
    def action_leave(self) -> None:
        fields = (self.run_keys.rate_field, self.time_travel.step_field)
        if any(field.is_open for field in fields):
            for field in fields:
                field.leave()
        elif self.selection.cursor.away:
            self.time_travel.action_now()
        elif self.charts.enlarged:
            self.charts.show_all()
        else:
            self.table.focus()

    @action("up k", "up", "Select the layer above.", "train", "layer_above", -1, rank=320, shown=False)
    @action("down j", "down", "Select the layer below.", "train", "layer_below", 1, rank=330, shown=False)
    def _move_layer(self, by: int) -> None:
        self.table.cursor += by

    @action(
        "y", "explore f", "Explore the activation of the layer.", "train", rank=230, also="slope, derivative"
    )
    def action_explore_layer(self) -> None:
        explore_layer.in_train(self.shell, self.selection.index)

    if not TYPE_CHECKING:  # a type checker would then accept any attribute

        def __getattr__(self, name: str) -> Any:
            """The action of a part or of a chart, which Textual looks up here as ``action_<id>``."""
            if name.startswith("action_"):
                part = self.part_of(name.removeprefix("action_"))
                if part is not None:
                    return getattr(part, name)
                if any(hasattr(entry.view, name) for entry in CHARTS):
                    return partial(self.charts.act, name.removeprefix("action_"))
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)

    def _part(self, action_id: str) -> Part | None:
        """The part that has an action, the charts if one of them may have it; ``None``: the screen itself."""
        if hasattr(type(self), f"action_{action_id}"):
            return None
        return self.part_of(action_id) or self.charts

    def enabled(self, action_id: str) -> bool | None:
        part = self._part(action_id)
        return part is None or part.enabled(action_id)

    def label(self, action_id: str) -> str | None:
        if action_id == "choose":
            return self.modules.label(action_id) or "inspect layer"
        part = self._part(action_id)
        return part.label(action_id) if part else None


class RunTable(LayerTable):
    """The layers of a run. ``end`` selects the last one, unless it moves the cursor in time."""

    cursor_in_time: TimeCursor | None = None
    modules: Modules | None = None

    def bar(self, row: int) -> tuple[str, str]:
        visible = self.modules.tree.visible if self.modules else ()
        return super().bar(visible[row] if row < len(visible) else row)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cursor_last" and self.cursor_in_time and self.cursor_in_time.away:
            return False
        return super().check_action(action, parameters)


def rows_below(width: int, height: int, layers: int) -> int:
    """Rows of the layer table on a screen of ``width`` and ``height``: all layers, if the charts keep two
    fifths; more for a chart beside it, if there is one."""
    free = height - 2  # without the status line and the verdict
    least = free * 2 // 5 if width >= WIDE else 0
    return max(min(max(layers + 1, least), free * 3 // 5), 3)
