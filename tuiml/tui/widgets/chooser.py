"""A dialog to choose one item of a list: a kind of layer, an action."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget

from tuiml.tui.charts.text import clean, fit
from tuiml.tui.keys import action
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.picker import Pick, Picker

MOST, PAGE = 20, 10
ROOM = 6
"""Lines of the screen around the list."""


class PickList(Widget, can_focus=True):
    """Title, the text that filters the list, the picks, and the advice of the pick under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pick--cursor", "pick--title"}
    DEFAULT_CSS = """
    PickList { height: auto; width: 1fr; }
    PickList > .pick--cursor { background: $panel; }
    PickList > .pick--title { text-style: bold; }
    """

    def __init__(self, title: str, picks: Sequence[Pick], current: str) -> None:
        super().__init__()
        self._title = title
        self.picker = Picker(picks, current)
        self._advised = any(pick.advice for pick in picks)

    @property
    def _rows(self) -> int:
        return max(1, min(MOST, len(self.picker.picks), self.app.size.height - ROOM))

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        return self._rows + 1 + self._advised

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        look = look_of(self)
        shown = self.picker.window(self._rows)
        if y == 0:
            style = base + self.get_component_rich_style("pick--title", partial=True)
            typed = self.picker.filter
            hint = (clean(typed, look), base) if typed else ("type to find", base + look.style("quiet"))
            parts = [(f"{self._title}  ", style), hint]
        elif y <= len(shown):
            highlight = base + self.get_component_rich_style("pick--cursor", partial=True)
            parts = self.picker.line(shown[y - 1], width, look, highlight, base)
        elif y == 1 or (y == self._rows + 1 and shown):
            chosen = self.picker.chosen
            text = chosen.advice if chosen else "no matches"
            parts = [(fit("    " + clean(text, look), width), base + look.style("quiet"))]
        else:
            parts = [(" ", base)]
        return Strip([Segment(text, style) for text, style in parts]).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        at, shown = event.get_content_offset(self), self.picker.window(self._rows)
        if at is not None and 1 <= at.y <= len(shown):
            self.picker.cursor = shown[at.y - 1]
            self.screen.dismiss(self.picker.chosen.name if self.picker.chosen else None)


class Chooser(Modal[str | None]):
    """Asks for one item; answers with its name, or ``None``. ``moved`` gets each name under the cursor."""

    DEFAULT_CSS = """
    Chooser { align: center middle; background: $background 60%; }
    Chooser > PickList { max-width: 96%; border: round $primary; background: $surface; padding: 0 1; }
    """

    def __init__(
        self,
        title: str,
        picks: Sequence[Pick],
        current: str = "",
        *,
        width: int = 64,
        moved: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._moved = moved
        self._list = PickList(title, picks, current)
        self._list.styles.width = width

    def compose(self) -> ComposeResult:
        yield self._list

    @property
    def picker(self) -> Picker:
        """The list."""
        return self._list.picker

    def on_key(self, event: events.Key) -> None:
        if event.key == "backspace":
            self.picker.rub_out()
        elif event.character and event.character.isprintable():
            self.picker.type(event.character)
        else:
            return
        event.stop()
        self._changed()

    def _changed(self) -> None:
        self._list.refresh()
        if self._moved and self.picker.chosen:
            self._moved(self.picker.chosen.name)

    @action("enter", "choose", "Take the one under the cursor.", "list")
    def action_pick(self) -> None:
        chosen = self.picker.chosen
        if chosen:
            self.dismiss(chosen.name)

    @action("escape", "cancel", "Take none.", "list")
    def action_no_pick(self) -> None:
        self.dismiss(None)

    @action(
        "up shift+tab", "up", "The one above; typing narrows the list.", "list", "pick_up", -1, shown=False
    )
    @action("down tab", "down", "The one below.", "list", "pick_down", 1, shown=False)
    @action("pageup", "page up", "Ten up.", "list", "pick_page_up", -PAGE, shown=False)
    @action("pagedown", "page down", "Ten down.", "list", "pick_page_down", PAGE, shown=False)
    def _move(self, by: int) -> None:
        self.picker.move(by)
        self._changed()
