"""What Build does to the document: its actions on layers, undo and redo, and the edits of the form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tuiml.nn.layers import layers
from tuiml.training.remedies import Edit, Remedy
from tuiml.tui.build.cycle import activation_edits, initializer_edits
from tuiml.tui.dialogs import use_file
from tuiml.tui.keys import action, key_of
from tuiml.tui.model import layer_stack
from tuiml.tui.model.cures import Cure, cures_of
from tuiml.tui.model.document import Document
from tuiml.tui.process.probe_session import PreFlight
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.diagnosis import DiagnosisDialog
from tuiml.tui.widgets.fields import FILE, Field
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.picker import Pick

HISTORY = ("undo", "redo")


class Edits:
    """Edits of the document on the screen."""

    def __init__(self, screen: AppScreen, table: LayerTable, flight: PreFlight) -> None:
        self._screen, self._table, self._flight = screen, table, flight

    def enabled(self, action_id: str) -> bool:
        """True if an action works now: undo and redo everywhere, the others in the table."""
        document, cursor = self._document, self._table.cursor
        if action_id in HISTORY:
            return document.history.can_undo if action_id == "undo" else document.history.can_redo
        works = {
            "try_remedy": self._remedy is not None,
            "reasons": bool(self._flight.fresh and self._flight.verdicts),
            "duplicate": document.count > 0,
            "remove": document.count > 0,
            "move_up": cursor > 0,
            "move_down": cursor < document.count - 1,
        }
        return self._table.has_focus and works.get(action_id, True)

    def why_not(self, action_id: str) -> str:
        """What is said of the key of advice where there is none."""
        if action_id not in ("try_remedy", "reasons") or not self._table.has_focus:
            return ""
        keymap, flight = self._screen.shell.keymap, self._flight
        if self._document.problems:
            return (
                f"nothing to advise while there are problems: {key_of('next_problem', keymap)} goes to them"
            )
        if not flight.fresh:
            return "nothing to advise: the initial values are not measured" + (
                "" if flight.problem else " yet"
            )
        if flight.verdicts:
            return f"nothing to apply: {key_of('reasons', keymap)} says why"
        return "nothing to advise: nothing wrong found in the initial values"

    @property
    def _document(self) -> Document:
        return self._screen.document

    def set_field(self, field: Field, value: Any) -> None:
        """Set the value of a field of the form; ``None`` removes it."""
        document = self._document
        if field.path == "data" and value == FILE:
            use_file.pick_data(self._screen.shell)
            return
        if field.kind == "unknown":
            document.remove_key(field.owner, field.key)
        elif value is None:
            document.unset(field.path)
        elif field.registry is not None:
            document.choose(field.path, value, field.registry, field.names)
        else:
            document.set(field.path, value, field.names)
        self._screen.shell.document_edited()

    def set_note(self, note: str | None) -> None:
        """Set the note as one undo step; an empty note is removed, ``None`` changes nothing."""
        if note is not None:
            self._document.seal()
            if note.strip():
                self._document.set("note", note)
            else:
                self._document.unset("note")
            self._screen.shell.document_edited()

    @property
    def _remedy(self) -> Remedy | None:
        """The remedy of the first verdict, if it can be applied."""
        verdicts = self._flight.verdicts if self._flight.fresh else ()
        return verdicts[0].remedy if verdicts and verdicts[0].remedy.edits else None

    @action(
        "f",
        "try it",
        "Apply the remedy of the verdict; undo takes it back.",
        "build",
        rank=70,
        also="fix, cure, advice",
    )
    def action_try_remedy(self) -> None:
        if self._remedy is not None:
            words = self._remedy.words
            self._apply(self._remedy.edits)
            self._say(words)

    @action("w", "why", "The whole diagnosis: evidence, reasons, every cure.", "build", rank=75)
    def action_reasons(self) -> None:
        verdicts = self._flight.verdicts if self._flight.fresh else ()
        if verdicts:
            found = [(verdict, cures_of(verdict)) for verdict in verdicts]
            dialog = DiagnosisDialog("diagnosis of the initial values", found)
            self._screen.shell.push_screen(dialog, self._cure)

    def _say(self, words: str) -> None:
        shell = self._screen.shell
        shell.say(f"{words}: {key_of('undo', shell.keymap)} undoes it")

    def _cure(self, cure: Cure | None) -> None:
        if cure is not None and cure.edits:
            self._apply(cure.edits)
            self._say(cure.words)

    @action(
        "i",
        "initializer",
        "The next initializer of all hidden layers; of the output layer alone, on it.",
        "build",
        rank=80,
        also="he, xavier, glorot",
    )
    def action_next_initializer(self) -> None:
        self._cycle(initializer_edits, 1)

    @action(
        "I",
        "initializer back",
        "The previous initializer, for the same layers.",
        "build",
        rank=90,
        shown=False,
    )
    def action_last_initializer(self) -> None:
        self._cycle(initializer_edits, -1)

    @action(
        "v",
        "activation",
        "The next activation of all hidden layers.",
        "build",
        rank=100,
        also="relu, sigmoid, tanh",
    )
    def action_next_activation(self) -> None:
        self._cycle(activation_edits, 1)

    @action(
        "V",
        "activation back",
        "The previous activation, for the same layers.",
        "build",
        rank=110,
        shown=False,
    )
    def action_last_activation(self) -> None:
        self._cycle(activation_edits, -1)

    def _cycle(self, edits: Callable[[Document, int, int], list[Edit]], by: int) -> None:
        self._apply(edits(self._document, self._table.cursor, by))

    def _apply(self, edits: Sequence[Edit]) -> None:
        if edits:
            self._document.apply(edits)
            self._screen.shell.document_edited()

    @action("a", "add", "Add a layer below the selected one.", "build", rank=20, also="insert")
    def action_add_layer(self) -> None:
        picks = [Pick(entry.name, entry.formula, entry.advice) for entry in layers]
        self._screen.app.push_screen(Chooser("Add a layer", picks, "dense"), self._add)

    def _add(self, kind: str | None) -> None:
        if kind is not None:
            after = layer_stack.place_below(self._document, self._table.cursor)
            self._document.add(after, layer_stack.new_layer(self._document, kind, after))
            self._edited(after + 1)

    @action("d", "duplicate", "Duplicate the selected layer.", "build", rank=40, also="copy layer")
    def action_duplicate(self) -> None:
        self._document.duplicate(self._table.cursor)
        self._edited(self._table.cursor + 1)

    @action("x delete", "remove", "Remove the selected layer.", "build", rank=30, also="delete layer")
    def action_remove(self) -> None:
        self._document.remove(self._table.cursor)
        self._edited(self._table.cursor)

    @action("K shift+up", "move up", "Move the selected layer up.", "build", rank=200, shown=False)
    def action_move_up(self) -> None:
        self._move(-1)

    @action("J shift+down", "move down", "Move the selected layer down.", "build", rank=210)
    def action_move_down(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        if self._document.move(self._table.cursor, by):
            self._edited(self._table.cursor + by)

    def _edited(self, cursor: int) -> None:
        self._screen.shell.document_edited()
        self._table.cursor = cursor

    @action("u ctrl+underscore", "undo", "Undo the last edit.", "build", rank=50, also="take back")
    def action_undo(self) -> None:
        self._step(self._document.undo)

    @action("U ctrl+y", "redo", "Redo the edit that was undone last.", "build", rank=60)
    def action_redo(self) -> None:
        self._step(self._document.redo)

    def _step(self, step: Callable[[], bool]) -> None:
        before = self._document.raw
        if step():
            self._screen.shell.document_edited()
            row = layer_stack.first_difference(before, self._document.raw)
            if row is not None:
                self._table.cursor = row
