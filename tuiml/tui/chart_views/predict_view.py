"""A form with a field for each input of a table, and the prediction of the network beside it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import zip_longest
from typing import Any, Self

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from tuiml.data.own.entries import Table
from tuiml.formatting import compact
from tuiml.text import plain_text
from tuiml.training.inspections.record import CLASSES, InspectionRequest
from tuiml.training.inspections.row import COLUMNS, InputColumns, Row, RowPrediction
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.example_prediction import ExamplePrediction, class_bars
from tuiml.tui.chart_views.inspection import names_of, preset_of
from tuiml.tui.chart_views.row_state import RowState
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts.palette import QUIET, TROUBLE, VALIDATION, Look
from tuiml.tui.charts.text import Line, clean, fit, notice, strip, wrap
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.widgets.chart_view import keymap_of
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.fields import Field
from tuiml.tui.widgets.form import Form
from tuiml.tui.widgets.form_model import Apply, FormModel
from tuiml.tui.widgets.picker import Pick

LEAST = 48, 8
"""Width and height of the smallest view with a form."""
TALL = 14
"""Height from which on the focused field is explained."""
ROWS = ("less_than_sign", "greater_than_sign")
"""Keys to another row of the data, also while a number is typed."""
MOST_INPUTS = 20_000
AWAITED = "asking the network"


def input_columns_of(model: RunModel) -> int:
    """The input columns of a run on examples that are no images; 0 of another."""
    preset = preset_of(model)
    if preset is None or len(preset.data.shape) != 1 or len(preset.data.classes) > CLASSES:
        return 0
    if isinstance(preset.data, Table):
        return sum(column.kind in ("number", "category") for column in preset.data.facts.columns)
    return preset.data.shape[0]


def has_row(model: RunModel) -> bool:
    """True if a row of inputs can be filled in."""
    return 0 < input_columns_of(model) <= MOST_INPUTS


class RowFormModel(FormModel):
    """A form in which the keys to another row, and the one that finds a field, are never typed.

    Args:
        awaits: true while its fields are on the way.
    """

    def __init__(self, apply: Apply, awaits: Callable[[], bool]) -> None:
        super().__init__(apply)
        self._awaits = awaits

    def takes(self, key: str, character: str | None) -> bool:
        if self.field is None and self._awaits():  # what is typed ahead must not lead to another screen
            return character is not None and character.isprintable()
        finds = key == "slash" and (self.edit is None or self.untouched)
        return not (self.picker is None and (key in ROWS or finds)) and super().takes(key, character)


class RowForm(Form):
    """The fields of a row; its keys go to other rows of the data, and find a field."""

    class OtherRow(Message):
        """Another row of the data is wanted."""

    def __init__(self, apply: Apply, state: RowState, awaits: Callable[[], bool]) -> None:
        super().__init__(apply)
        self.model = RowFormModel(apply, awaits)
        self._state = state

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("layer_back", "layer_next"):
            return False
        found, free = self._state.found, self.model.picker is None
        if action in ("row_back", "row_next", "find_input"):
            return found is not None and free
        return super().check_action(action, parameters)

    @action(
        "greater_than_sign",
        "next row",
        "Fill in the next row of the data; the first ones are the usual values.",
        "row",
        "row_next",
        1,
        also="example, validation",
    )
    @action("less_than_sign", "previous row", "Fill in the row before.", "row", "row_back", -1, shown=False)
    def _other_row(self, by: int) -> None:
        self._state.go(by)
        self.post_message(self.OtherRow())

    @action("slash", "find", "Find an input by its name.", "row", also="search, filter, column, field")
    def action_find_input(self) -> None:
        names = {f"{n + 1} {field.label}": n for n, field in enumerate(self.model.fields)}
        picks = [
            Pick(name, self.model.fields[n].text, also=(self.model.fields[n].label,))
            for name, n in names.items()
        ]

        def answered(name: str | None) -> None:
            if name is not None:
                self.go_to_number(names[name])

        self.app.push_screen(Chooser("Input", picks, list(names)[self.model.focus]), answered)

    def _to_section(self, by: int) -> None:
        last = len(self.model.fields) - 1
        self.go_to_number(max(0, min(last, self.model.focus + by * max(1, self.size.height - 1))))

    def _tab(self, by: int) -> None:
        if self.model.can_step(by):
            self._step(by)
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()


class PredictView(ExamplePrediction, can_focus=False):
    """The form at the left, what the network predicts at the right."""

    DEFAULT_CSS = """
    PredictView { layout: vertical; }
    PredictView > RowForm { margin: 1 0 0 0; }
    PredictView.-small > *, PredictView.-low > Lines { display: none; }
    PredictView.-away > Lines { visibility: hidden; }
    """

    def __init__(self, selection: ChartSelection, chart: Chart) -> None:
        super().__init__(selection, chart)
        self.state = selection.of(RowState)
        self.form = RowForm(self._apply, self.state, lambda: self._waiting() == AWAITED)
        self._left, self._shown = 0, 0
        self._to_focus = False  # once the form is there

    def compose(self) -> ComposeResult:
        yield self.form
        yield self.form.help

    def on_mount(self) -> None:
        if self._to_focus:
            self.form.focus()

    def focus(self, scroll_visible: bool = True) -> Self:
        if self.form.is_attached:
            self.form.focus(scroll_visible)
        self._to_focus = not self.form.is_attached
        return self

    @property
    def _found(self) -> InputColumns | None:
        """The columns of the run on the screen."""
        found = self.selection.model.inspections.get(InputColumns.event)
        return found if isinstance(found, InputColumns) else None

    def requests(self) -> list[InspectionRequest]:
        known = self._found is not None and self._found.row == self.state.wanted
        return [] if known else [InspectionRequest(InputColumns.event, first=self.state.wanted)]

    @property
    def version(self) -> int:
        return self.state.version

    def question(self) -> Row | None:
        return self.state.question() if self._found is self.state.found else None

    @property
    def prediction(self) -> RowPrediction | None:
        """The newest one."""
        found = self.selection.model.inspections.get(RowPrediction.event)
        return found if isinstance(found, RowPrediction) else None

    def stamp(self) -> Hashable:
        found, model = self.prediction, self.selection.model
        old = found is not None and found.step < model.step
        return (super().stamp(), old, self.form.has_focus, self.state.wanted)

    def build(self) -> None:
        self.state.take(self._found)
        if self._shown != self.state.version:  # another row, or filled in in another view
            self._show()
            self.form.model.go(self.form.model.focus)  # what is typed next replaces the cell
            self._show()
            self.refresh_bindings()
        self.set_class(not self.form.has_focus, "-away")
        super().build()

    def _show(self) -> None:
        self._shown = self.state.version
        self.form.show(self.state.sections)

    def _apply(self, field: Field, value: Any) -> None:
        self.state.set(self.form.model.focus, value)
        self._show()
        self.changed()

    @on(RowForm.OtherRow)
    def _other_row(self, message: RowForm.OtherRow) -> None:
        message.stop()
        self.changed()
        self.post_message(self.Fitted())  # the row is requested

    def on_resize(self, event: events.Resize) -> None:
        width, height = self.size
        self._left = max(30, min(width * 55 // 100, width - 26))
        self.form.styles.width = self.form.help.styles.width = self._left
        self.set_class(width < LEAST[0] or height < LEAST[1], "-small")
        self.set_class(height < TALL, "-low")

    def pointer(self, look: Look) -> str:
        return f"{look.pointer()} " if self.form.has_focus else ""

    # -- the right half -----------------------------------------------------------------------------------

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        if width < 8 or height < 2:
            return []
        head = [(self.pointer(look) + self.title, look.style(bold=True))]
        left = self._left + 3 if self.form.model.fields and self.form.display else 0
        found, waiting, room = self.prediction, self._waiting(), width - left
        if waiting:
            answer = notice(clean(waiting, look), room, height - 1, look)
        else:
            if found is not None and found.step < self.selection.model.step:
                words = self.selection.step_words(found.step)
                head.append((f"  {words}", look.style(VALIDATION, bold=True)))
            head.append((f"  {self._where()}", look.style(QUIET)))
            answer = self._answer(room, height - 1, look)
        cells = self._cells(left, height - 1, look) if left else []
        lines = [strip(head, width)]
        for cell, line in zip_longest(cells, answer):
            parts = [*(cell or strip([], left)), *(line or strip([], room))]
            lines.append(Line.of(parts).resized(width))
        return lines

    def _cells(self, width: int, height: int, look: Look) -> list[Line]:
        """The row as text: the form covers it, a picture of the chart shows it."""
        lines = [strip([], width)]
        for field in self.form.model.fields[: height - 1]:
            name = fit(clean(field.label, look), width // 3, look.glyphs.more)
            text = clean(field.text or field.placeholder, look)
            lines.append(strip([(f"  {name}  ", look.style(QUIET)), (text, look.style())], width))
        return lines

    def _waiting(self) -> str:
        """Why there is no form yet; empty if there is one."""
        model = self.selection.model
        if model.inspection_problem:
            return model.inspection_problem
        if input_columns_of(model) > COLUMNS:
            return f"more than {COLUMNS:,} inputs: tuiml predict {model.name} FILE"
        if self.has_class("-small"):
            return f"{key_of('enlarge', keymap_of(self))} makes room for it"
        if self._found is not None:
            return ""
        return self.selection.hint(self) if model.status in ("empty", "loading", "failed") else AWAITED

    def _where(self) -> str:
        """The row that was filled in, and whether it was changed."""
        state = self.state
        assert state.found is not None
        where = f"row {state.found.row:,} of {state.found.total:,} of the {state.found.part} part"
        words = where if state.found.row else "median and most frequent values"
        return f"{words}, changed" if state.edited else words

    def _answer(self, width: int, height: int, look: Look) -> list[Line]:
        state, found = self.state, self.prediction
        names = [clean(field.label, look) for field in self.form.model.fields]
        wrong = [f"{name}: {text}" for k, name in enumerate(names) if (text := state.wrong(k))]
        outside = [
            f"{name} {state.cells[k]}: {text}" for k, name in enumerate(names) if (text := state.outside(k))
        ]
        warnings = _warnings(wrong or outside, width, max(2, height // 2), look)
        if wrong or found is None:
            return warnings
        targets = state.found.targets if state.found and not state.edited else ()
        room = height - len(warnings) - 2
        if self.selection.model.preset and self.selection.model.preset.data.target == "classes":
            true = int(targets[0]) if targets else -1
            lines = class_bars(found.values, names_of(self.selection.model), width, room, look, true)
            sign = "✓" if look.unicode else "*"
            note = f"{sign} what the data says" if targets else ""
            lines.append(strip([(note, look.style(QUIET))], width))
        else:
            lines = self._numbers(found, targets, width, room, look)
        return [*lines, *warnings]

    def _numbers(
        self, found: RowPrediction, targets: tuple[float, ...], width: int, room: int, look: Look
    ) -> list[Line]:
        """The numbers of a regression, each with what the data says."""
        preset, state = self.selection.model.preset, self.state
        names = list(preset.data.target_names) if preset else []
        names = names or [f"output {k + 1}" for k in range(len(found.values))]
        units = state.found.target_units if state.found else ()
        lines = []
        for k, (name, value) in enumerate(zip(names, found.values, strict=False)):
            unit = f" ({units[k]})" if k < len(units) and units[k] else ""
            label = fit(clean(plain_text(f"{name}{unit}"), look), max(4, width // 3), look.glyphs.more)
            known = f"  data {_figure(targets[k])}" if k < len(targets) else ""
            parts = [(f"{label} ", look.style()), (_figure(value), look.style(bold=True))]
            lines.append(strip([*parts, (known, look.style(QUIET))], width))
        return [*lines[:room], strip([], width)]


def _figure(value: float) -> str:
    return f"{value:,.5g}" if abs(value) < 1e7 else compact(value, 5)


def _warnings(texts: list[str], width: int, most: int, look: Look) -> list[Line]:
    """What is wrong with the row, in at most so many lines."""
    lines = []
    for text in texts:
        for number, line in enumerate(wrap(clean(text, look), width - 2)):
            lines.append((f"{look.glyphs.up} " if not number else "  ") + line)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"  {look.glyphs.more} {len(texts)} in all"]
    return [strip([(line, look.style(TROUBLE))], width) for line in lines]


PREDICT = Chart(
    "row", "predict", "Fill in a row of inputs and see what the network predicts.", 155, PredictView, has_row
)
