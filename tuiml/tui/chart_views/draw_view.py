"""A pad to draw on, and the prediction of the network."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
from rich.segment import Segment
from textual import events

from tuiml.training.inspections.drawing import Drawing, DrawingPrediction
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.draw_pad import Pad
from tuiml.tui.chart_views.example_prediction import ExamplePrediction, class_bars
from tuiml.tui.chart_views.inspection import image_size, is_image, names_of
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts import pixels
from tuiml.tui.charts.palette import QUIET, TROUBLE, Look
from tuiml.tui.charts.text import Line, clean, notice, strip
from tuiml.tui.keys import Keyed, action, key_of
from tuiml.tui.widgets.chart_view import keymap_of

BARS = 20
"""Width of the bars beside the image, in cells."""


class DrawView(Keyed, ExamplePrediction):
    """A pad drawn on by keys or mouse, and the predicted probabilities beside it."""

    def __init__(self, selection: ChartSelection, chart: Chart) -> None:
        super().__init__(selection, chart)
        self.pad = selection.of(Pad)
        self._drawing = False
        self._place = (0, 0, 1)  # of the image: rows above it, cells before it, scale

    @property
    def version(self) -> int:
        return self.pad.version

    def question(self) -> Drawing | None:
        return None if self.pad.empty else Drawing(self.pad.version, self.pad.pixels())

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        size = image_size(self.selection.model)
        title = (self.pointer(look) + self.title, look.style(bold=True))
        if size is None or width < 12 or height < 4:
            return [strip([title], width)][:height]
        self.pad.fit(size)
        head = strip([title, (f"  {self._state()}", look.style(QUIET))], width)
        image = self._image(width, height - 1, look)
        if image is None:
            return [
                head,
                *notice(f"{key_of('enlarge', keymap_of(self))} makes room for it", width, height - 1, look),
            ]
        wide = Line.of(image[0]).cell_length
        bars = self._bars(width - wide - 3, height - 1, look)
        strips = []
        for row, bar in zip_longest(image, bars):
            parts = [*(row or [Segment(" " * wide)]), Segment("   "), *(bar or ())]
            strips.append(Line.of(parts).resized(width))
        return [head, *strips][:height]

    def _state(self) -> str:
        pad = self.pad
        tool = "eraser" if pad.erasing else "pen"
        return f"{pad.pen} {tool}, {'down' if pad.down else 'up'}{', centred' if pad.centred else ''}"

    def _image(self, width: int, height: int, look: Look) -> list[pixels.Row] | None:
        """The ink with a frame and the cursor; ``None`` if there is no room."""
        rows, columns = self.pad.ink.shape
        scale = min((width - 2 - BARS) // columns, (height - 2) * 2 // rows, 6)
        scale -= scale % 2 if scale > 1 and rows * scale % 2 else 0
        if scale < 1:
            return None
        self._place = (2, 1, scale)
        body = pixels.grey(np.kron(self.pad.ink, np.ones((scale, scale))), look)
        top, left = self.pad.y * scale // 2, self.pad.x * scale
        for row in range(top, min(top - (-scale // 2), len(body))):
            body[row] = with_cursor(body[row], left, scale, look)
        glyphs = look.glyphs
        corner = (glyphs.corner, glyphs.corner)
        corners = (("┌", "┐"), ("└", "┘")) if look.unicode else (corner, corner)
        style = look.style("blue" if self.has_focus else QUIET)
        line, side = glyphs.horizontal * (columns * scale), Segment(glyphs.vertical, style)
        above, below = ([Segment(left + line + right, style)] for left, right in corners)
        return [above, *([side, *row, side] for row in body), below]

    def _bars(self, width: int, height: int, look: Look) -> list[Line]:
        """The predicted probabilities, one class per line."""
        model = self.selection.model
        found, names = model.inspections.get(DrawingPrediction.event), names_of(model)
        if model.inspection_problem:
            return notice(clean(model.inspection_problem, look), width, height, look)
        if self.pad.empty or not isinstance(found, DrawingPrediction):
            text = "space puts the pen down, arrows move it; or draw with the mouse"
            return notice(text, width, height, look)
        return class_bars(found.probabilities, names, width, height, look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.pad.ink.size) or not action.startswith(("pen_", "pad_", "draw_"))

    @action("space", "pen", "Pen down: moving draws; and up again.", "pad")
    def action_pen_toggle(self) -> None:
        self.pad.toggle()
        self.changed()

    @action("x", "clear", "Remove all ink.", "pad")
    def action_pad_clear(self) -> None:
        self.pad.clear()
        self.changed()

    @action("b", "pen size", "A fine, a soft, a broad pen.", "pad")
    def action_pen_next(self) -> None:
        self.pad.next_pen()
        self.changed()

    @action("e", "erase", "The pen removes ink, and draws again.", "pad", also="rubber")
    def action_pen_erase(self) -> None:
        self.pad.erasing = not self.pad.erasing
        self.pad.version += 1
        self.changed()

    @action("m", "centre", "Move the centre of mass to the middle.", "pad", also="center")
    def action_pad_centre(self) -> None:
        self.pad.centred = not self.pad.centred
        self.pad.version += 1
        self.changed()

    @action("up k", "up", "Move the pen up.", "pad", "pen_up", (0, -1), shown=False)
    @action("down j", "down", "Move the pen down.", "pad", "pen_down", (0, 1), shown=False)
    @action("left h", "left", "Move the pen to the left.", "pad", "pen_left", (-1, 0), shown=False)
    @action("right l", "right", "Move the pen to the right.", "pad", "pen_right", (1, 0), shown=False)
    @action("shift+up K", "draw up", "Draw upwards.", "pad", "draw_up", (0, -1, True), shown=False)
    @action("shift+down J", "draw down", "Draw downwards.", "pad", "draw_down", (0, 1, True), shown=False)
    @action("shift+left H", "draw left", "Draw to the left.", "pad", "draw_left", (-1, 0, True), shown=False)
    @action(
        "shift+right L", "draw right", "Draw to the right.", "pad", "draw_right", (1, 0, True), shown=False
    )
    def _move(self, by: tuple[int, int] | tuple[int, int, bool]) -> None:
        self.pad.move(*by)
        self.changed()

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
            self.changed()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        place = self._under(event) if self._drawing else None
        if place:
            self.pad.go_to(*place, draw=True)
            self.changed()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._drawing:
            self._drawing = False
            self.release_mouse()


def with_cursor(row: pixels.Row, x: int, width: int, look: Look) -> pixels.Row:
    """A row with the cursor over some of its cells."""
    before, _, after = Segment.divide(row, [x, x + width, Line.of(row).cell_length])
    mark = "▒" if look.unicode else "+"
    return [*before, Segment(mark * width, look.style(TROUBLE, bold=True)), *after]


DRAW = Chart("draw", "draw", "Draw an image and see what the network predicts.", 160, DrawView, is_image)
