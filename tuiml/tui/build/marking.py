"""Marking settings as varied, and what the study of them costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tuiml.formatting import duration
from tuiml.tui.build.sections import sections
from tuiml.tui.build.vary_dialog import Varied, VaryDialog
from tuiml.tui.build.varying import can_vary, products, scopes, with_marks
from tuiml.tui.keys import action
from tuiml.tui.model import document_paths
from tuiml.tui.model.document import Document
from tuiml.tui.model.marks import EMPTY, SEED, Marks
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.fields import Field
from tuiml.tui.widgets.form import Form
from tuiml.tui.widgets.layer_table import LayerTable
from tuiml.tui.widgets.picker import Pick


class Marking:
    """The actions of Build that mark fields and clear the marks."""

    def __init__(self, screen: AppScreen, table: LayerTable, form: Form) -> None:
        self._screen, self._table, self._form = screen, table, form

    def enabled(self, action_id: str) -> bool:
        """True if an action works now."""
        if action_id == "clear_marks":
            return bool(self._document.marks)
        model = self._form.model
        return not self._form.has_focus or (model.picker is None and can_vary(model.field))

    @property
    def _document(self) -> Document:
        return self._screen.document

    @action(
        "m alt+m",
        "vary",
        "Compare values of a setting: mark it as varied by a study.",
        "build",
        rank=115,
        also="sweep, grid search",
    )
    def action_vary(self) -> None:
        field = self._form.model.field
        if self._form.has_focus and field is not None:
            self._ask(field)
            return
        shown = with_marks(sections(self._document, self._table.cursor), self._document.marks)
        fields = {self._title(f): f for section in shown for f in section.fields if can_vary(f)}
        picks = [Pick(title, ", ".join(f.marked), f.help, also=(f.path,)) for title, f in fields.items()]
        self._screen.app.push_screen(
            Chooser("Vary", picks, width=72), lambda title: self._ask(fields[title]) if title else None
        )

    def _title(self, field: Field) -> str:
        """A field's name in a list of all: with its layer, or the choice that it belongs to."""
        head = field.path.rpartition(".")[0]
        if field.depth:
            return f"{field.label} of the {head.rpartition('.')[2]}"
        return f"{field.label} of the layer" if field.path.startswith("layers[") else field.label

    def _ask(self, field: Field) -> None:
        found = scopes(field, self._document)
        dialog = VaryDialog(field, found, self._document, self._cost)
        self._screen.app.push_screen(dialog, lambda answer: self._marked(field, answer))

    def _cost(self, path: str, values: Sequence[Any], tune: bool) -> str:
        """What the study would be with these values."""
        if len(values) < 2 and path != SEED:
            return "tick two values or more" if not values else "one value is no comparison"
        marks = replace(self._document.marks.with_values(path, values), tune=tune)
        return cost(self._document, marks, self._speed)

    @property
    def _speed(self) -> float:
        """Examples a second of the last run; NaN if there was none."""
        return self._screen.run.speed

    def _marked(self, field: Field, answer: Varied | None) -> None:
        if answer is None:
            return
        marks = self._document.marks
        if answer.other:
            marks = marks.with_values(answer.other, ())
        raw = document_paths.with_names(self._document.raw, field.names)
        if answer.values and raw != self._document.raw:
            self._document.replace(raw)  # a choice that was left out: its options need it beside them
        self._set(replace(marks.with_values(answer.path, answer.values), tune=answer.tune))

    @action("M alt+M", "clear marks", "Vary nothing; undo brings the marks back.", "build", rank=116)
    def action_clear_marks(self) -> None:
        self._set(EMPTY)

    def _set(self, marks: Marks) -> None:
        self._document.mark(marks)
        self._screen.shell.document_edited()

    def line(self) -> str:
        """The product of the marks, and about how long it takes; empty without marks."""
        marks = self._document.marks
        return cost(self._document, marks, self._speed) if marks else ""


def cost(document: Document, marks: Marks, speed: float) -> str:
    """``6 optimizers × 3 seeds = 18 runs, about 4:10`` at a number of examples a second."""
    preset = document.preset
    if preset is None or not math.isfinite(speed) or speed <= 0:
        return f"{products(marks)}, time unknown"
    seconds = preset.data.sizes()[0] * preset.training.epochs / speed * marks.runs
    return f"{products(marks)}, about {rounded_time(seconds)}"


def rounded_time(seconds: float) -> str:
    """A time as one says it: ``20 s``, ``4 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.2g} h" if seconds < 36 * 3600 else duration(seconds)
