"""The form: all settings of the selected layer, the data, the training and the preset, in one list.

One widget draws all lines and handles all keys, since a widget for each setting would be slow. The settings
and their problems come from :mod:`tuiml.tui.build.sections`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tuiml.tui.keys import Keyed, action, key_of
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.field_help import field_help
from tuiml.tui.widgets.fields import Section
from tuiml.tui.widgets.form_model import Apply, FormModel
from tuiml.tui.widgets.form_render import Line, Styles, View, draw, focused_rows
from tuiml.tui.widgets.lines import Lines

STEPS = ("value_back", "value_next")
"""Actions of a field with choices, or with a number that nothing was typed into."""
TALL = 30
"""Minimum height of a screen with a line more of help."""
APART = ("section_back", "section_next", "layer_back", "layer_next")
"""Actions that are disabled while a list is open."""


class Form(Keyed, ScrollView, can_focus=True):
    """A list of fields; ``apply`` must call :meth:`show`.

    Help for the focused one is in :attr:`help`, a widget of a fixed height: no line moves with the focus.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"form--heading", "form--focus", "form--input"}
    DEFAULT_CSS = """
    Form { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    Form > .form--heading { text-style: bold; }
    Form > .form--focus { background: $panel; }
    Form > .form--input { background: $background; }
    """

    class Left(Message):
        """The user left the form."""

    class Sealed(Message):
        """The focus moved to another field: the next edit is an undo step of its own."""

    class Note(Message):
        """The user wants to edit the note."""

    @dataclass
    class OtherLayer(Message):
        """Go to the layer above (−1) or below (+1), staying in the form."""

        by: int

    def __init__(self, apply: Apply, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.model = FormModel(apply)
        self._drawn: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._seen: tuple[list[Line], int] = ([], 0)
        """Lines and scroll offset as last painted."""
        self._pressed = Line([])
        self._styles: Styles | None = None
        self.help = Lines(id="field-help")

    def show(self, sections: Sequence[Section]) -> None:
        """Show other sections; the field with the same path keeps the focus and text being typed."""
        self.model.show(sections)
        self._redraw()

    def go_to_number(self, number: int | None) -> bool:
        """Focus a field by its index in the form; −1 is the last. False if there is none."""
        if number is None:
            return False
        self._moved(self.model.go(number % max(1, len(self.model.fields))))
        return True

    def go_to_section(self, number: int | None) -> None:
        """Focus the first field of a section, by its index, and show as much of the section as fits."""
        if self.go_to_number(number):
            first = focused_rows(self._drawn, self._view()).start
            self.scroll_to(y=first, animate=False, force=True)

    def _moved(self, elsewhere: bool) -> None:
        if elsewhere:
            self.post_message(self.Sealed())
        self._redraw()
        self.refresh_bindings()

    def jumps(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """The visible line of each field, and what puts the focus on it."""
        lines = enumerate(self._drawn, -self.scroll_offset.y)
        first = {line.field: y for y, line in reversed(list(lines)) if line.field is not None}
        for number, y in first.items():
            if y >= 0:
                yield y, partial(self._jump, number)

    def _jump(self, number: int) -> None:
        self.go_to_number(number)
        self.focus()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """True if the text or the open list uses the key, so that it triggers no binding."""
        return self.model.takes(key, character)

    def on_key(self, event: events.Key) -> None:
        if self.model.takes(event.key, event.character):
            event.stop()
            event.prevent_default()
            if self.model.field is not None and self.model.field.kind == "note":
                self.post_message(self.Note())
                return
            before = self.model.steps, self.model.picker is None
            self.model.key(event.key, event.character)
            self._redraw()
            if before != (self.model.steps, self.model.picker is None):
                self.refresh_bindings()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.model.paste(event.text)
        self._redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        now, picking = self.model.field, self.model.picker is not None
        if now is None:
            return action == "leave_field"
        if action in STEPS:
            return self.model.steps
        if action == "toggle_value":
            return bool(now.picks) and not picking
        if action == "reset_value":
            return self.model.resettable
        return not (picking and action in APART)

    def label(self, action_id: str) -> str | None:
        """The words of an action for the key bar, if the focused field has special ones."""
        now, picking = self.model.field, self.model.picker is not None
        if action_id == "open_field" and now is not None:
            if picking:
                return "choose"
            if now.picks:
                return "choices"
            return "edit" if now.kind == "note" or self.model.untouched else "done"
        if action_id == "reset_value" and now is not None and now.kind == "unknown":
            return "remove"
        if action_id == "value_back":
            return f"{key_of('value_next', getattr(self.app, 'keymap', {}))} change"
        return "cancel" if action_id == "leave_field" and picking else None

    @action("enter", "choose", "Edit the field: its list or its text; again: done.", "field")
    def action_open_field(self) -> None:
        now = self.model.field
        if now is not None and now.kind == "note":
            self.post_message(self.Note())
        elif self.model.open():
            self._redraw()
            self.refresh_bindings()

    @action("escape", "back", "Close the choices; back to the layer table.", "field")
    def action_leave_field(self) -> None:
        if self.model.picker:
            self.model.picker = None
            self._redraw()
            self.refresh_bindings()
        else:
            self.post_message(self.Left())

    @action("right", "more", "The next choice, or a larger number.", "field", "value_next", 1, shown=False)
    @action("left", "change", "The choice before, or a smaller number.", "field", "value_back", -1)
    def _cycle(self, by: int) -> None:
        self.model.cycle(by)
        self._redraw()

    @action("space", "choices", "Open the choices, or switch.", "field", shown=False)
    def action_toggle_value(self) -> None:
        self.model.toggle()
        self._redraw()
        self.refresh_bindings()

    @action("delete backspace", "reset", "Reset to default.", "field", also="default")
    def action_reset_value(self) -> None:
        self.model.reset()

    @action(
        "ctrl+up alt+up", "layer above", "Same field, layer above.", "field", "layer_back", -1, shown=False
    )
    @action("ctrl+down alt+down", "other layer", "Same field, layer below.", "field", "layer_next", 1)
    def _to_layer(self, by: int) -> None:
        self.post_message(self.OtherLayer(by))

    @action("up", "up", "The field above, or the choice above.", "field", "field_up", -1, shown=False)
    @action("down", "down", "The field below, or the choice below.", "field", "field_down", 1, shown=False)
    def _step(self, by: int) -> None:
        self._moved(self.model.step(by))

    @action(
        "shift+tab", "up", "The field above; before the first, the table.", "field", "tab_up", -1, shown=False
    )
    @action("tab", "down", "The field below; after the last, the table.", "field", "tab_down", 1, shown=False)
    def _tab(self, by: int) -> None:
        if self.model.can_step(by):
            self._step(by)
        else:
            self.post_message(self.Left())

    @action("pageup", "section up", "To the section above.", "field", "section_back", -1, shown=False)
    @action("pagedown", "section down", "To the next section.", "field", "section_next", 1, shown=False)
    def _to_section(self, by: int) -> None:
        self.go_to_section(self.model.section_at(by))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        # the press that brings the focus may close a list, which moves lines: use those that the user saw
        lines, top = self._seen
        row = event.y + top
        self._pressed = lines[row] if 0 <= row < len(lines) else Line([])

    def on_click(self, event: events.Click) -> None:
        line, self._pressed = self._pressed, Line([])
        if line.pick is not None and self.model.picker:
            self.model.picker.cursor = line.pick
            self.action_open_field()
        elif line.field is not None:
            again = line.field == self.model.focus
            self.go_to_number(line.field)
            if again and self.model.edit is None:
                self.action_open_field()

    def watch_has_focus(self, focused: bool) -> None:
        super().watch_has_focus(focused)
        if not focused:
            self.model.picker = None
            self.post_message(self.Sealed())
        self._redraw(reveal=focused)

    def on_resize(self) -> None:
        self._strips.clear()
        self._redraw(reveal=self.has_focus)
        self.call_after_refresh(self._redraw, reveal=False)  # the help has its new width only then

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = None
        self._drawn = []  # so that every line is painted again
        if self.is_mounted:
            self._redraw(reveal=False)

    def _view(self) -> View:
        """What a drawing of the form depends on now."""
        model, width, height = self.model, self.scrollable_content_region.width, self.size.height
        look = look_of(self)
        if self._styles is None:
            names = ("heading", "focus", "input")
            found = [self.get_component_rich_style(f"form--{name}", partial=True) for name in names]
            self._styles = Styles(self.rich_style, *found)
        return View(
            model.sections, model.focus, self.has_focus, model.edit, model.picker,
            width, height, look, self._styles,
        )  # fmt: skip

    def _redraw(self, *, reveal: bool = True) -> None:
        model, view = self.model, self._view()
        height = view.height
        before, self._drawn = self._drawn, draw(view)
        lines = 6 if self.app.size.height >= TALL else 5
        self.help.show(field_help(model, self.has_focus, self.help.size.width, lines, view.look))
        self.virtual_size = Size(view.width, len(self._drawn))
        if reveal and (rows := focused_rows(self._drawn, view)):
            self.scroll_to_region(Region(0, rows.start, 1, len(rows)), animate=False, force=True)
        top = self.scroll_offset.y
        for row in range(max(len(before), len(self._drawn))):  # painting every line would take too long
            if before[row : row + 1] != self._drawn[row : row + 1]:
                self._strips.pop(row, None)
                if 0 <= row - top < height:
                    self.refresh(Region(0, row - top, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width, row = self.size.width, y + self.scroll_offset.y
        ground = self._styles.ground if self._styles else self.rich_style
        self._seen = (self._drawn, self.scroll_offset.y)
        if row >= len(self._drawn):
            return Strip.blank(width, ground)
        if row not in self._strips:
            segments = [Segment(text, style) for text, style in self._drawn[row].parts]
            self._strips[row] = Strip(segments).adjust_cell_length(width, ground)
        return self._strips[row]
