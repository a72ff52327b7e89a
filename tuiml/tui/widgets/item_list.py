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
from textual.widget import Widget
from textual.widgets import Input

from tuiml.runs.columns import COLUMNS, Column, laid_out
from tuiml.tui.charts.palette import QUIET, TROUBLE, VARIED, Look
from tuiml.tui.charts.text import clean, fit, notice
from tuiml.tui.model.item_rows import Row
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.layer_table import CursorKeys

NAME, SHORT_NAME = 14, 22
"""Minimum number of cells that are left for a name beside other text, and in a list with columns."""


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
        self.table: Table | None = None
        """Of rows with cells: how they are laid out."""
        self._empty = "reading"
        self._posted: Hashable | None = None
        self._last: Hashable | None = None  # the last key under the cursor, also while the list is empty

    @property
    def key(self) -> Hashable | None:
        """The key of the item under the cursor."""
        return self.rows[self.cursor].key if self.rows else None

    def set_rows(self, rows: Sequence[Row], empty: str = "", table: Table | None = None) -> None:
        """Replace the rows; the cursor stays on its key or near it. ``empty`` is shown if there are none."""
        self.table = table
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
        look = look_of(self)
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
        pointer = look.pointer(self.has_focus or not self.can_focus)
        before = [
            Segment(pointer if current else " ", base + look.style(bold=True)),
            Segment(look.glyphs.varied if row.marked else " ", base + look.style(VARIED, bold=True)),
        ]
        if self.table and row.cells:
            line = [*before, *self.table.segments(row, room, look, base)]
            return Strip(line).adjust_cell_length(width, base)
        aside = self._aside(row, room - cell_len(mark), cell_len(name), look)
        left = room - cell_len(mark) - (cell_len(aside) + 2 if aside else 0)
        trouble = look.style(TROUBLE)
        segments = [*before, Segment(mark, base + trouble), Segment(fit(name, left, look.glyphs.more), base)]
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


class Table:
    """How rows with a cell for each column of a list of runs are laid out.

    Args:
        by: the column by which they are sorted; ``down``: the greatest first.
    """

    def __init__(self, rows: Sequence[Row], by: Column, down: bool) -> None:
        self.by, self.down = by, down
        cells = [row.cells for row in rows if row.cells]
        texts = [[one.title, *(clean(row[i]) for row in cells)] for i, one in enumerate(COLUMNS)]
        self._widths = [max(map(cell_len, column)) for column in texts]
        self._widths[0] += 2  # the mark of trouble
        self._widths[COLUMNS.index(by)] = max(self._widths[COLUMNS.index(by)], len(by.title) + 2)

    def columns(self, room: int) -> list[tuple[Column, int]]:
        """The columns that fit, with the cells of each; two cells are between them."""
        return laid_out(self._widths, room, self.by, max(SHORT_NAME, room // 4))

    def segments(self, row: Row, room: int, look: Look, base: Style) -> list[Segment]:
        """A row's cells."""
        found: list[Segment] = []
        for column, width in self.columns(room):
            text = clean(row.cells[COLUMNS.index(column)], look)
            style = base
            if column.id == "name" and row.trouble:
                found.append(Segment(look.glyphs.up + " ", base + look.style(TROUBLE)))
                width -= 2
            elif column.id == "state":
                style += look.style(row.colour)
            elif column.id not in ("name", "val"):
                style += look.style(QUIET)
            found += [Segment(_aligned(text, width, column, look), style), Segment("  ", base)]
        return found

    def titles(self, room: int, look: Look) -> list[tuple[Column, str]]:
        """The title of each column, two cells wider; an arrow is at the one by which rows are sorted."""
        arrow = look.glyphs.down if self.down else look.glyphs.up
        return [
            (one, _aligned(f"{one.title} {arrow}" if one is self.by else one.title, width, one, look) + "  ")
            for one, width in self.columns(room)
        ]


def _aligned(text: str, width: int, column: Column, look: Look) -> str:
    short = fit(text, min(width, cell_len(text)), look.glyphs.more)
    space = " " * (width - cell_len(short))
    return space + short if column.number else short + space


class TableHeader(Widget):
    """The titles of a list's columns; a click on one asks to sort by it."""

    DEFAULT_CSS = "TableHeader { height: 1; }"

    @dataclass
    class Clicked(Message):
        """A column's title was clicked."""

        column: Column

    def __init__(self, target: ItemList, *, id: str) -> None:
        super().__init__(id=id)
        self._target = target

    def _titles(self) -> list[tuple[Column, str]]:
        look = look_of(self)
        table = self._target.table
        return table.titles(self._target.size.width - 3, look) if table else []

    def render_line(self, y: int) -> Strip:
        look = look_of(self)
        quiet, bold = look.style(QUIET, bold=True), look.style(bold=True)
        by = self._target.table.by if self._target.table else None
        titles = [
            Segment(text, self.rich_style + (bold if one is by else quiet)) for one, text in self._titles()
        ]
        line = Strip([Segment("  ", self.rich_style), *titles])
        return line.adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        at = 2
        for column, text in self._titles():
            at += cell_len(text)
            if event.x < at:
                self.post_message(self.Clicked(column))
                return


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
