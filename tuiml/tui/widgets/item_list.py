"""A list of names under headings, drawn line by line: a thousand rows cost no more than a page."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widgets import Input

from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, fit, notice
from tuiml.tui.model.item_rows import Row
from tuiml.tui.widgets.layer_table import CursorKeys

NAME = 14
"""Minimum number of cells that are left for a name beside other text."""


class ItemList(CursorKeys, can_focus=True):
    """Rows with a cursor that stays on the same item when the rows change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"list--cursor"}
    DEFAULT_CSS = """
    ItemList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    ItemList > .list--cursor { background: $surface; }
    ItemList:focus > .list--cursor { background: $panel; text-style: bold; }
    """

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the current row; never a heading unless there is nothing else."""

    @dataclass
    class Moved(Message):
        """The cursor is on another item; ``key`` is ``None`` if the list is empty."""

        key: Hashable | None

    class Chosen(Moved):
        """A double click on a row."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: list[Row] = []
        self._empty = "reading"
        self._posted: Hashable | None = None
        self._last: Hashable | None = None  # the last key under the cursor, also while the list is empty

    @property
    def key(self) -> Hashable | None:
        """The key of the item under the cursor."""
        return self.rows[self.cursor].key if self.rows else None

    def set_rows(self, rows: Sequence[Row], empty: str = "") -> None:
        """Replace the rows; the cursor stays on its key or near it. ``empty`` is shown if there are none."""
        last, index = self._last, self.cursor
        self.rows, self._empty = list(rows), empty
        self.virtual_size = Size(0, len(self.rows))
        where = next((i for i, row in enumerate(self.rows) if last is not None and row.key == last), index)
        self.set_reactive(ItemList.cursor, self.validate_cursor(where))
        self._reveal()
        self.refresh()
        self._post_moved()

    def select(self, key: Hashable) -> bool:
        """Put the cursor on ``key``; ``False`` if it is not in the list."""
        for index, row in enumerate(self.rows):
            if row.key == key:
                self.cursor = index
                return True
        return False

    def validate_cursor(self, cursor: int) -> int:
        """The nearest row that is no heading: below the cursor, or else above it."""
        cursor = max(0, min(cursor, len(self.rows) - 1))
        onward = range(cursor, len(self.rows))
        back = range(cursor - 1, -1, -1)
        return next((i for part in (onward, back) for i in part if self.rows[i].key is not None), 0)

    def watch_cursor(self, old: int, new: int) -> None:
        self._repaint(old)
        self._repaint(new)
        self._reveal()
        self._post_moved()

    def _post_moved(self) -> None:
        self._last = self.key or self._last
        if self.key != self._posted:
            self._posted = self.key
            self.post_message(self.Moved(self.key))

    def _reveal(self) -> None:
        above = self.cursor
        while above > 0 and self.rows[above - 1].key is None:
            above -= 1
        self.scroll_to_region(Region(0, above, 1, self.cursor - above + 1), animate=False, force=True)

    def move_cursor(self, by: int) -> None:
        cursor = self.cursor + by
        while by < 0 <= cursor and self.rows[cursor].key is None:
            cursor -= 1  # going up, the row nearest to a heading is above it
        self.cursor = max(0, cursor) if self.rows else 0

    def cursor_to_end(self, last: bool) -> None:
        self.cursor = len(self.rows) - 1 if last else 0

    def go_section(self, direction: int) -> None:
        """To the first row of the next section (+1), or of this one and then the one before (−1)."""
        starts = [
            i
            for i, row in enumerate(self.rows)
            if row.key is not None and (not i or self.rows[i - 1].key is None)
        ]
        if direction > 0:
            self.cursor = next((i for i in starts if i > self.cursor), self.cursor)
        else:
            self.cursor = next((i for i in reversed(starts) if i < self.cursor), self.cursor)

    def on_click(self, event: events.Click) -> None:
        row = event.y + self.scroll_offset.y
        if 0 <= row < len(self.rows) and self.rows[row].key is not None:
            self.cursor = row
            if event.chain == 2:
                self.post_message(self.Chosen(self.key))

    def _repaint(self, row: int) -> None:
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width, row = self.size.width, y + self.scroll_offset.y
        look = getattr(self.app, "look", None) or Look()
        if not self.rows and y == min(2, self.size.height - 1):
            said = notice(clean(self._empty, look), width, 1, look)[0]
            return Strip(said.segments, width).apply_style(self.rich_style)
        if row >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        item = self.rows[row]
        return self._heading(item, width, look) if item.key is None else self._line(item, row, width, look)

    def _heading(self, row: Row, width: int, look: Look) -> Strip:
        style = self.rich_style + look.style(QUIET, bold=True)
        text = clean(row.name, look)
        return Strip([Segment(fit(f" {text}" if text else "", width, look.glyphs.more), style)], width)

    def _line(self, row: Row, index: int, width: int, look: Look) -> Strip:
        base, current = self.rich_style, index == self.cursor
        if current:
            base += self.get_component_rich_style("list--cursor", partial=True)
        name = clean(row.name, look)
        room = width - 3  # the cursor's mark before, one cell after
        mark = look.glyphs.up + " " if row.trouble else ""
        aside = self._aside(row, room - cell_len(mark), cell_len(name), look)
        left = room - cell_len(mark) - (cell_len(aside) + 2 if aside else 0)
        trouble = look.style(TROUBLE)
        pointer = f"{look.pointer(self.has_focus or not self.can_focus)} " if current else "  "
        segments = [
            Segment(pointer, base + look.style(bold=True)),
            Segment(mark, base + trouble),
            Segment(fit(name, left, look.glyphs.more), base),
        ]
        if aside:
            colour: Style = trouble if row.trouble else look.style(row.colour)
            segments.append(Segment("  " + aside, base + colour))
        return Strip(segments).adjust_cell_length(width, base)

    def _aside(self, row: Row, room: int, name: int, look: Look) -> str:
        """The longest that fits beside the name; else the shortest, if the name may be cut for it."""
        texts = [clean(text, look) for text in row.asides]
        for text in texts:
            if name + 2 + cell_len(text) <= room:
                return text
        return texts[-1] if texts and row.cut and room - 2 - cell_len(texts[-1]) >= NAME else ""


class FilterInput(Input):
    """An input whose arrow keys move the cursor of ``target``."""

    BINDINGS: ClassVar[list[Any]] = [
        b for b in ItemList.BINDINGS if b.key in ("up", "down", "pageup", "pagedown")
    ]
    DEFAULT_CSS = """
    FilterInput { border: none; height: 1; padding: 0 1; background: $panel; }
    FilterInput:focus { border: none; }
    """

    def __init__(self, target: ItemList, placeholder: str, *, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id, max_length=1000)
        self._target = target

    def action_cursor_up(self) -> None:
        self._target.move_cursor(-1)

    def action_cursor_down(self) -> None:
        self._target.move_cursor(1)

    def action_page_up(self) -> None:
        self._target.move_page(-1)

    def action_page_down(self) -> None:
        self._target.move_page(1)
