"""The Build screen: the table of layers, and a form of all settings of the preset."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tuiml.spec.problems import Problem
from tuiml.tui.build import render
from tuiml.tui.build.drawing_view import DrawingView
from tuiml.tui.build.drawings import Drawings
from tuiml.tui.build.edits import Edits
from tuiml.tui.build.form_keys import FormKeys
from tuiml.tui.build.marking import Marking
from tuiml.tui.build.note_dialog import NoteScreen
from tuiml.tui.build.render import COLUMNS
from tuiml.tui.build.sections import sections
from tuiml.tui.build.varying import with_marks
from tuiml.tui.dialogs import explore_layer, find_rate, use_file
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.problems import layer_of
from tuiml.tui.process.probe_client import Probed
from tuiml.tui.process.probe_session import PreFlight
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.form import Form
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.lines import Lines

NARROW = 66
"""Minimum width to show both the table and the form, in cells."""
LOW = 13
"""Rows below which the table of layers has all of them."""
HEALTH = 4
"""Lines for problems, or for the verdict."""


class Build(AppScreen):
    """The table of layers and a summary at the left, the form at the right."""

    where = "build"
    DEFAULT_CSS = """
    Build {
        & #stack { width: 7fr; }
        & #looks { margin: 1 0 0 1; }
        & #facts { padding: 0 0 0 1; }
        & #side {
            width: 5fr; min-width: 42; max-width: 84;
            border-left: solid $foreground 15%; padding: 0 0 0 1;
        }
        & #side:focus-within { border-left: solid $primary; }
        &.narrow {
            & #stack { width: 1fr; padding: 0; }
            & #side {
                width: 1fr; min-width: 0; max-width: 100%;
                display: none; border-left: none; padding: 0;
            }
        }
        &.narrow.form {
            & #stack { display: none; }
            & #side { display: block; }
        }
        &.low #facts { display: none; }
        &.large {
            & #side { display: none; }
            & #facts { display: none; }
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._stale = True
        self._rows: list[LayerRow] = []
        self._sizes = 0
        """Lines about the sizes of the last preset without a problem."""
        self.table = LayerTable(COLUMNS, id="build-table")
        self.form = Form(lambda field, value: self._edits.set_field(field, value), id="form")
        self._facts = Lines(id="facts")
        self._left_from: Widget = self.table
        """The widget that had the keys last."""
        self.flight = PreFlight(self, lambda: self.shell.probe_client_factory(self.post_message))
        self._edits = Edits(self, self.table, self.flight)
        self._drawings = Drawings(self, self.table, self.flight, self._show_facts)
        self._marking = Marking(self, self.table, self.form)
        self.action_parts = (self._edits, self._marking, self._drawings, FormKeys(self.edit, self._into_form))

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="stack"):
                yield self.table
                yield self._drawings.view
                yield self._facts
            with Vertical(id="side"):
                yield self.form
                yield self.form.help

    def shown(self) -> None:
        if self._stale:
            self._refresh()
        self._left_from.focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if self.is_current and event.widget in (self.table, self.form):
            self._left_from = event.widget

    def document_changed(self) -> None:
        self._stale = True
        if self.is_current:
            self._refresh()

    def enabled(self, action_id: str) -> bool | None:
        if action_id == "next_problem":
            return bool(self.document.problems)
        part = self.part_of(action_id)
        return part is None or bool(part.enabled(action_id))

    def label(self, action_id: str) -> str | None:
        if action_id == "choose":
            return "edit"
        if action_id == "next_problem":
            count = len(self.document.problems)
            return f"{count} problem{'s' if count != 1 else ''}"
        return None

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "narrow")
        self.set_class(event.size.height < LOW, "low")
        self.call_after_refresh(self._refresh)  # problems are wrapped to the width of the table

    def select(self, row: int) -> None:
        """Select a layer, also while another screen is shown."""
        if self._stale:
            self._refresh()
        self.table.cursor = row

    def _refresh(self) -> None:
        self._stale = False
        rows = self.document.rows()
        look = self.shell.look
        self.flight.follow(self.document)
        probed = render.probe_cells(self.flight, len(rows), look)
        cells = [render.cells(row, look) for row in rows]
        self.table.set_rows([{**row, **more} for row, more in zip(cells, probed, strict=True)])
        self._rows = rows
        self._show_form(self.table.cursor)
        self._show_facts()

    def _show_form(self, layer: int) -> None:
        self.form.show(with_marks(sections(self.document, layer), self.document.marks))

    def _show_facts(self) -> None:
        table, rows, flight = self.table, self._rows, self.flight
        width, look = table.size.width - 2, self.shell.look
        facts = render.marks_lines(
            self._marking.line(), width, look, key_of("start_pause", self.shell.keymap)
        )
        facts.append([(render.passage(rows, table.cursor, width), look.style())])
        if not {"mean", "std"} <= set(table.shown_columns):
            facts += render.number_lines(flight, table.cursor, width, look)
        sizes = render.facts(self.document, rows, width, look)
        if self.document.preset is not None:
            self._sizes = len(sizes)
        facts += [*sizes, *([] for _ in range(self._sizes - len(sizes)))]  # a wrong value moves nothing
        health = render.health_lines(self.document, flight, width, HEALTH, look, self.shell.keymap)
        self._facts.show([*facts, *health])
        self._drawings.show(rows, len(facts) + HEALTH)

    def on_drawing_view_pointed(self, message: DrawingView.Pointed) -> None:
        message.stop()
        self.table.cursor = message.index
        self.table.focus()

    def on_probed(self, message: Probed) -> None:
        message.stop()
        if self.flight.take(message) and self.is_current:
            self._refresh()
            self.refresh_bindings()

    def on_unmount(self) -> None:
        self.flight.close()

    def on_layer_table_moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self.document.seal()
        self._show_form(message.index)
        self._show_facts()
        self.refresh_bindings()

    def on_layer_table_chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        self.edit("layers[")

    def on_form_sealed(self, message: Form.Sealed) -> None:
        message.stop()
        self.document.seal()

    def on_form_other_layer(self, message: Form.OtherLayer) -> None:
        message.stop()
        self.table.cursor += message.by

    def on_form_note(self, message: Form.Note) -> None:
        message.stop()
        note = self.document.get("note")
        self.app.push_screen(NoteScreen(note if isinstance(note, str) else ""), self._edits.set_note)

    def edit(self, path: str) -> None:
        """Focus the section at ``path`` of the form, unless it has the focus already."""
        self._open_form()
        form = self.form
        field = form.model.field
        inside = field is not None and path and field.path.startswith(path)
        if not inside:
            form.go_to_section(form.model.entry_of(path))
        form.focus()

    @on(Form.Left)
    def leave_form(self) -> None:
        """Return the focus to the table."""
        self.remove_class("form")
        self.table.focus()

    def go_to(self, problem: Problem) -> None:
        """Select the layer of a problem and focus its field, if it has one."""
        index = layer_of(problem.path)
        if index is not None and index < self.document.count:
            self.table.cursor = index
            self._show_form(index)
        if self.form.go_to_number(self.form.model.place_of(problem.path)):
            self._open_form()
            self.form.focus()
        else:
            self.leave_form()

    @action("e", "problems", "Go to the next problem.", "build", rank=10, also="errors")
    def action_next_problem(self) -> None:
        problems = self.document.problems
        if problems:
            field = self.form.model.field
            here = field.path if field and self.form.has_focus else ""
            at = next((i for i, p in enumerate(problems) if p.path == here), -1)
            self.go_to(problems[(at + 1) % len(problems)])

    def _open_form(self) -> None:
        self._drawings.enlarge(False)
        self.add_class("form")

    def _into_form(self, number: int) -> None:
        self._open_form()
        self.form.go_to_number(number)
        self.form.focus()

    @action(
        "y",
        "explore f",
        "Explore activations: f, its slope and its inputs.",
        "build",
        rank=140,
        also="slope, derivative",
    )
    def action_explore(self) -> None:
        explore_layer.in_build(self.shell, self.table.cursor, self.flight)

    @action(
        "r",
        "find rate",
        "Find a learning rate: a range test; it changes nothing.",
        "build",
        rank=130,
        also="range test, lr finder",
    )
    def action_find_rate(self) -> None:
        find_rate.find_rate(self.shell)

    @action(
        "o", "your data", "Open a file of yours as the data.", "build", rank=150, also="csv, import, own data"
    )
    def action_open_data(self) -> None:
        use_file.pick_data(self.shell)
