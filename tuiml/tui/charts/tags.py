"""Words and markers on the canvas of a line chart, which distinguish many curves without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.axes import Frame
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import clean


@dataclass(frozen=True, slots=True)
class Tag:
    """A text at a point of a curve; a ``name`` is at the right edge, in the nearest free row."""

    x: float
    y: float
    text: str
    colour: str
    name: bool = False


def tagged(canvas: list[list[Segment]], tags: Sequence[Tag], frame: Frame, look: Look) -> list[list[Segment]]:
    """The canvas with the tags over it; earlier ones have precedence, one without room is left out."""
    taken: set[tuple[int, int]] = set()
    for tag in tags:
        text = clean(tag.text, look)
        if not math.isfinite(tag.y) or len(text) > frame.columns:
            continue
        column = (
            frame.columns - len(text) if tag.name else min(frame.column(tag.x), frame.columns - len(text))
        )
        wanted = frame.row(tag.y)
        rows = sorted(range(frame.rows), key=lambda row: abs(row - wanted)) if tag.name else [wanted]
        for row in rows:
            cells = {(row, column + i) for i in range(len(text))}
            if not cells & taken:
                taken |= cells
                canvas[row] = _written(canvas[row], column, text, look.style(tag.colour, bold=True))
                break
    return canvas


def _written(row: list[Segment], column: int, text: str, style: Style) -> list[Segment]:
    """A row with some cells replaced by a text; each character is one cell wide."""
    before, after, start = [], [], 0
    for segment in row:
        before.append(Segment(segment.text[: max(0, column - start)], segment.style))
        after.append(Segment(segment.text[max(0, column + len(text) - start) :], segment.style))
        start += len(segment.text)
    return [part for part in (*before, Segment(text, style), *after) if part.text]
