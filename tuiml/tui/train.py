"""Train: how well the run does above, why it does so below, live."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from tuiml.training.remedies import Remedy
from tuiml.tui import exploring, finding
from tuiml.tui.actions import Where
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts_view import Drawing, Pacer, View, look_of
from tuiml.tui.document import Document, LayerRow
from tuiml.tui.layer_cells import COLUMNS, columns, layer_cells
from tuiml.tui.layer_table import LayerTable
from tuiml.tui.place import Place
from tuiml.tui.rate_field import RateField, allowed, nice_above, nice_below
from tuiml.tui.run_model import RunModel
from tuiml.tui.run_words import safe
from tuiml.tui.train_views import KINDS, CurvesView, HistogramView, Kind, StatusView, TableFigures
from tuiml.tui.verdict_view import Judge, VerdictView

WIDE = 100
"""Cells from which charts stand side by side; below, one at a time above the table."""
CHARTS = ("loss", "accuracy", "histogram")


class Train(Place):
    """The run on the screen: its curves, its layers, and the keys that steer it."""

    place: ClassVar[Where] = "train"
    DEFAULT_CSS = """
    Train { layout: vertical; }
    Train #charts { height: 1fr; }
    Train #below { height: 50%; }
    Train #layers { width: 2fr; }
    Train #beside { width: 1fr; }
    Train #charts > #histogram { display: none; }
    Train.-one #charts > View { display: none; }
    Train.-one #charts > View.-current, Train.-one #charts > #histogram.-current { display: block; }
    Train.-narrow #beside { display: none; }
    Train.-large #below { display: none; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.chart = "loss"
        """The chart that is shown where only one is."""
        self.large = False
        """Whether one chart has the whole place."""
        self._rows: list[LayerRow] = []
        self._shown_raw: Any = None
        self._shown_look: Look | None = None
        self._asked: float | None = None  # the rate last asked for, until the run says that it has it
        self.rate = RateField(id="rate")
        self.status = StatusView(self._model, id="status")
        self.loss = CurvesView(self._model, "loss", self._hint)
        self.accuracy = CurvesView(self._model, "accuracy", lambda: self._hint() if self._one else "")
        self.table = LayerTable(COLUMNS, id="layers")
        self.histograms = [HistogramView(self._model, id=name) for name in ("histogram", "beside")]
        self.figures = TableFigures(self._model, self.table)
        self.verdict = VerdictView(id="verdict")
        self.judge = Judge()
        self._drawings: tuple[Drawing, ...] = (
            self.status,
            self.loss,
            self.accuracy,
            self.figures,
            *self.histograms,
        )
        self._pacer = Pacer(self, self._drawings)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.rate
        with Horizontal(id="charts"):
            yield self.loss
            yield self.accuracy
            yield self.histograms[0]
        with Horizontal(id="below"):
            yield self.table
            yield self.histograms[1]
        yield self.verdict

    def on_mount(self) -> None:
        self.table.set_columns(columns(look_of(self)))
        self.watch(self.table, "scroll_y", self._pacer.kick)
        self._sync()

    def _model(self) -> RunModel:
        return self.run

    def _hint(self) -> str:
        """What an empty chart says."""
        model = self.run
        if model.status == "empty":
            return f"ctrl+r trains {self.document.name}"
        if model.status == "loading":
            return "getting ready"
        if model.status == "failed" and not model.start:
            return safe(model.message, look_of(self))  # what the line above has no room for
        if model.pretraining and model.alive:
            return "pretraining; the curves begin with the first batch after it"
        return "waiting for the first batch" if model.alive else "no batch was trained"

    # -- told by the app --------------------------------------------------------------------------------

    def shown(self) -> None:
        self._sync()
        self._main().focus()
        self.call_after_refresh(self._pacer.now, *self._drawings)

    def document_changed(self) -> None:
        if self.is_current:
            self._sync()
            self._pacer.kick()

    def run_changed(self, kinds: set[str]) -> None:
        if self.is_current:
            self._sync()
            self._pacer.kick()
        if kinds - {"batch", "picture", "epoch", "pretraining", "pretraining_batch"}:
            self._asked = None
            if not self._alive:
                self.rate.leave()
            self.shell.refresh_bindings()

    def _sync(self) -> None:
        """Rows of the run's preset, or of the one being edited before the first run."""
        model = self.run
        self.status.make_room()
        self._tell_verdict()
        raw, look = self.document.raw if model.status == "empty" else model.document, look_of(self)
        if raw is self._shown_raw and look == self._shown_look:
            return
        self._shown_raw, self._shown_look = raw, look
        self._rows = (self.document if model.status == "empty" else Document(raw)).rows()
        self.table.set_rows([layer_cells(row, look) for row in self._rows])
        if self.table.cursor == 0:  # a layer that learns has more to show than the input has
            self.table.cursor = next((row.index for row in self._rows if row.parameters), 0)
        self.figures.forget()
        self._select()
        self._arrange()

    def _tell_verdict(self) -> None:
        found, key = self.judge.look(self.run), "f" if self._remedy() else ""
        if self.verdict.tell(found, key, self.size.width - 2, look_of(self)):
            self.shell.refresh_bindings()

    def _remedy(self) -> Remedy | None:
        """What is advised, where the preset on Build is the run's: it can be done to it."""
        found = self.judge.look(self.run)
        same = self.run.preset is not None and self.run.preset == self.document.preset
        return found[0].remedy if same and found and found[0].remedy.edits else None

    def _select(self) -> None:
        row = self._rows[self.table.cursor] if self.table.cursor < len(self._rows) else None
        for view in self.histograms:
            view.index = self.table.cursor
            view.called = row.title if row else ""

    # -- what is shown ----------------------------------------------------------------------------------

    @property
    def _one(self) -> bool:
        """Whether only one chart is shown."""
        return self.large or self.size.width < WIDE

    @property
    def _histogram_hidden(self) -> bool:
        return self._one and self.chart != "histogram"

    def _current(self) -> View:
        views: dict[str, View] = {"loss": self.loss, "accuracy": self.accuracy}
        return views.get(self.chart, self.histograms[0])

    def _main(self) -> Any:
        """The widget that takes the keys."""
        return self._current() if self.large else self.table

    def _arrange(self) -> None:
        self.set_class(self._one, "-one")
        self.set_class(self.large, "-large")
        self.set_class(self.size.width < WIDE, "-narrow")
        for view in (self.loss, self.accuracy, self.histograms[0]):
            view.set_class(view is self._current(), "-current")
        self.query_one("#below").styles.height = rows_below(self.size.height, len(self._rows))
        self.shell.refresh_bindings()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._tell_verdict()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and isinstance(event.widget, CurvesView | HistogramView):
            self.action_enlarge()

    @on(LayerTable.Moved)
    def _moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self._select()
        self._pacer.now(*self.histograms)

    @on(LayerTable.Chosen)
    def _chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        self._enlarge("histogram")

    def _enlarge(self, chart: str | None) -> None:
        """Give a chart the whole place; ``None``: back to all of them."""
        self.large = chart is not None
        self.chart = chart or self.chart
        self._arrange()
        self._main().focus()

    # -- keys: what is shown ----------------------------------------------------------------------------

    def action_enlarge(self) -> None:
        if self.large:
            self._enlarge(None)
            return
        focused = self.screen.focused
        chart = self.chart if self.size.width < WIDE else "loss"
        if isinstance(focused, CurvesView):
            chart = focused.id or chart
        elif isinstance(focused, HistogramView):
            chart = "histogram"
        self._enlarge(chart)

    def action_next_chart(self) -> None:
        self.chart = CHARTS[(CHARTS.index(self.chart) + 1) % len(CHARTS)]
        self._arrange()
        self._main().focus()

    def action_next_kind(self) -> None:
        if self._histogram_hidden:
            self.chart = "histogram"
            self._arrange()
            self._main().focus()
            return
        for view in self.histograms:
            view.kind = next_kind(view.kind)
        self.shell.refresh_bindings()
        self._pacer.now(*self.histograms)

    def action_log_loss(self) -> None:
        self.loss.logarithmic = not self.loss.log_axis
        self.shell.refresh_bindings()
        self._pacer.now(self.loss)

    def action_leave(self) -> None:
        if self.rate.is_open:
            self.rate.leave()
        elif self.large:
            self._enlarge(None)
        else:
            self.table.focus()

    def action_layer_above(self) -> None:
        self.table.cursor -= 1

    def action_layer_below(self) -> None:
        self.table.cursor += 1

    # -- keys: the run ----------------------------------------------------------------------------------

    @property
    def _alive(self) -> bool:
        engine = self.shell.engine
        return engine is not None and engine.active

    def action_step(self) -> None:
        self.shell.engine.step()
        self.shell.refresh_bindings()

    def action_apply_remedy(self) -> None:
        remedy = self._remedy()
        if remedy is not None:
            self.document.apply(remedy.edits)
            self.shell.document_edited()
            self.shell.say(f"changed the preset: {remedy.words}; ctrl+r starts a new run")

    def action_stop(self) -> None:
        self.shell.engine.stop()

    def action_rate_up(self) -> None:
        self._set_rate(nice_above(self._asked or self.run.rate))

    def action_rate_down(self) -> None:
        self._set_rate(nice_below(self._asked or self.run.rate))

    def _set_rate(self, rate: float) -> None:
        if self._alive and allowed(rate):
            self._asked = rate
            self.shell.engine.set_rate(rate)

    def action_explore_layer(self) -> None:
        exploring.in_train(self.shell, self.table.cursor)

    def action_rate_find(self) -> None:
        finding.find_rate(self.shell)

    def action_rate_type(self) -> None:
        self.rate.open(self._asked or self.run.rate)

    @on(RateField.Chosen)
    def _rate_chosen(self, message: RateField.Chosen) -> None:
        message.stop()
        self._set_rate(message.rate)

    @on(RateField.Left)
    def _rate_left(self, message: RateField.Left) -> None:
        message.stop()
        self._main().focus()

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "stop":
            return self._alive
        if action_id == "apply_remedy":
            return self._remedy() is not None
        if action_id in ("step", "rate_down", "rate_up", "rate_type"):
            return self._alive and self.run.start is not None
        if action_id == "rate_find":
            return not self._alive
        if action_id == "next_chart":
            return self._one
        if action_id in ("enlarge", "next_kind"):
            return self.run.status != "empty" or self.large
        if action_id == "log_loss":
            return self.run.status != "empty" and not (self._one and self.chart != "loss")
        return True

    def label(self, action_id: str) -> str | None:
        if action_id == "enlarge" and self.large:
            return "all"
        if action_id == "choose":
            return "look into"
        if action_id == "next_kind":
            kind = self.histograms[0].kind
            return kind if self._histogram_hidden else next_kind(kind)
        if action_id == "log_loss" and self.loss.log_axis:
            return "linear"
        return None


def rows_below(height: int, layers: int) -> int:
    """Rows for the layer table in a place of ``height``: all layers, if the charts keep two fifths."""
    free = height - 2  # for the run's line and what is to be said below it
    return max(min(max(layers + 1, free * 2 // 5), free * 3 // 5), 3)


def next_kind(kind: Kind) -> Kind:
    """What the histogram shows after ``kind``."""
    return KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
