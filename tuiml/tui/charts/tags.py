"""Words and markers on the canvas of a line chart, which distinguish many curves without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.axes import Frame
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import PLAIN, clean, fit


@dataclass(frozen=True, slots=True)
class Tag:
    """A text at a point of a curve."""

    x: float
    y: float
    text: str
    colour: str


def tagged(
    canvas: list[list[Segment]], tags: Sequence[Tag], frame: Frame, look: Look, names: Sequence[Tag] = ()
) -> list[list[Segment]]:
    """The canvas with the tags over it; earlier ones have precedence, one without room is left out.

    Args:
        names: these have precedence; they are at the right edge, in the nearest free row.
    """
    taken: set[tuple[int, int]] = set()
    rows = _name_rows(names, frame)
    for tag, row in [*((names[at], row) for at, row in rows.items()), *((tag, None) for tag in tags)]:
        text = clean(tag.text, look)
        if not math.isfinite(tag.y) or len(text) > frame.columns:
            continue
        last = frame.columns - len(text)
        column = min(frame.column(tag.x), last) if row is None else last
        row = frame.row(tag.y) if row is None else row
        cells = {(row, column + i) for i in range(len(text))}
        if not cells & taken:
            taken |= cells
            canvas[row] = _written(canvas[row], column, text, look.style(tag.colour, bold=True))
    return canvas


def names_beside(tags: Sequence[Tag], width: int, frame: Frame, look: Look) -> list[Segment]:
    """A cell of ``width`` for each row of the canvas, with the names of the curves that end there; of too
    many the first ones."""
    rows = {row: tags[at] for at, row in _name_rows(tags, frame).items()}
    found = []
    for row in range(frame.rows):
        tag = rows.get(row)
        text = fit(f" {clean(tag.text, look)}", width, look.glyphs.more) if tag else " " * width
        found.append(Segment(text, look.style(tag.colour, bold=True) if tag else PLAIN))
    return found


def _name_rows(tags: Sequence[Tag], frame: Frame) -> dict[int, int]:
    """The row of each name, by its number among the tags: one each, in the order of y, as near as there is
    room; of too many the first ones."""
    named = [at for at, tag in enumerate(tags) if math.isfinite(tag.y)][: frame.rows]
    named.sort(key=lambda at: (frame.row(tags[at].y), -tags[at].y))
    groups: list[tuple[list[int], int]] = []  # names in adjacent rows, and the first of these
    for at in named:
        group, first = [at], frame.row(tags[at].y)
        while True:
            first = max(0, min(first, frame.rows - len(group)))
            if not groups or groups[-1][1] + len(groups[-1][0]) <= first:
                break
            group = [*groups.pop()[0], *group]
            middle = sum(frame.row(tags[one].y) for one in group) / len(group)
            first = math.floor(middle - (len(group) - 1) / 2 + 0.5)
        groups.append((group, first))
    return {at: first + place for group, first in groups for place, at in enumerate(group)}


def _written(row: list[Segment], column: int, text: str, style: Style) -> list[Segment]:
    """A row with some cells replaced by a text; each character is one cell wide."""
    before, after, start = [], [], 0
    for segment in row:
        before.append(Segment(segment.text[: max(0, column - start)], segment.style))
        after.append(Segment(segment.text[max(0, column + len(text) - start) :], segment.style))
        start += len(segment.text)
    return [part for part in (*before, Segment(text, style), *after) if part.text]
