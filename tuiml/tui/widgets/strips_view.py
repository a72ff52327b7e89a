"""A block of strips that scrolls; it is redrawn only when its size or contents change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.layer_table import CursorKeys

Drawing: TypeAlias = Callable[[int, int, Look], Sequence[Line]]
"""A function of width, visible height and look that returns lines of that width."""


class StripsView(CursorKeys, can_focus=True):
    """Shows a drawing; while it has the focus, the cursor keys scroll it."""

    DEFAULT_CSS = """
    StripsView { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawing: Drawing | None = None
        self._strips: Sequence[Line] = ()

    @property
    def text(self) -> str:
        """The text without styles."""
        return "\n".join(strip.text.rstrip() for strip in self._strips)

    def show(self, drawing: Drawing | None, *, top: bool = True) -> None:
        """Show another drawing, from its top unless it is an update of the same."""
        self._drawing = drawing
        if top:
            self.scroll_to(0, 0, animate=False, force=True)
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._draw()

    def _draw(self) -> None:
        width, height = self.size
        look = look_of(self)
        # one cell stays free, so that the text does not touch the scrollbar
        strips = self._drawing(max(1, width - 1), height, look) if self._drawing and width > 1 else ()
        self._strips = strips
        self.virtual_size = Size(0, len(strips))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.size.width
        if row >= len(self._strips):
            return Strip.blank(width, self.rich_style)
        line = self._strips[row].resized(width)
        return Strip(line.segments, width).apply_style(self.rich_style)

    def move_cursor(self, by: int) -> None:
        self.scroll_relative(y=by, animate=False)

    def cursor_to_end(self, last: bool) -> None:
        (self.scroll_end if last else self.scroll_home)(animate=False)

    def move_page(self, by: int) -> None:
        (self.scroll_page_down if by > 0 else self.scroll_page_up)(animate=False)
