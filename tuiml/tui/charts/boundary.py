"""The plane as a network sees it: what it takes each point for, with the data's points on top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.training.inspection_records import Boundary
from tuiml.tui.charts.palette import COLOURS, QUIET, Look
from tuiml.tui.charts.pixels import (
    LETTERS,
    SURE,
    Row,
    cell_style,
    class_colour,
    class_mark,
    field_colour,
    halves,
)
from tuiml.tui.charts.text import clean, strip


def field(found: Boundary, width: int, height: int, look: Look, *, points: bool = True) -> list[Row]:
    """``height`` rows of ``width`` cells: each class's ground in its colour, the surer the stronger."""
    per_cell = halves(look)
    winners = _spread(found.winners, found, height * per_cell, width)
    sure = _sureness(_spread(found.shares, found, height * per_cell, width), found.classes)
    marks = _marks(found, width, height) if points else {}
    if per_cell == 2:
        return _coloured(winners, sure, marks, look)
    return _lettered(winners, sure, marks, look)


def _spread(data: bytes, found: Boundary, height: int, width: int) -> NDArray[np.uint8]:
    """The grid's nearest cells for each pixel."""
    grid = np.frombuffer(data, np.uint8).reshape(found.rows, found.columns)
    rows = (np.arange(height) * 2 + 1) * found.rows // (2 * height)
    columns = (np.arange(width) * 2 + 1) * found.columns // (2 * width)
    return grid[rows[:, None], columns[None, :]]


def _sureness(shares: NDArray[np.uint8], classes: int) -> NDArray[np.intp]:
    """Levels from 0, as good as chance, to the highest."""
    chance = 1 / max(2, classes)
    parts = np.clip((shares / 255 - chance) / (1 - chance), 0, 1)
    return np.rint(parts * (SURE - 1)).astype(np.intp)


def _marks(found: Boundary, width: int, height: int) -> dict[tuple[int, int], int]:
    """The cells with points in them, and the class of the last of these."""
    xs, ys = (np.frombuffer(data, np.uint8).astype(int) for data in (found.xs, found.ys))
    columns = np.minimum(xs * width // 255, width - 1)
    rows = np.minimum((255 - ys) * height // 255, height - 1)
    return dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), found.labels, strict=True))


def _coloured(
    winners: NDArray[np.uint8], sure: NDArray[np.intp], marks: dict[tuple[int, int], int], look: Look
) -> list[Row]:
    shade = 0 if look.dark else 1
    names = np.stack([winners, sure], axis=2).tolist()
    rows: list[Row] = []
    for y in range(len(names) // 2):
        row: list[tuple[str, Style]] = []
        for x, (upper, lower) in enumerate(zip(names[2 * y], names[2 * y + 1], strict=True)):
            one, two = (field_colour(label, level, look.dark) for label, level in (upper, lower))
            label = marks.get((y, x))
            if label is None:
                row.append(("▀", cell_style(one, two)))
            else:
                row.append((class_mark(label, look), cell_style(COLOURS[class_colour(label)][shade], two)))
        rows.append(_merged(row))
    return rows


def _lettered(
    winners: NDArray[np.uint8], sure: NDArray[np.intp], marks: dict[tuple[int, int], int], look: Look
) -> list[Row]:
    """Without colour a letter a class, where the network is not undecided; points stand out."""
    rows: list[Row] = []
    for y, (labels, levels) in enumerate(zip(winners.tolist(), sure.tolist(), strict=True)):
        row: list[tuple[str, Style]] = []
        for x, (label, level) in enumerate(zip(labels, levels, strict=True)):
            point = marks.get((y, x))
            if point is None:
                letter = LETTERS[label % len(LETTERS)] if level > 1 else " "
                name = class_colour(label) if look.colour else QUIET
                row.append((letter, look.style(name)))
            else:
                row.append((class_mark(point, look), look.style(class_colour(point), bold=True)))
        rows.append(_merged(row))
    return rows


def _merged(cells: Sequence[tuple[str, Style]]) -> Row:
    row: Row = []
    text, style = "", Style()
    for glyph, own in cells:
        if own is not style and text:
            row.append(Segment(text, style))
            text = ""
        text, style = text + glyph, own
    return [*row, Segment(text, style)] if text else row


def legend(found: Boundary, names: Sequence[str], width: int, look: Look) -> Strip:
    """Which sign and colour is whose, and what the plane's limits are."""
    parts: list[tuple[str, Style]] = []
    for label in range(found.classes):
        name = clean(names[label], look) if label < len(names) else str(label)
        letter = "" if halves(look) == 2 else f" {LETTERS[label % len(LETTERS)]}"
        parts.append((f"{class_mark(label, look)}{letter} {name}  ", look.style(class_colour(label))))
    left, right, bottom, top = map(compact, found.limits)
    dots = look.glyphs.more if look.unicode else ".."
    parts.append((f"x {left}{dots}{right}  y {bottom}{dots}{top}", look.style(QUIET)))
    return strip(parts, width)
