"""Axes of a line chart: limits that seldom change, rounded ticks, labels that never overlap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import Format
from tuiml.tui.charts.numbers import log_ticks, nice_limits, nice_ticks, tick_labels
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.series import Floats, column
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, strip

Range: TypeAlias = tuple[float, float]

LARGEST = 1e300
"""Beyond it, sums and differences of limits would overflow."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line behind the curves with a label below the axis, as of the best epoch."""

    x: float
    label: str = ""
    colour: str = QUIET


@dataclass(frozen=True, slots=True)
class Frame:
    """Position of the canvas of a chart, and the limits of its axes.

    Args:
        margin: cells left of the canvas.
        columns, rows: cells of the canvas.
        x, y: the limits; their logarithms if the axis is logarithmic.
        dots: dots of a cell, horizontally and vertically.
    """

    margin: int
    columns: int
    rows: int
    x: Range
    y: Range
    dots: tuple[int, int]

    def across(self, x: Floats) -> Floats:
        """x in dots from the left; beyond the limits, the nearest dot."""
        return _scaled(x, self.x, self.columns * self.dots[0] - 1)

    def up(self, y: Floats) -> Floats:
        """y in dots from the bottom; beyond the limits, the nearest dot."""
        return _scaled(y, self.y, self.rows * self.dots[1] - 1)

    def column(self, x: float) -> int:
        """The column of the canvas, from the left."""
        return int(self.across(np.array([x]))[0] + 0.5) // self.dots[0]

    def x_of(self, column: int) -> float:
        """x in the middle of a column of the canvas; of one beyond it, that of the nearest edge."""
        part = (column + 0.5) * self.dots[0] / max(1, self.columns * self.dots[0] - 1)
        return self.x[0] + min(1.0, max(0.0, part)) * (self.x[1] - self.x[0])

    def row(self, y: float) -> int:
        """The row of the canvas, from the top."""
        return self.rows - 1 - int(self.up(np.array([y]))[0] + 0.5) // self.dots[1]

    def holds(self, mark: Mark) -> bool:
        return self.x[0] <= mark.x <= self.x[1]


def _scaled(values: Floats, limits: Range, last: int) -> Floats:
    low, high = limits
    # clipped first: far beyond the limits, the difference or the quotient would overflow
    return (np.clip(values, low, high) - low) / (high - low) * last


def rounded(low: float, high: float, rows: int, kind: Format) -> Range:
    """Limits of a linear y axis that contains ``low`` and ``high``; for percentages within 0 and 100."""
    lower, upper = nice_limits(low, high, tick_count(rows))
    if kind == "percent" and low >= 0 and high <= 1:
        lower, upper = max(0.0, lower), min(1.0, upper)
    return lower, upper


def widened(low: float, high: float, least: float = 0.5) -> Range:
    """The limits, widened if they are too close to distinguish points."""
    low, high = max(-LARGEST, min(low, high)), min(LARGEST, max(low, high))
    if high - low > 1e-9 * max(abs(low), abs(high)) and high - low > 1e-280:
        return low, high
    margin = max(abs(low) * 1e-3, least)
    return low - margin, high + margin


def tick_count(rows: int) -> int:
    """How many ticks fit on an axis of ``rows`` cells."""
    return max(2, min(8, rows // 2))


def label_margin(labels: Iterable[str], width: int) -> int:
    """Cells for labels and an axis left of a canvas; 0 if there is no label, or no room for them."""
    margin = max(map(len, labels), default=-1) + 1
    return margin if margin > 1 and width - margin >= max(8, width // 2) else 0


def y_labels(limits: Range, rows: int, kind: Format, log: bool) -> list[tuple[float, str]]:
    """Ticks in the units of :class:`Frame`, and their labels."""
    low, high = limits
    if log and low > -300 and high < 300:
        ticks = log_ticks(10**low, 10**high, tick_count(rows))
        return [(math.log10(tick), tick_labels([tick], kind)[0]) for tick in ticks]
    ticks = nice_ticks(low, high, tick_count(rows))
    return list(zip(ticks, tick_labels(ticks, kind), strict=True))


def framed(
    x: Range, y: Range, width: int, rows: int, look: Look, kind: Format = "number", log: bool = False
) -> tuple[Frame, list[tuple[float, str]]]:
    """The frame of a canvas ``rows`` cells high, with a y axis if there is room, and the labels of y."""
    labels = y_labels(y, rows, kind, log)
    margin = label_margin((text for _, text in labels), width)
    return Frame(margin, width - margin, rows, x, y, (2, 4) if look.unicode else (1, 1)), labels


def left_axis(
    body: Sequence[list[Segment]], labels: Sequence[tuple[float, str]], frame: Frame, look: Look
) -> list[Line]:
    """The lines of the canvas, with labels and the axis at the left if the frame has a margin."""
    if not frame.margin:
        return [Line(segments, frame.columns) for segments in body]
    glyphs, quiet = look.glyphs, look.style(QUIET)
    texts: dict[int, str] = {}
    for value, label in labels:
        texts.setdefault(frame.row(value), label)
    lines = []
    for row, segments in enumerate(body):
        edge = glyphs.tick if row in texts else glyphs.vertical
        text = texts.get(row, "").rjust(frame.margin - 1) + edge
        lines.append(Line([Segment(text, quiet), *segments], frame.margin + frame.columns))
    return lines


def bottom_axis(
    frame: Frame,
    rows: int,
    x_label: str,
    marks: Sequence[Mark],
    look: Look,
    labels: Sequence[tuple[float, str]] | None = None,
    cursor: Mark | None = None,
    beside: int = 0,
) -> list[Line]:
    """The x axis: no row, a row of labels (rounded numbers unless given), or a line and labels. The label of
    the axis has precedence, then those of the cursor, the marks and the ticks.

    Args:
        beside: cells at the right of the canvas, where its label may be.
    """
    if not rows:
        return []
    width = frame.margin + frame.columns + beside
    ruler, quiet = Ruler(width), look.style(QUIET)
    label = clean(x_label, look)
    if label and cell_len(label) + 2 <= frame.columns // 2:
        ruler.put(width - cell_len(label), label, quiet)
    for mark in filter(frame.holds, [*([cursor] if cursor else []), *marks]):
        if mark.label:
            text = look.glyphs.up + clean(mark.label, look)
            style = look.style(mark.colour, bold=mark is cursor)
            ruler.near(frame.margin + frame.column(mark.x), text, style)
    if labels is None:
        ticks = nice_ticks(*frame.x, max(1, frame.columns // 10))
        labels = list(zip(ticks, tick_labels(ticks), strict=True))
    notches = [
        frame.column(tick)
        for tick, text in labels
        if ruler.centre(frame.margin + frame.column(tick), text, quiet)
    ]
    return [ruler.strip()] if rows == 1 else [_axis_line(frame, notches, look), ruler.strip()]


def _axis_line(frame: Frame, notches: Sequence[int], look: Look) -> Line:
    glyphs = look.glyphs
    cells = [glyphs.horizontal] * frame.columns
    for at in notches:
        cells[at] = glyphs.notch
    corner = glyphs.corner.rjust(frame.margin) if frame.margin else ""
    return strip([(corner + "".join(cells), look.style(QUIET))], frame.margin + frame.columns)


NEAR = 12
"""Cells that a label may be away from its place."""


class Ruler:
    """A row of labels that stay two cells apart; one that finds no free room is left out."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._parts: list[tuple[int, int, str, Style]] = []

    def centre(self, at: int, text: str, style: Style) -> bool:
        """Put ``text`` around cell ``at``, moved inwards at the ends; False if there is no room."""
        cells = cell_len(text)
        return self.put(max(0, min(at - (cells - 1) // 2, self._width - cells)), text, style)

    def near(self, at: int, text: str, style: Style) -> bool:
        """Put ``text`` around cell ``at``, or beside it if there is no room; False if there is none there."""
        cells = cell_len(text)
        middle = at - (cells - 1) // 2
        starts = sorted(range(max(0, middle - NEAR), middle + NEAR), key=lambda start: abs(start - middle))
        return self.centre(at, text, style) or any(self.put(start, text, style) for start in starts)

    def put(self, start: int, text: str, style: Style) -> bool:
        """Put ``text`` at cell ``start``; False if there is no room."""
        end = start + cell_len(text)
        if end > self._width or any(start < other + 2 and at < end + 2 for at, other, _, _ in self._parts):
            return False
        self._parts.append((start, end, text, style))
        return True

    def strip(self, fill: tuple[str, Style] = (" ", PLAIN)) -> Line:
        """The row, filled with the character ``fill`` between the labels."""
        parts: list[tuple[str, Style]] = []
        cell = 0
        for start, end, text, style in sorted(self._parts, key=lambda part: part[0]):
            parts += [(fill[0] * (start - cell), fill[1]), (text, style)]
            cell = end
        parts.append((fill[0] * (self._width - cell), fill[1]))
        return strip(parts, self._width)


def time_axis(
    ends: tuple[str, str],
    steps: Floats,
    place: tuple[int, int],
    width: int,
    cursor: tuple[float, str] | None,
    look: Look,
) -> Line:
    """The row below a chart over steps: labels of the first and the last, and of the step at the cursor.

    Args:
        place: the number of cells left of the chart, and its width.
        cursor: a step and its label.
    """
    ruler, quiet, (left, room) = Ruler(width), look.style(QUIET), place
    first, last = (clean(label, look) for label in ends)
    if cursor is not None:
        text = look.glyphs.up + clean(cursor[1], look)
        at = left + column(cursor[0], steps, room)
        ruler.put(max(0, min(at, width - len(text))), text, look.style(bold=True))
    start = left if left + len(first) + len(last) + 2 <= width else 0
    ruler.put(start, fit(first, min(len(first), width - start), look.glyphs.more), quiet)
    ruler.put(max(0, left + room - len(last)), last, quiet)
    return ruler.strip()
