"""Points, in dots of the canvas, as styled segments: braille, or one character a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.series import Floats
from tuiml.tui.charts.text import PLAIN, runs

WIDEST = 100_000
"""More columns than any canvas has."""
Cells: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp], list[str]]

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
    text = [[" "] * width for _ in range(height)]
    owners = np.full((height, width), -1, dtype=np.intp)
    styles = [style for _, style in rules] + [stroke.style for stroke in strokes] + [PLAIN]
    for number, (x, _) in enumerate(rules):
        column = int(x + 0.5) // dots[0]
        owners[:, column] = number
        for line in text:
            line[column] = rule
    for number, stroke in enumerate(strokes, len(rules)):
        columns, rows, marks = _cells(stroke, dots)
        for column, row, mark in zip(columns.tolist(), rows.tolist(), marks, strict=True):
            text[height - 1 - row][column] = mark
        owners[height - 1 - rows, columns] = number
    return [
        [Segment("".join(line[start:end]), styles[owner]) for owner, start, end in runs(own)]
        for line, own in zip(text, owners.tolist(), strict=True)
    ]


def _joined(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The dots on the lines between neighbouring points, except at NaN."""
    steps = np.fmax(np.abs(np.diff(x)), np.abs(np.diff(y)))
    counts = np.append(np.fmax(steps, 1), 1).astype(np.intp)
    points = np.arange(len(x))
    place = np.interp(np.arange(counts.sum()), np.cumsum(counts) - counts, points)
    return np.interp(place, points, x), np.interp(place, points, y)


def _cells(stroke: Stroke, dots: tuple[int, int]) -> Cells:
    """Columns from the left, rows from below, and the characters there."""
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
    return columns, rows, marks
