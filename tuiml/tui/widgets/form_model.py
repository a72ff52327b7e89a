"""The state of the form: the focused field, the text being typed, the open list. Knows no widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tuiml.tui.widgets import fields
from tuiml.tui.widgets.fields import NO, YES, Field, Section
from tuiml.tui.widgets.line_edit import LineEdit
from tuiml.tui.widgets.picker import Picker

Apply = Callable[[Field, Any], None]
"""Called with a field and its new value, ``None`` to leave it out; calls :meth:`FormModel.show`."""

FREE = ("m", "M")
"""Keys that no number is typed with, and that open no list: they mark a field as varied."""
STEPS = {"left": -1, "right": 1, "-": -1, "+": 1}
"""Keys that change a number which is not being typed."""


class FormModel:
    """Sections of fields, one of them focused. Edits are applied at once."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self.sections: list[Section] = []
        self.fields: list[Field] = []
        self.focus = 0
        """Number of the focused field."""
        self.edit: LineEdit | None = None
        """The text of the focused field, if it is a typed one."""
        self.picker: Picker | None = None
        """The open list of choices."""
        self._tail: str | None = None  # last focused field of a layer, also for the next layer

    @property
    def field(self) -> Field | None:
        """The focused field."""
        return self.fields[self.focus] if 0 <= self.focus < len(self.fields) else None

    def show(self, sections: Sequence[Section]) -> None:
        """Show other sections; the field with the same path keeps the focus and text being typed."""
        before = self.field
        self.sections = list(sections)
        self.fields = [f for s in sections for f in s.fields]
        if before is None:
            self.focus = self._entry(0, self.sections[0]) if self.sections else 0
        else:
            self.focus = self._again(before)
        self._load(before)

    def _again(self, before: Field) -> int:
        """The number of the field to focus after the sections changed."""
        found = fields.find(self.sections, before.path)
        if found is not None and self.fields[found].path == before.path:
            return found
        first = self.sections[0] if self.sections else None
        if first and first.layer is not None and before.path.startswith("layers["):
            if self._tail is None:
                return self._entry(0, first)
            found = fields.find(self.sections, first.path + self._tail)
        return found if found is not None else max(0, min(self.focus, len(self.fields) - 1))

    @staticmethod
    def _entry(number: int, section: Section) -> int:
        """The field to focus first in a section; in a layer it is the one after the kind."""
        return number + (section.layer is not None and len(section.fields) > 1)

    def _load(self, before: Field | None) -> None:
        """Fit editor and picker to the focused field."""
        now = self.field
        same = now is not None and before is not None and (now.path, now.kind) == (before.path, before.kind)
        if not same:
            self.picker = None
        if now is None or not now.typed:
            self.edit = None
        elif not same or not self.edit or fields.parse(now, self.edit.text) != fields.parse(now, now.text):
            self.edit = LineEdit(now.text, selected=not same)

    def go(self, number: int) -> bool:
        """Focus a field by its number; True if the focus moved."""
        if not self.fields:
            return False
        before = self.focus
        self.focus = max(0, min(number, len(self.fields) - 1))
        self.picker = self.edit = None
        self._load(None)
        path = self.fields[self.focus].path
        if path.startswith("layers["):
            self._tail = path.partition("]")[2]
        return self.focus != before

    def step(self, by: int) -> bool:
        """To the field below (+1) or above; in an open list to the choice there."""
        if self.picker:
            self.picker.move(by)
            return False
        return self.go(self.focus + by)

    def can_step(self, by: int) -> bool:
        """True if there is a field below (+1) or above, or the list of choices is open."""
        return self.picker is not None or 0 <= self.focus + by < len(self.fields)

    def place_of(self, path: str) -> int | None:
        """Number of the field at a path, or of the nearest one above it."""
        return fields.find(self.sections, path)

    def entry_of(self, path: str) -> int | None:
        """Number of the field where the section at ``path`` is entered (``layers[``: the layer's)."""
        for start, section in zip(self._starts(), self.sections, strict=True):
            if section.path.startswith(path) and bool(section.path) == bool(path):
                return self._entry(start, section)
        return None

    def section_at(self, by: int) -> int:
        """Index of the first field of the next section (+1), or of this one or the one before (−1)."""
        starts = self._starts()
        if by > 0:
            return min((s for s in starts if s > self.focus), default=len(self.fields) - 1)
        return max((s for s in starts if s < self.focus), default=0)

    def _starts(self) -> list[int]:
        starts = [0]
        for section in self.sections:
            starts.append(starts[-1] + len(section.fields))
        return starts[:-1]

    @property
    def steps(self) -> bool:
        """True if keys step through the values of the focused field: a choice, or an untouched number."""
        now = self.field
        if now is None or self.picker:
            return False
        return bool(now.picks) or (now.kind in fields.NUMBERS and self.untouched)

    @property
    def untouched(self) -> bool:
        """True if nothing was typed into the focused field yet: what is typed replaces its text."""
        return self.edit is not None and (self.edit.selected or not self.edit.text)

    def takes(self, key: str, character: str | None) -> bool:
        """True if a key edits the text, filters the open list or opens it."""
        now = self.field
        if self.picker:
            return key == "backspace" or (character is not None and character.isprintable())
        if now is None or (key in FREE and now.kind != "text"):
            return False
        if self.edit is None:
            return character is not None and character.isalpha()
        if self.steps and key in ("left", "right"):
            return False  # the actions of a choice, which step here too
        return self.edit.takes(key, character)

    def key(self, key: str, character: str | None) -> None:
        """Handle a key that :meth:`takes` accepts."""
        if self.edit is None and not self.picker:
            self.open()  # typing finds a choice
        if self.picker:
            if key == "backspace":
                self.picker.rub_out()
            else:
                self.picker.type(character or "")
        elif character in STEPS and self.steps and not self._negative:
            self.cycle(STEPS[character])
        else:
            self._typed(lambda edit: edit.key(key, character))

    @property
    def _negative(self) -> bool:
        """True if the focused number may be below 0: a minus sign is then typed."""
        option = self.field.option if self.field else None
        return option is None or option.low is None or option.low < 0

    def paste(self, text: str) -> None:
        """Insert the first line of a text at the caret."""
        lines = text.strip().splitlines()
        if lines and not self.picker:
            self._typed(lambda edit: edit.insert(lines[0]))

    def _typed(self, change: Callable[[LineEdit], object]) -> None:
        edit, now = self.edit, self.field
        if edit is None or now is None:
            return
        before = edit.text
        change(edit)
        if edit.text != before:
            self._apply(now, fields.parse(now, edit.text))

    def cycle(self, by: int) -> None:
        """The next choice or the next larger number (+1), or the one before."""
        now = self.field
        if now and now.kind in fields.NUMBERS:
            value = fields.stepped(now, by)
            if value is not None:
                self._apply(now, value)
                self._settle()
        elif now and now.picks:
            names = [pick.name for pick in now.picks if not pick.opens]
            at = names.index(now.picked) + by if now.picked in names else 0
            self.pick(names[at % len(names)])

    def pick(self, name: str) -> None:
        """Set a choice by its name."""
        now = self.field
        if now:
            self._apply(now, {YES: True, NO: False}[name] if now.kind == "bool" else name)

    def open(self) -> bool:
        """Begin to edit the focused field, or finish: open its list, or set the choice under the cursor; put
        the caret into its text, or select it again as it will be saved. False if there is nothing to edit."""
        now = self.field
        if self.picker:
            chosen = self.picker.chosen
            self.picker = None
            if chosen:
                self.pick(chosen.name)
        elif now and now.picks:
            self.picker = Picker(now.picks, now.picked)
        elif self.edit is not None and self.untouched:
            self.edit.selected = False
            self.edit.caret = len(self.edit.text)
        elif now and self.edit is not None and not fields.misread(now, self.edit.text):
            self._settle()
        return now is not None

    def _settle(self) -> None:
        """Show the focused field's text as it is saved; what is typed next replaces it."""
        if self.field and self.field.typed:
            self.edit = LineEdit(self.field.text, selected=True)

    def toggle(self) -> None:
        """Switch the focused field, or open its list."""
        if self.field and self.field.kind == "bool" and not self.picker:
            self.cycle(1)
        else:
            self.open()

    @property
    def resettable(self) -> bool:
        """True if the focused field can be reset to its default, or removed."""
        now = self.field
        if now is None or self.picker or not now.text:
            return False
        return now.kind == "unknown" or bool(now.picks and now.placeholder)

    def reset(self) -> None:
        """Reset the focused field to its default."""
        if self.field:
            self._apply(self.field, None)
