"""The layer table of Build and Train: only the columns differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tuiml.tui.charts.palette import layer_colour
from tuiml.tui.charts.text import clean
from tuiml.tui.keys import Keyed, action
from tuiml.tui.model.layer_cells import Cell, Column, Row
from tuiml.tui.widgets.chart_view import look_of

GAP = 2
MARKS = 3
"""Cells at the left of each row: the cursor's mark, the layer's colour, a space."""


class CursorKeys(Keyed, ScrollView):
    """The keys that move a cursor over rows."""

    @action("up k", "up", "Select the layer above.", "table", "cursor_up", -1, shown=False)
    @action("down j", "down", "Select the layer below.", "table", "cursor_down", 1, shown=False)
    def move_cursor(self, by: int) -> None:
        """Move the cursor down by some rows."""
        raise NotImplementedError  # pragma: no cover - every list has one

    @action("home", "first", "Select the first layer.", "table", "cursor_first", False, shown=False)
    @action("end", "last", "Select the last layer.", "table", "cursor_last", True, shown=False)
    def cursor_to_end(self, last: bool) -> None:
        """Move the cursor to the first or the last row."""
        raise NotImplementedError  # pragma: no cover - every list has one

    @action("pageup", "page up", "A page up.", "table", "page_up", -1, shown=False)
    @action("pagedown", "page down", "A page down.", "table", "page_down", 1, shown=False)
    def move_page(self, by: int) -> None:
        """Move the cursor down by some pages."""
        self.move_cursor(by * max(1, self.size.height - 2))


class LayerTable(CursorKeys, can_focus=True):
    """Rows with a cursor. Colours come from the app's ``look``; the cursor has a mark of its own as well."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor"}
    DEFAULT_CSS = """
    LayerTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    LayerTable > .table--cursor { background: $surface; }
    LayerTable:focus > .table--cursor { background: $panel; text-style: bold; }
    """

    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

        index: int

    class Chosen(Moved):
        """Enter, or a double click, on a row."""

    def __init__(self, columns: Sequence[Column], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._rows: list[dict[str, Cell]] = []
        self._strips: dict[int, Strip] = {}
        self._widths: list[tuple[Column, int]] = []
        self._fitted = 0
        """The width that the columns were chosen for."""
        self._styles: tuple[Style, Style] | None = None

    @property
    def row_count(self) -> int:
        return len(self._rows)

    def texts(self) -> list[list[str]]:
        """The titles of all columns, then the cells of each row, without styles."""
        rows = [[row.get(column.key, "") for column in self.columns] for row in self._rows]
        cells = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in rows]
        return [[column.title for column in self.columns], *([cell.strip() for cell in row] for row in cells)]

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all rows; the cursor stays where it is, or moves to the last row."""
        before, self._rows = self._rows, [dict(row) for row in rows]
        widths = self._widths
        self._fit()
        if len(before) == len(self._rows) and widths == self._widths:  # paint only what an edit changed
            for row, cells in enumerate(before):
                if cells != self._rows[row]:
                    self._repaint(row)
            return
        self._strips.clear()
        self.cursor = self.validate_cursor(self.cursor)
        self.refresh()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns of the same rows."""
        self.columns = tuple(columns)
        self._fit()
        self._strips.clear()
        self.refresh()

    def update_cells(self, row: int, cells: Row) -> None:
        """Change some cells of a row; only its line is painted again, and only if something differs."""
        if not 0 <= row < len(self._rows):
            return
        old = self._rows[row]
        if all(old.get(key) == cell for key, cell in cells.items()):
            return
        old.update(cells)
        self._repaint(row)

    @property
    def shown_columns(self) -> list[str]:
        """Keys of the columns that have room now."""
        return [column.key for column, _ in self._widths]

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        self._repaint(old)
        self._repaint(new)
        self.reveal_cursor()
        self.post_message(self.Moved(new))

    def reveal_cursor(self) -> None:
        """Scroll to the line of the cursor, and the header above it."""
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)

    def move_cursor(self, by: int) -> None:
        self.cursor += by

    def cursor_to_end(self, last: bool) -> None:
        self.cursor = len(self._rows) - 1 if last else 0

    @action("enter", "open", "Build: edit the layer. Train: inspect the layer.", "table", rank=-1)
    def action_choose(self) -> None:
        if self._rows:
            self.post_message(self.Chosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + self.scroll_offset.y
        if event.y >= 1 and 0 <= row < len(self._rows):
            self.cursor = row
            if event.chain == 2:
                self.action_choose()

    def _on_resize(self, event: events.Resize) -> None:
        self._fit()
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._styles = None

    def _grounds(self) -> tuple[Style, Style]:
        """The style of a row, and of the one under the cursor."""
        if self._styles is None:
            ground = self.rich_style
            cursor = ground + self.get_component_rich_style("table--cursor", partial=True)
            self._styles = (ground, cursor)
        return self._styles

    def _fit(self) -> None:
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._rows) + 1)
        self._fitted = width = self.scrollable_content_region.width  # a scrollbar may have come or gone
        shown = [column._replace(width=self._width(column)) for column in self.columns]
        while len(shown) > 1 and sum(c.width + GAP for c in shown) - GAP > width - MARKS:
            last = max(shown, key=lambda c: (c.keep, shown.index(c)))
            if not last.keep:
                break
            shown.remove(last)
        spare = max(0, width - MARKS - sum(c.width + GAP for c in shown) + GAP)
        parts = sum(c.grow for c in shown)
        self._widths = [(c, c.width + (spare * c.grow // parts if parts else 0)) for c in shown]

    def _width(self, column: Column) -> int:
        """The minimum width of a column with its present cells."""
        if column.most <= column.width:
            return column.width
        cells = [row.get(column.key, "") for row in self._rows]
        texts = [cell[0] if isinstance(cell, tuple) else cell for cell in cells]
        return min(column.most, max([column.width, *map(cell_len, texts)]))

    def _repaint(self, row: int) -> None:
        self._strips.pop(row, None)
        y = row + 1 - self.scroll_offset.y
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        if (
            self._fitted != self.scrollable_content_region.width
        ):  # chosen while the layout had no place for it
            self._fit()
            self._strips.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        row = y - 1 + self.scroll_offset.y
        if row >= len(self._rows):
            return Strip.blank(width, self._grounds()[0])
        if row not in self._strips:
            self._strips[row] = self._line(row, width)
        return self._strips[row]

    def bar(self, row: int) -> tuple[str, str]:
        """The sign at the beginning of a row, one cell wide, and its colour."""
        return "▌" if look_of(self).unicode else "|", layer_colour(row)

    def _header(self, width: int) -> Strip:
        style = look_of(self).style("quiet")
        cells = [_aligned(c.title, w, c.align, "…") for c, w in self._widths]
        text = clean(" " * MARKS + (" " * GAP).join(cells), look_of(self))
        return Strip([Segment(set_cell_size(text, width), self._grounds()[0] + style)], width)

    def _line(self, row: int, width: int) -> Strip:
        look = look_of(self)
        current = row == self.cursor
        base = self._grounds()[current]
        mark = look.pointer(self.has_focus) if current else " "
        bar, colour = self.bar(row)
        segments = [
            Segment(mark, base + look.style(bold=True)),
            Segment(bar, base + look.style(colour)),
            Segment(" ", base),
        ]
        for index, (column, w) in enumerate(self._widths):
            cell = self._rows[row].get(column.key, "")
            text, style = cell if isinstance(cell, tuple) else (cell, None)
            if index:
                segments.append(Segment(" " * GAP, base))
            text, more = clean(text, look), look.glyphs.more
            segments.append(Segment(_aligned(text, w, column.align, more), base + style if style else base))
        return Strip(segments).adjust_cell_length(width, base)


def _aligned(text: str, width: int, align: str, more: str) -> str:
    cells = cell_len(text)
    if cells > width:
        return set_cell_size(set_cell_size(text, max(0, width - 1)).rstrip() + more, width)
    space = " " * (width - cells)
    return space + text if align == "right" else text + space
