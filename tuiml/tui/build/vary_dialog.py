"""The dialog that marks a setting as varied: values to tick, more to type, and what the study then costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from tuiml.tui.build.varying import Offer, Scope, typed_values
from tuiml.tui.charts.palette import QUIET, TROUBLE, VARIED
from tuiml.tui.charts.text import clean, fit
from tuiml.tui.keys import action
from tuiml.tui.model.document import Document
from tuiml.tui.model.marks import OPTIMIZER
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.fields import Field
from tuiml.tui.widgets.line_edit import LineEdit
from tuiml.tui.widgets.picker import Part

MOST, ROOM = 20, 8
"""Values shown at once; lines of the screen that the list leaves free."""
PAGE = 10
Cost = Callable[[str, Sequence[Any], bool], str]
"""What a study costs that varies a path over some values, in words; the last: with tuning."""


@dataclass(frozen=True)
class Varied:
    """The answer: the values at a path; none: it is not varied."""

    path: str
    values: tuple[Any, ...]
    other: str = ""
    """The path of the other scope, which is then no longer marked."""
    tune: bool = True
    """Of optimizers: each at its own best learning rate."""


class ValueList(Widget, can_focus=True):
    """Scope, values with their ticks, the text being typed, and what follows from the ticks."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"values--cursor", "values--title", "values--input"}
    DEFAULT_CSS = """
    ValueList { height: auto; width: 1fr; }
    ValueList > .values--cursor { background: $panel; }
    ValueList > .values--title { text-style: bold; }
    ValueList > .values--input { background: $surface-lighten-2; }
    """

    def __init__(self, field: Field, scopes: Sequence[Scope], cost: Cost) -> None:
        super().__init__()
        self.field, self.scopes = field, list(scopes)
        self.at = 0
        """The scope."""
        self.offers = [list(scope.offers) for scope in scopes]
        self.cursor = 0
        self.edit = LineEdit()
        self.said = ""
        self._cost = cost
        self.tune = True

    @property
    def rows(self) -> list[Offer]:
        """The values of the scope."""
        return self.offers[self.at]

    @property
    def ticked(self) -> tuple[Any, ...]:
        """The values that are ticked."""
        return tuple(offer.value for offer in self.rows if offer.ticked)

    @property
    def _height(self) -> int:
        return max(1, min(MOST, max(map(len, self.offers)) + 2, self.app.size.height - ROOM))

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return self._height + 5

    def window(self) -> range:
        """The numbers of the values that are shown."""
        height = self._height
        first = max(0, min(self.cursor - height // 2, len(self.rows) - height))
        return range(first, min(len(self.rows), first + height))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        look, shown = look_of(self), self.window()
        quiet, after = base + look.style(QUIET), y - self._height
        parts: list[Part]
        if y == 0:
            words = self.scopes[self.at].words
            style = base + self.get_component_rich_style("values--title", partial=True)
            parts = [(f"Vary {clean(self.field.label, look)}  ", style), (words, base + look.style(VARIED))]
        elif 1 <= y <= self._height:
            parts = self._row(shown[y - 1], width) if y <= len(shown) else [(" ", base)]
        elif after == 1:
            style = base + self.get_component_rich_style("values--input", partial=True)
            text, caret = self.edit.window(max(1, width - 8))
            parts = [("more: ", quiet), (clean(text[:caret], look), style)]
            parts += [("▏" if look.unicode else "_", style), (clean(text[caret:], look), style)]
        elif after == 2:
            text = self.said or (self.rows[self.cursor].problem if self.rows else "")
            parts = [(fit(clean(text, look), width, look.glyphs.more), base + look.style(TROUBLE))]
        elif after == 3:
            text = self._cost(self.scopes[self.at].path, self.ticked, self.tune)
            parts = [(fit(clean(text, look), width, look.glyphs.more), base + look.style(VARIED))]
        else:
            other = "tab other scope  " if len(self.scopes) > 1 else ""
            if self.field.path == OPTIMIZER:
                other = f"^l {'shared rate' if self.tune else 'own rates'}  "
            keys = f"enter choose  space tick  ^t all, none  {other}esc cancel"
            parts = [(fit(keys, width, look.glyphs.more), quiet)]
        return Strip([Segment(text, style) for text, style in parts]).adjust_cell_length(width, base)

    def _row(self, index: int, width: int) -> list[Part]:
        look, offer, under = look_of(self), self.rows[index], index == self.cursor
        base = self.rich_style
        if under:
            base += self.get_component_rich_style("values--cursor", partial=True)
        mark = f"{look.pointer()} " if under else "  "
        box = f"[{look.glyphs.varied if offer.ticked else ' '}] "
        sign = f"{look.glyphs.up} " if offer.problem else "  "
        room = max(0, width - 8)
        names = min(max((len(o.name) for o in self.rows), default=0) + 2, room)
        return [
            (mark, base + look.style(bold=under)),
            (box, base + look.style(VARIED if offer.ticked else QUIET)),
            (sign, base + look.style(TROUBLE)),
            (fit(clean(offer.name, look), names, look.glyphs.more), base + look.style(bold=under)),
            (fit(clean(offer.formula, look), room - names, look.glyphs.more), base + look.style(QUIET)),
        ]

    def tick(self, index: int) -> None:
        """Tick a value, or take its tick away."""
        if 0 <= index < len(self.rows):
            self.rows[index] = replace(self.rows[index], ticked=not self.rows[index].ticked)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        at, shown = event.get_content_offset(self), self.window()
        if at is not None and 1 <= at.y <= len(shown):
            self.cursor = shown[at.y - 1]
            self.tick(self.cursor)


class VaryDialog(Modal[Varied | None]):
    """Asks which values of a setting a study is to compare.

    Args:
        cost: words for a path and its values: the number of runs, and about how long they take.
    """

    DEFAULT_CSS = """
    VaryDialog { align: center middle; background: $background 60%; }
    VaryDialog > ValueList {
        width: 72; max-width: 96%; border: round $primary; background: $surface; padding: 0 1;
    }
    """

    def __init__(self, field: Field, scopes: Sequence[Scope], document: Document, cost: Cost) -> None:
        super().__init__()
        self._document = document
        self.values = ValueList(field, scopes, cost)
        marked = next((i for i, scope in enumerate(scopes) if scope.path in document.marks.varied), 0)
        self.values.at = marked
        self.values.tune = document.marks.tune

    def compose(self) -> ComposeResult:
        yield self.values

    def on_key(self, event: events.Key) -> None:
        values = self.values
        if event.key == "space" and not values.edit.text:
            values.tick(values.cursor)
        elif values.edit.takes(event.key, event.character):
            values.edit.key(event.key, event.character)
            values.said = ""
            values.refresh()
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.values.edit.insert(" ".join(event.text.split()))
        self.values.refresh()

    @action("enter", "choose", "Add the typed values; vary over those that are ticked.", "vary")
    def action_take_values(self) -> None:
        values = self.values
        scope = values.scopes[values.at]
        if not values.edit.text.strip():
            others = [other.path for other in values.scopes if other is not scope]
            self.dismiss(Varied(scope.path, values.ticked, "".join(others), values.tune))
            return
        found = typed_values(values.field, scope.path, values.edit.text, self._document)
        if isinstance(found, str):
            values.said = found
        else:
            for offer in found:
                self._add(offer)
            values.edit = LineEdit()
        values.refresh(layout=True)

    def _add(self, offer: Offer) -> None:
        rows = self.values.rows
        at = next((i for i, row in enumerate(rows) if row.value == offer.value), len(rows))
        rows[at : at + 1] = [offer]
        self.values.cursor = at

    @action("escape", "cancel", "Change nothing.", "vary")
    def action_no_values(self) -> None:
        self.dismiss(None)

    @action("tab shift+tab", "other scope", "This layer alone, or all layers at once.", "vary")
    def action_other_scope(self) -> None:
        values = self.values
        values.at = (values.at + 1) % len(values.scopes)
        values.cursor = min(values.cursor, max(0, len(values.rows) - 1))
        values.refresh()

    @action("ctrl+l", "own rates", "Optimizers: each at its own best learning rate, or all at one.", "vary")
    def action_tune_rates(self) -> None:
        self.values.tune = self.values.field.path != OPTIMIZER or not self.values.tune
        self.values.refresh()

    @action("ctrl+t", "all, none", "Tick all values, or none.", "vary")
    def action_tick_all(self) -> None:
        values = self.values
        every = all(offer.ticked for offer in values.rows if not offer.problem)
        values.rows[:] = [replace(o, ticked=not every and not o.problem) for o in values.rows]
        values.refresh()

    @action("up", "up", "The value above; space ticks it.", "vary", "offer_up", -1, shown=False)
    @action("down", "down", "The value below.", "vary", "offer_down", 1, shown=False)
    @action("pageup", "page up", "Ten up.", "vary", "offer_page_up", -PAGE, shown=False)
    @action("pagedown", "page down", "Ten down.", "vary", "offer_page_down", PAGE, shown=False)
    def _move(self, by: int) -> None:
        values = self.values
        values.cursor = max(0, min(len(values.rows) - 1, values.cursor + by))
        values.refresh()
