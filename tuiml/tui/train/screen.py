"""Train: how well the run does above, why it does so below, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget

from tuiml.training.remedies import Remedy
from tuiml.tui.chart_views.curves import LossAxis
from tuiml.tui.chart_views.selection import KINDS
from tuiml.tui.charts.palette import Look
from tuiml.tui.dialogs import explore_layer, find_rate
from tuiml.tui.keys import Where
from tuiml.tui.model.document import Document, LayerRow
from tuiml.tui.model.layer_cells import COLUMNS, columns, layer_cells
from tuiml.tui.model.run_model import MOVING
from tuiml.tui.model.settings import Seen
from tuiml.tui.model.status import safe
from tuiml.tui.train.status_view import StatusView, TableFigures
from tuiml.tui.train.time_travel import Travelling
from tuiml.tui.train.verdict_view import Judge, VerdictView
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.layer_table import LayerTable


class Train(Travelling):
    """The run on the screen: its curves, its layers, and the keys that steer it."""

    place: ClassVar[Where] = "train"
    DEFAULT_CSS = """
    Train { layout: vertical; }
    Train #charts { height: 1fr; }
    Train #below { height: 50%; }
    Train #layers { width: 2fr; }
    Train #beside { width: 1fr; }
    Train.-narrow #beside { display: none; }
    Train.-large #below { display: none; }
    """

    def __init__(
        self, *, charts: Sequence[str] = (), id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(charts, id=id, classes=classes)
        self._rows: list[LayerRow] = []
        self._shown_raw: Any = None
        self._shown_look: Look | None = None
        self.status = StatusView(self.sight, id="status")
        self.table = LayerTable(COLUMNS, id="layers")
        self.figures = TableFigures(self.sight, self.table)
        self.drawings += [self.status, self.figures]
        self.verdict = VerdictView(id="verdict")
        self.judge = Judge()

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.rate
        with Horizontal(id="charts"):
            yield from self.slots
        with Horizontal(id="below"):
            yield self.table
            yield self.beside
        yield self.verdict

    def on_mount(self) -> None:
        self.table.set_columns(columns(look_of(self)))
        self.watch(self.table, "scroll_y", self.pacer.kick)
        self._sync()

    # -- from one start to the next -----------------------------------------------------------------------

    @property
    def seen(self) -> Seen:
        """What is looked at, for the next start."""
        scroll, log = round(self.table.scroll_offset.y), self.sight.of(LossAxis).logarithmic
        return Seen(self.table.cursor, scroll, self.sight.kind, log, self.large)

    def see(self, seen: Seen) -> None:
        """Look at what was looked at when the app was left; what is not there any more is left as it is."""
        self.sight.kind = next((kind for kind in KINDS if kind == seen.kind), self.sight.kind)
        self.sight.of(LossAxis).logarithmic = seen.log
        if 0 <= seen.layer < len(self._rows):
            self.table.cursor = seen.layer
            self.call_after_refresh(self.table.scroll_to, y=seen.scroll, animate=False)
        if seen.large and self.is_current:
            self.give_place(self.chart)
        self.looked()

    def hint(self, view: Widget) -> str:
        """What an empty chart says: the first one alone says why there is nothing."""
        model = self.run
        if view is not self.slots[0].view:
            return ""
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
        self.main().focus()
        self.call_after_refresh(self.pacer.now, *self.drawings)

    def document_changed(self) -> None:
        if self.is_current:
            self._sync()
            self.pacer.kick()

    def run_changed(self, kinds: set[str]) -> None:
        super().run_changed(kinds)
        if self.is_current:
            self._sync()
            self.pacer.kick()
        if kinds - MOVING:
            self.asked = None
            if not self.alive:
                self.rate.leave()
            if self.is_current:
                self.lay_out()  # what charts there are is the run's
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
        self._rows = (self.document if model.status == "empty" else Document(raw, files=model.files)).rows()
        self.table.set_rows([layer_cells(row, look) for row in self._rows])
        if self.table.cursor == 0:  # a layer that learns has more to show than the input has
            self.table.cursor = next((row.index for row in self._rows if row.parameters), 0)
        self.figures.forget()
        self._select()
        self.lay_out()

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
        self.sight.rows, self.sight.index = self._rows, self.table.cursor

    def on_resize(self, event: events.Resize) -> None:
        self.status.make_room()
        self._tell_verdict()

    # -- keys ---------------------------------------------------------------------------------------------

    def main(self) -> Widget:
        return self.slots[0].view if self.large else self.table

    def rows_below(self) -> int:
        return rows_below(self.size.height, len(self._rows))

    @on(LayerTable.Moved)
    def _moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self._select()
        self.redraw()

    @on(LayerTable.Chosen)
    def _chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        self.give_place("histogram")

    def action_leave(self) -> None:
        if self.rate.is_open:
            self.rate.leave()
        elif self.sight.moment:
            self.action_now()
        elif self.large:
            self.give_place(None)
        else:
            self.table.focus()

    def action_apply_remedy(self) -> None:
        remedy = self._remedy()
        if remedy is not None:
            self.document.apply(remedy.edits)
            self.shell.document_edited()
            self.shell.say(f"changed the preset: {remedy.words}; ctrl+r starts a new run")

    def action_layer_above(self) -> None:
        self.table.cursor -= 1

    def action_layer_below(self) -> None:
        self.table.cursor += 1

    def action_explore_layer(self) -> None:
        explore_layer.in_train(self.shell, self.table.cursor)

    def action_rate_find(self) -> None:
        find_rate.find_rate(self.shell)

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "apply_remedy":
            return self._remedy() is not None
        if action_id == "rate_find":
            return not self.alive
        return super().enabled(action_id)

    def label(self, action_id: str) -> str | None:
        return "look into" if action_id == "choose" else super().label(action_id)


def rows_below(height: int, layers: int) -> int:
    """Rows for the layer table in a place of ``height``: all layers, if the charts keep two fifths."""
    free = height - 2  # for the run's line and what is to be said below it
    return max(min(max(layers + 1, free * 2 // 5), free * 3 // 5), 3)
