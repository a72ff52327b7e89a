"""A picture to draw on, and what the network takes it for."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Any, ClassVar

import numpy as np
from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.timer import Timer

from tuiml.formatting import percent
from tuiml.training.inspection_records import Drawn, Guess, InspectionRequest
from tuiml.tui.chart_views.draw_pad import Pad
from tuiml.tui.chart_views.inspection import names_of, picture_of
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts import pixels
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import clean, fit, notice, strip
from tuiml.tui.keys import bindings
from tuiml.tui.widgets.chart_view import View

OFTEN = 0.1
"""Seconds between two pictures that are sent to be guessed, at least."""
ANEW = 1.0
"""Seconds after which a network that learns is asked again about the same picture."""
BARS = 20
"""Cells beside the picture that the bars need."""


class DrawView(View, can_focus=True):
    """Drawn on by keys or mouse; the network's guess beside it."""

    BINDINGS: ClassVar[list[Any]] = list(bindings("pad"))

    def __init__(self, sight: ChartSelection) -> None:
        super().__init__()
        self.sight = sight
        self.pad = sight.of(Pad)
        self._asked = (-1, -1)  # the picture's version, and the run's step
        self._asked_at = 0.0
        self._timer: Timer | None = None
        self._drawing = False
        self._place = (0, 0, 1)  # of the picture: rows above it, cells before it, scale

    def stamp(self) -> Hashable:
        model = self.sight.model
        self._ask_soon()
        return (model.seen, model.status, self.pad.version)

    def wishes(self) -> list[InspectionRequest]:
        """Nothing again and again: it asks when something was drawn."""
        return []

    # -- what is seen -------------------------------------------------------------------------------------

    def draw(self, width: int, height: int, look: Look) -> list[Strip]:
        size = picture_of(self.sight.model)
        title = (self.pointer(look) + "draw", look.style(bold=True))
        if size is None or width < 12 or height < 4:
            return [strip([title], width)][:height]
        self.pad.fit(size)
        quiet = look.style(QUIET)
        head = strip([title, (f"  {self._words()}", quiet)], width)
        picture = self._picture(width, height - 1, look)
        if picture is None:
            return [head, *notice("z makes room for it", width, height - 1, look)]
        bars = self._bars(width - len_of(picture[0]) - 3, height - 1, look)
        strips = []
        for y in range(max(len(picture), len(bars))):
            row = picture[y] if y < len(picture) else [Segment(" " * len_of(picture[0]))]
            rest = list(bars[y]) if y < len(bars) else []
            strips.append(Strip([*row, Segment("   "), *rest]).adjust_cell_length(width))
        return [head, *strips][:height]

    def _words(self) -> str:
        pad = self.pad
        what = "eraser" if pad.erasing else "pen"
        state = "down" if pad.down else "up"
        return f"{pad.pen} {what}, {state}{', centred' if pad.centred else ''}"

    def _picture(self, width: int, height: int, look: Look) -> list[pixels.Row] | None:
        """The ink with a frame and the cursor; ``None`` where there is no room."""
        rows, columns = self.pad.ink.shape
        scale = min((width - 2 - BARS) // columns, (height - 2) * 2 // rows, 6)
        scale -= scale % 2 if scale > 1 and rows * scale % 2 else 0
        if scale < 1:
            return None
        self._place = (2, 1, scale)
        ink = np.kron(self.pad.ink, np.ones((scale, scale)))
        body = pixels.grey(ink, look)
        y, x = self.pad.y * scale, self.pad.x * scale
        tall = -(-scale // 2)
        for row in range(y // 2, min(y // 2 + tall, len(body))):
            body[row] = with_cursor(body[row], x, scale, look)
        glyphs = look.glyphs
        style = look.style("blue" if self.has_focus else QUIET)
        edge = Segment(glyphs.corner + glyphs.horizontal * (columns * scale) + glyphs.corner, style)
        if look.unicode:
            edges = ("┌" + "─" * (columns * scale) + "┐", "└" + "─" * (columns * scale) + "┘")
        else:
            edges = (edge.text, edge.text)
        side = Segment(glyphs.vertical, style)
        return [
            [Segment(edges[0], style)],
            *([side, *row, side] for row in body),
            [Segment(edges[1], style)],
        ]

    def _bars(self, width: int, height: int, look: Look) -> list[Strip]:
        """The network's shares, one class a line."""
        model = self.sight.model
        found, names = model.learned.get("guess"), names_of(model)
        if model.blind:
            return notice(clean(model.blind, look), width, height, look)
        if self.pad.empty or not isinstance(found, Guess):
            text = "space puts the pen down, arrows move it; or draw with the mouse"
            return notice(text, width, height, look)
        shares = list(found.shares)[: len(names)]
        order = list(range(len(shares)))
        if len(order) > height:
            order = sorted(order, key=lambda k: -shares[k])[:height]
        first = min(max((len(clean(names[k], look)) for k in order), default=1), max(3, width // 3))
        room = max(1, width - first - 10)
        best = max(shares, default=0.0)
        lines = []
        for k in order:
            winner = shares[k] == best
            bar = look.glyphs.bars[-1] * round(shares[k] * room)
            style = look.style(pixels.class_colour(k), bold=winner)
            name = fit(clean(names[k], look), first, look.glyphs.more)
            sign = look.glyphs.left if winner else " "
            parts = [(f"{name} ", look.style(bold=winner)), (fit(bar, room), style)]
            lines.append(
                strip([*parts, (f" {percent(shares[k], 0):>6} {sign}", look.style(bold=winner))], width)
            )
        return lines

    # -- asking -------------------------------------------------------------------------------------------

    def _ask_soon(self) -> None:
        """Ask about what is drawn, no more often than need be."""
        if self._timer is not None or self.pad.empty or not self.is_mounted or not self.display:
            return
        model = self.sight.model
        if model.status in ("empty", "loading", "failed"):
            return
        now = time.monotonic()
        if self.pad.version != self._asked[0]:
            wait = self._asked_at + OFTEN - now
        elif model.step != self._asked[1]:
            wait = self._asked_at + ANEW - now
        else:
            return
        if wait <= 0:
            self._ask()
        else:
            self._timer = self.set_timer(wait, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._asked, self._asked_at = (self.pad.version, self.sight.model.step), time.monotonic()
        client = getattr(self.app, "client", None)
        if client is not None and not self.pad.empty:
            client.guess(Drawn(self.pad.version, self.pad.pixels()))

    def _changed(self) -> None:
        self._ask_soon()
        if self.stale():
            self.build()

    # -- keys ---------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.pad.ink.size) or not action.startswith(("pen_", "pad_", "draw_"))

    def _move(self, dx: int, dy: int, draw: bool = False) -> None:
        self.pad.move(dx, dy, draw)
        self._changed()

    def action_pen_up(self) -> None:
        self._move(0, -1)

    def action_pen_down(self) -> None:
        self._move(0, 1)

    def action_pen_left(self) -> None:
        self._move(-1, 0)

    def action_pen_right(self) -> None:
        self._move(1, 0)

    def action_draw_up(self) -> None:
        self._move(0, -1, True)

    def action_draw_down(self) -> None:
        self._move(0, 1, True)

    def action_draw_left(self) -> None:
        self._move(-1, 0, True)

    def action_draw_right(self) -> None:
        self._move(1, 0, True)

    def action_pen_toggle(self) -> None:
        self.pad.toggle()
        self._changed()

    def action_pen_next(self) -> None:
        self.pad.next_pen()
        self._changed()

    def action_pen_erase(self) -> None:
        self.pad.erasing = not self.pad.erasing
        self.pad.version += 1
        self._changed()

    def action_pad_clear(self) -> None:
        self.pad.clear()
        self._changed()

    def action_pad_centre(self) -> None:
        self.pad.centred = not self.pad.centred
        self.pad.version += 1
        self._changed()

    # -- the mouse ----------------------------------------------------------------------------------------

    def _under(self, event: events.MouseEvent) -> tuple[int, int] | None:
        """The pixel under the mouse."""
        offset = event.get_content_offset(self)
        top, left, scale = self._place
        height, width = self.pad.ink.shape
        if offset is None or not self.pad.ink.size:
            return None
        x, y = (offset.x - left) // scale, ((offset.y - top) * 2 + 1) // scale
        return (x, y) if 0 <= x < width and 0 <= y < height else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        place = self._under(event)
        if place and event.button == 1:
            self._drawing = True
            self.capture_mouse()
            self.pad.go_to(*place, draw=False)
            self.pad.go_to(*place, draw=True)
            self._changed()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        place = self._under(event) if self._drawing else None
        if place:
            self.pad.go_to(*place, draw=True)
            self._changed()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._drawing:
            self._drawing = False
            self.release_mouse()


def len_of(row: pixels.Row) -> int:
    """Cells of a row."""
    return sum(len(segment.text) for segment in row)  # glyphs here are one cell wide


def with_cursor(row: pixels.Row, x: int, width: int, look: Look) -> pixels.Row:
    """A row with the cursor over some of its cells."""
    before, rest = Strip(row).divide([x, len_of(row)])
    _, after = rest.divide([width, rest.cell_length])
    mark = "▒" if look.unicode else "+"
    return [*before, Segment(mark * width, look.style(TROUBLE, bold=True)), *after]
