"""Build: the stack of layers, and the form of everything a preset can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tuiml.nn.layers import layers
from tuiml.spec.problems import Problem
from tuiml.training.remedies import Edit, Remedy
from tuiml.tui.build import render
from tuiml.tui.build.cycle import activation_edits, initializer_edits
from tuiml.tui.build.fields import FILE, Field
from tuiml.tui.build.form import Form
from tuiml.tui.build.note_dialog import NoteScreen
from tuiml.tui.build.render import COLUMNS
from tuiml.tui.build.sections import sections
from tuiml.tui.dialogs import explore_layer, find_rate, use_file
from tuiml.tui.keys import action
from tuiml.tui.model import layer_stack
from tuiml.tui.model.document import Document
from tuiml.tui.process.probe_client import Probed
from tuiml.tui.process.probe_session import PreFlight
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.lines import Lines
from tuiml.tui.widgets.picker import Pick

CYCLES = ("next_initializer", "last_initializer", "next_activation", "last_activation")
NARROW = 66
"""Below this width table and form take turns."""


class Build(AppScreen):
    """Left the stack and what it comes to, right the form."""

    where = "build"
    DEFAULT_CSS = """
    Build {
        & #stack { width: 7fr; padding: 0 1 0 0; }
        & #facts { margin: 1 0 0 0; padding: 0 0 0 1; }
        & Form {
            width: 5fr; min-width: 42; max-width: 84;
            border-left: solid $foreground 15%; padding: 0 0 0 1;
        }
        & Form:focus { border-left: solid $primary; }
        &.narrow {
            & #stack { width: 1fr; padding: 0; }
            & Form {
                width: 1fr; min-width: 0; max-width: 100%;
                display: none; border-left: none; padding: 0;
            }
        }
        &.narrow.form {
            & #stack { display: none; }
            & Form { display: block; }
        }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._stale = True
        self.flight = PreFlight(self, lambda: self.shell.probe_client_factory(self.post_message))

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="stack"):
                yield LayerTable(COLUMNS, id="build-table")
                yield Lines(id="facts")
            yield Form(self._apply, id="form")

    @property
    def table(self) -> LayerTable:
        """The stack."""
        return self.query_one(LayerTable)

    @property
    def form(self) -> Form:
        """The form of the selected layer, the data, the training and the preset."""
        return self.query_one(Form)

    # -- the place -----------------------------------------------------------------------------------------

    def shown(self) -> None:
        if self._stale:
            self._refresh()
        if not self.form.has_focus:
            self.table.focus()

    def document_changed(self) -> None:
        self._stale = True
        if self.is_current:
            self._refresh()

    def enabled(self, action_id: str) -> bool | None:
        document, in_table = self.document, self.table.has_focus
        if action_id == "undo":
            return document.can_undo
        if action_id == "redo":
            return document.can_redo
        if action_id == "next_problem":
            return bool(document.problems)
        if action_id in ("add_layer", *CYCLES):
            return in_table
        if action_id == "try_remedy":
            return in_table and self._remedy is not None
        if action_id in ("duplicate", "remove"):
            return in_table and document.count > 0
        if action_id == "move_up":
            return in_table and self.table.cursor > 0
        if action_id == "move_down":
            return in_table and self.table.cursor < document.count - 1
        return True

    def label(self, action_id: str) -> str | None:
        if action_id == "choose":
            return "edit"
        if action_id == "next_problem":
            count = len(self.document.problems)
            return f"{count} problem{'s' if count != 1 else ''}"
        return None

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "narrow")
        self.call_after_refresh(self._refresh)  # what is wrong is wrapped to the width of the table

    def select(self, row: int) -> None:
        """Put the cursor on a layer, also while another place is on the screen."""
        if self._stale:
            self._refresh()
        self.table.cursor = row

    # -- drawing -------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self._stale = False
        rows = self.document.rows()
        look = self.shell.look
        self.flight.follow(self.document)
        probed = render.probe_cells(self.flight, len(rows), look)
        cells = [render.cells(row, look) for row in rows]
        self.table.set_rows([{**row, **more} for row, more in zip(cells, probed, strict=True)])
        self.form.show(sections(self.document, self.table.cursor))
        self._show_facts()

    def _show_facts(self) -> None:
        table = self.table
        width, look = table.size.width - 2, self.shell.look
        facts = render.facts(self.document, self.document.rows(), table.cursor, width, look)
        narrow = not {"mean", "std"} <= set(table.shown_columns)
        facts += render.flight_lines(self.flight, table.cursor, narrow, width, look)
        self.query_one("#facts", Lines).show(facts)

    def on_probed(self, message: Probed) -> None:
        message.stop()
        if self.flight.take(message) and self.is_current:
            self._refresh()
            self.refresh_bindings()

    def on_unmount(self) -> None:
        self.flight.close()

    # -- table and form ------------------------------------------------------------------------------------

    def on_layer_table_moved(self, message: LayerTable.Moved) -> None:
        message.stop()
        self.document.seal()
        self.form.show(sections(self.document, message.index))
        self._show_facts()
        self.refresh_bindings()

    def on_layer_table_chosen(self, message: LayerTable.Chosen) -> None:
        message.stop()
        self.edit("layers[")

    def on_form_left(self, message: Form.Left) -> None:
        message.stop()
        self.leave_form()

    def on_form_sealed(self, message: Form.Sealed) -> None:
        message.stop()
        self.document.seal()

    def on_form_other_layer(self, message: Form.OtherLayer) -> None:
        message.stop()
        self.table.cursor += message.by

    def on_form_note(self, message: Form.Note) -> None:
        message.stop()
        note = self.document.get("note")
        self.app.push_screen(NoteScreen(note if isinstance(note, str) else ""), self._noted)

    def _noted(self, note: str | None) -> None:
        if note is not None:
            self.document.seal()
            if note.strip():
                self.document.set("note", note)
            else:
                self.document.unset("note")
            self.shell.document_edited()

    def edit(self, path: str) -> None:
        """Go into the form: to the field at ``path``, or where the focus was in that section."""
        self.add_class("form")
        form = self.form
        field = form.model.field
        inside = field is not None and path and field.path.startswith(path)
        if not inside:
            form.go_to_section(path)
        form.focus()

    def leave_form(self) -> None:
        """Back to the table."""
        self.remove_class("form")
        self.table.focus()

    def go_to(self, problem: Problem) -> None:
        """Show where a problem is: its row, and its field if it has one."""
        index = layer_stack.layer_of(problem.path)
        if index is not None and index < self.document.count:
            self.table.cursor = index
            self.form.show(sections(self.document, index))
        if self.form.go_to(problem.path):
            self.add_class("form")
            self.form.focus()
        else:
            self.leave_form()

    def _apply(self, field: Field, value: Any) -> None:
        document = self.document
        if field.path == "data" and value == FILE:
            use_file.pick_data(self.shell)
            return
        if field.kind == "unknown":
            document.remove_key(field.owner, field.key)
        elif value is None:
            document.unset(field.path)
        elif field.registry is not None:
            document.choose(field.path, value, field.registry, field.names)
        else:
            document.set(field.path, value, field.names)
        self.shell.document_edited()

    # -- actions -------------------------------------------------------------------------------------------

    @property
    def _remedy(self) -> Remedy | None:
        """What the verdict on the screen advises, where it can be done."""
        told = self.flight.verdicts if self.flight.fresh else ()
        return told[0].remedy if told and told[0].remedy.edits else None

    @action("f", "try it", "Do what is advised against what is wrong; u takes it back.", "build", rank=70)
    def action_try_remedy(self) -> None:
        if self._remedy is not None:
            words = self._remedy.words
            self._apply_edits(self._remedy.edits)
            self.shell.say(f"{words}: u takes it back")

    @action(
        "i",
        "initial",
        "The next initializer of all hidden layers; of the output layer alone, on it.",
        "build",
        rank=80,
    )
    def action_next_initializer(self) -> None:
        self._cycle(initializer_edits, 1)

    @action("I", "initial back", "The initializer before, likewise.", "build", rank=90, shown=False)
    def action_last_initializer(self) -> None:
        self._cycle(initializer_edits, -1)

    @action("v", "activation", "The next activation of all hidden layers.", "build", rank=100)
    def action_next_activation(self) -> None:
        self._cycle(activation_edits, 1)

    @action("V", "activation back", "The activation before, likewise.", "build", rank=110, shown=False)
    def action_last_activation(self) -> None:
        self._cycle(activation_edits, -1)

    def _cycle(self, edits: Callable[[Document, int, int], list[Edit]], by: int) -> None:
        self._apply_edits(edits(self.document, self.table.cursor, by))

    def _apply_edits(self, edits: Sequence[Edit]) -> None:
        if edits:
            self.document.apply(edits)
            self.shell.document_edited()

    @action("a", "add", "Add a layer below the selected one.", "build", rank=20)
    def action_add_layer(self) -> None:
        picks = [Pick(entry.name, entry.formula, entry.advice) for entry in layers]
        self.app.push_screen(Chooser("Add a layer", picks, "dense"), self._add)

    def _add(self, kind: str | None) -> None:
        if kind is not None:
            after = layer_stack.place_below(self.document, self.table.cursor)
            self.document.add(after, layer_stack.new_layer(self.document, kind, after))
            self._edited(after + 1)

    @action("d", "duplicate", "Duplicate the selected layer.", "build", rank=40)
    def action_duplicate(self) -> None:
        self.document.duplicate(self.table.cursor)
        self._edited(self.table.cursor + 1)

    @action("x delete", "remove", "Remove the selected layer.", "build", rank=30)
    def action_remove(self) -> None:
        self.document.remove(self.table.cursor)
        self._edited(self.table.cursor)

    @action("K shift+up", "move up", "Move the selected layer up.", "build", rank=200, shown=False)
    def action_move_up(self) -> None:
        self._move(-1)

    @action("J shift+down", "move", "Move the selected layer down.", "build", rank=210)
    def action_move_down(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        if self.document.move(self.table.cursor, by):
            self._edited(self.table.cursor + by)

    def _edited(self, cursor: int) -> None:
        self.shell.document_edited()
        self.table.cursor = cursor

    @action("u ctrl+underscore", "undo", "Take back the last edit.", "build", rank=50)
    def action_undo(self) -> None:
        self._travel(self.document.undo)

    @action("U ctrl+y", "redo", "Do again what was taken back.", "build", rank=60)
    def action_redo(self) -> None:
        self._travel(self.document.redo)

    def _travel(self, go: Callable[[], bool]) -> None:
        before = self.document.raw
        if go():
            self.shell.document_edited()
            row = layer_stack.first_difference(before, self.document.raw)
            if row is not None:
                self.table.cursor = row

    @property
    def _here(self) -> str:
        """The path of the field that has the focus."""
        field = self.form.model.field
        return field.path if field and self.form.has_focus else ""

    @action("e", "what is wrong", "To the next thing that is wrong.", "build", rank=10)
    def action_next_problem(self) -> None:
        problems = self.document.problems
        if problems:
            here = self._here
            at = next((i for i, p in enumerate(problems) if p.path == here), -1)
            self.go_to(problems[(at + 1) % len(problems)])

    @action("tab", "form", "To the first field of the form.", "build", rank=180, shown=False)
    def action_form_first(self) -> None:
        self._into_form(0)

    @action("shift+tab", "form", "To the last field of the form.", "build", rank=190, shown=False)
    def action_form_last(self) -> None:
        self._into_form(-1)

    def _into_form(self, number: int) -> None:
        self.add_class("form")
        self.form.go_to_number(number)
        self.form.focus()

    @action("t", "training", "To the training: optimizer, rate, epochs.", "build", rank=120)
    def action_edit_training(self) -> None:
        self.edit("training")

    @action("y", "explore f", "Explore activations: f, its slope, what goes in.", "build", rank=140)
    def action_explore(self) -> None:
        explore_layer.in_build(self.shell, self.table.cursor, self.flight)

    @action("r", "find rate", "Find a learning rate: a short ramp, nothing kept.", "build", rank=130)
    def action_find_rate(self) -> None:
        find_rate.find_rate(self.shell)

    @action("o", "your data", "Open a file of yours as the data.", "build", rank=150)
    def action_open_data(self) -> None:
        use_file.pick_data(self.shell)

    @action("D", "data", "To the data settings: set, sizes, normalization.", "build", rank=160)
    def action_edit_data(self) -> None:
        self.edit("data")

    @action("n", "name", "To the preset's name and note.", "build", rank=170)
    def action_edit_name(self) -> None:
        self.edit("")
