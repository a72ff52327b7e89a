"""The tabs of the Library in one line, each with the number of its items; a click goes to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tuiml.tui.charts.palette import QUIET
from tuiml.tui.charts.text import clean
from tuiml.tui.widgets.chart_view import look_of


@dataclass(frozen=True)
class Tab:
    """One tab: ``found`` of ``total`` items pass the filter."""

    title: str
    found: int
    total: int

    @property
    def text(self) -> str:
        """``Runs 12 of 40``."""
        count = f"{self.found:,} of {self.total:,}" if self.found != self.total else f"{self.total:,}"
        return f" {self.title} {count} "


class TabBar(Widget):
    """Shows the tabs and which is open."""

    DEFAULT_CSS = "TabBar { height: 1; }"

    @dataclass
    class Clicked(Message):
        """A tab was clicked."""

        title: str

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.tabs: Sequence[Tab] = ()
        self.current = ""
        self._right = ""

    def show(self, tabs: Sequence[Tab], current: str, right: str = "") -> None:
        """Show other tabs; ``right`` is at the right end, where there is room."""
        if (tabs, current, right) != (self.tabs, self.current, self._right):
            self.tabs, self.current, self._right = tabs, current, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        look = look_of(self)
        base, width = self.rich_style, self.size.width
        segments = []
        for tab in self.tabs:
            mine = tab.title == self.current
            style = look.style(bold=True) if mine else look.style(QUIET)
            text = clean(tab.text, look)
            ends = ("[", "]") if mine else (" ", " ")
            segments.append(Segment(f"{ends[0]}{text[1:-1]}{ends[1]} ", base + style))
        left = width - sum(segment.cell_length for segment in segments) - cell_len(self._right) - 1
        if left > 0:
            segments += [
                Segment(" " * left, base),
                Segment(clean(self._right, look), base + look.style(QUIET)),
            ]
        return Strip(segments).adjust_cell_length(width, base)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for tab in self.tabs:
            at += cell_len(tab.text) + 1
            if event.x < at:
                self.post_message(self.Clicked(tab.title))
                return
