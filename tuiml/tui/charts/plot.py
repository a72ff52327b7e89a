"""The only module that calls plotext 5.3: turns points, in dots of the canvas, into styled segments.

plotext has one figure for all threads, hence the lock. Each point costs time, so each cell is passed once.
Its ticks are not rounded and its legend covers the curves, so both are drawn by other modules.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.text import PLAIN, runs

_LOCK = threading.Lock()
WIDEST = 100_000
"""More columns than any canvas has."""
FEW = 8
"""Strokes that are left to plotext; of more, each would make a key wait longer."""
Cells = tuple[list[int], list[int], list[str]]
"""Columns from the left, rows from below, and the characters there."""

BRAILLE = "braille"
BRAILLE_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of the dots of a braille cell, from the top: left, right."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Points to draw in one style.

    Args:
        x, y: in dots from the left and the bottom; 0 is the middle of the first dot. NaN is a gap.
        marker: one character, or ``BRAILLE``.
        joined: whether lines connect the points.
    """

    x: Floats
    y: Floats
    style: Style
    marker: str = BRAILLE
    joined: bool = True


def draw(
    strokes: Sequence[Stroke],
    width: int,
    height: int,
    *,
    dots: tuple[int, int],
    rules: Sequence[tuple[float, Style]] = (),
    rule: str = "│",
) -> list[list[Segment]]:
    """Draw strokes over each other, the last on top, on a canvas of ``width`` × ``height`` cells.

    Args:
        strokes: at least one with points; all are inside the canvas.
        dots: dots of a cell, horizontally and vertically.
        rules: x, in dots, and style of vertical lines behind the strokes.
        rule: the character of these lines.

    Returns:
        ``height`` lines of segments, each ``width`` cells.
    """
    columns = [int(x + 0.5) // dots[0] for x, _ in rules]
    styles = [*(style for _, style in rules), *(stroke.style for stroke in strokes)]
    cells = [_cells(stroke, dots) for stroke in strokes]
    if len(strokes) > FEW:
        return _composed(cells, columns, styles, width, height, rule)
    with _LOCK:
        plotext = _empty_plot(width, height)
        # plotext's colours only number the styles, which are applied afterwards
        for number, column in enumerate(columns, 1):
            plotext.vertical_line(column, color=number)
        for number, (across, up, marks) in enumerate(cells, len(columns) + 1):
            plotext.scatter(across, up, marker=marks, color=number)
        painted = plotext.build()
    return [
        [Segment(text, styles[int(number) - 1] if number else PLAIN) for number, text in _PAINTED(line)]
        for line in painted.replace("│", rule).splitlines()
    ]


def _composed(
    cells: Sequence[Cells], rules: Sequence[int], styles: Sequence[Style], width: int, height: int, rule: str
) -> list[list[Segment]]:
    """The same canvas without plotext, whose time grows with the number of strokes.

    Args:
        rules: their columns; ``styles`` has theirs first.
    """
    text = [[" "] * width for _ in range(height)]
    owners = np.full((height, width), len(styles), dtype=np.intp)
    for number, column in enumerate(rules):
        owners[:, column] = number
        for line in text:
            line[column] = rule
    for number, (columns, rows, marks) in enumerate(cells, len(rules)):
        for column, row, mark in zip(columns, rows, marks, strict=True):
            text[height - 1 - row][column] = mark
        owners[height - 1 - np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)] = number
    inks = [*styles, PLAIN]
    return [
        [Segment("".join(line[start:end]), inks[owner]) for owner, start, end in runs(own)]
        for line, own in zip(text, owners.tolist(), strict=True)
    ]


def _empty_plot(width: int, height: int) -> Any:
    """plotext with an empty figure in units of cells."""
    import plotext  # imported late: it takes 35 ms, more than the rest of a first screen

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.theme("clear")
    plotext.frame(False)
    plotext.xticks([])
    plotext.yticks([])
    # equal limits would divide by zero on a canvas of one cell
    plotext.xlim(0, max(1, width - 1))
    plotext.ylim(0, max(1, height - 1))
    return plotext


_PAINTED = re.compile(r"(?:\x1b\[38;5;(\d+)m)?([^\x1b]+)\x1b\[0m").findall
"""The colour number, if any, and the text of each part of a line."""


def _joined(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The dots on the lines between neighbouring points, except at NaN."""
    steps = np.fmax(np.abs(np.diff(x)), np.abs(np.diff(y)))
    counts = np.append(np.fmax(steps, 1), 1).astype(np.intp)
    points = np.arange(len(x))
    place = np.interp(np.arange(counts.sum()), np.cumsum(counts) - counts, points)
    return np.interp(place, points, x), np.interp(place, points, y)


def _cells(stroke: Stroke, dots: tuple[int, int]) -> Cells:
    """Columns, rows and characters of the cells of a stroke, in half the time that plotext takes."""
    x, y = np.floor(stroke.x + 0.5), np.floor(stroke.y + 0.5)
    if stroke.joined:
        x, y = _joined(x, y)
    known = np.isfinite(y)
    x, y = (np.floor(v[known] + 1e-9).astype(np.intp) for v in (x, y))
    cells, owners = np.unique(y // dots[1] * WIDEST + x // dots[0], return_inverse=True)
    rows, columns = np.divmod(cells, WIDEST)
    marks = [stroke.marker] * len(cells)
    if stroke.marker == BRAILLE:
        bits = np.zeros(len(cells), dtype=np.intp)
        np.bitwise_or.at(bits, owners, BRAILLE_DOTS[3 - y % 4, x % 2])
        marks = [chr(0x2800 + bit) for bit in bits.tolist()]
    return columns.tolist(), rows.tolist(), marks
