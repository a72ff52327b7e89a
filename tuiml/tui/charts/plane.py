"""Maps of two features: predicted classes or numbers, with the examples on top."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import compact, limits_text
from tuiml.training.inspections.boundary import Boundary
from tuiml.training.inspections.surface import Surface
from tuiml.tui.charts.palette import COLOURS, HEAT, QUIET, Look, mixed
from tuiml.tui.charts.pixels import (
    LETTERS,
    SURE,
    Row,
    cell_style,
    class_colour,
    class_mark,
    field_colour,
    glyph_rows,
    halves,
)
from tuiml.tui.charts.text import Line, clean, fit, strip

LEVELS = 22
"""Number of colours of a map: those of the palette, and three between each two of them."""
Points = dict[tuple[int, int], int]
"""The target of the last example in each cell, by row and column."""


def field(found: Boundary, width: int, height: int, look: Look) -> list[Row]:
    """``height`` rows of ``width`` cells in the colours of the classes; stronger where more certain."""
    per_cell = halves(look)
    winners = _nearest(found.predicted, found, height * per_cell, width)
    sure = _certainty(_nearest(found.probabilities, found, height * per_cell, width), found.classes)
    marks = _points(found, found.labels, width, height)
    if per_cell == 2:
        return _coloured_classes(winners, sure, marks, look)
    return _lettered(winners, sure, marks, look)


def heights(found: Surface, width: int, height: int, look: Look) -> list[Row]:
    """``height`` rows of ``width`` cells; light is high. A point of another colour is predicted wrongly."""
    shown = _nearest(found.predictions, found, height * halves(look), width)
    if halves(look) == 1:
        ramp = look.glyphs.shades
        return glyph_rows(shown.astype(np.intp) * (len(ramp) - 1) // 255, ramp, look.style())
    return _coloured_heights(shown, _points(found, found.targets, width, height), look)


def _nearest(data: bytes, found: Boundary | Surface, height: int, width: int) -> NDArray[np.uint8]:
    """For each pixel the value of the nearest grid point."""
    grid = np.frombuffer(data, np.uint8).reshape(found.rows, found.columns)
    rows = (np.arange(height) * 2 + 1) * found.rows // (2 * height)
    columns = (np.arange(width) * 2 + 1) * found.columns // (2 * width)
    return grid[rows[:, None], columns[None, :]]


def _points(found: Boundary | Surface, targets: Iterable[int], width: int, height: int) -> Points:
    xs, ys = (np.frombuffer(data, np.uint8).astype(int) for data in (found.xs, found.ys))
    columns = np.minimum(xs * width // 255, width - 1).tolist()
    rows = np.minimum((255 - ys) * height // 255, height - 1).tolist()
    return dict(zip(zip(rows, columns, strict=True), targets, strict=True))


def _certainty(probabilities: NDArray[np.uint8], classes: int) -> NDArray[np.intp]:
    """Levels of certainty, from 0 (chance) to the highest."""
    chance = 1 / max(2, classes)
    parts = np.clip((probabilities / 255 - chance) / (1 - chance), 0, 1)
    return np.rint(parts * (SURE - 1)).astype(np.intp)


def _coloured_classes(
    winners: NDArray[np.uint8], sure: NDArray[np.intp], points: Points, look: Look
) -> list[Row]:
    def draw(cell: Any, point: int | None) -> Segment:
        upper, lower = (field_colour(label, level, look.dark) for label, level in cell)
        if point is None:
            return Segment("▀", cell_style(upper, lower))
        ink = COLOURS[class_colour(point)][0 if look.dark else 1]
        return Segment(class_mark(point, look), cell_style(ink, lower))

    pixels = np.stack([winners, sure], axis=2)
    return _drawn(np.stack([pixels[::2], pixels[1::2]], axis=2), points, draw)


def _lettered(winners: NDArray[np.uint8], sure: NDArray[np.intp], points: Points, look: Look) -> list[Row]:
    """A letter for each class, blank where the network is undecided; examples stand out."""

    def draw(cell: Any, point: int | None) -> Segment:
        label, level = cell
        if point is not None:
            return Segment(class_mark(point, look), look.style(class_colour(point), bold=True))
        letter = LETTERS[label % len(LETTERS)] if level > 1 else " "
        return Segment(letter, look.style(class_colour(label) if look.colour else QUIET))

    return _drawn(np.stack([winners, sure], axis=2), points, draw)


def _coloured_heights(shown: NDArray[np.uint8], points: Points, look: Look) -> list[Row]:
    colours = [height_colour(value, look) for value in range(256)]

    def draw(cell: Any, point: int | None) -> Segment:
        glyph, ink = ("▀", cell[0]) if point is None else ("●", point)
        return Segment(glyph, cell_style(colours[ink], colours[cell[1]]))

    return _drawn(np.stack([shown[::2], shown[1::2]], axis=2), points, draw)


def _drawn(cells: NDArray[Any], points: Points, draw: Callable[[Any, int | None], Segment]) -> list[Row]:
    """Rows of cells, (rows, columns, …), drawn from their values and the target of an example in them."""
    return [
        list(Segment.simplify([draw(cell, points.get((y, x))) for x, cell in enumerate(row)]))
        for y, row in enumerate(cells.tolist())
    ]


def height_colour(value: int, look: Look) -> str:
    """The colour of a value from 0 to 255."""
    ramp = HEAT if look.dark else HEAT[::-1]
    place = round(value * (LEVELS - 1) / 255) * (len(ramp) - 1) / (LEVELS - 1)
    low = min(int(place), len(ramp) - 2)
    return mixed(ramp[low], ramp[low + 1], round(place - low, 4))


def field_legend(
    found: Boundary, names: Sequence[str], width: int, look: Look, *, axes: Sequence[str] = ()
) -> Line:
    """The marker and colour of each class, and the limits of the plane with the names of its ``axes``."""
    parts: list[tuple[str, Style]] = []
    for label in range(found.classes):
        name = clean(names[label], look) if label < len(names) else str(label)
        letter = "" if halves(look) == 2 else f" {LETTERS[label % len(LETTERS)]}"
        parts.append((f"{class_mark(label, look)}{letter} {name}  ", look.style(class_colour(label))))
    return strip([*parts, _limits(found, axes, look)], width)


def heights_legend(found: Surface, width: int, look: Look, *, axes: Sequence[str] = ()) -> Line:
    """The colours or shades from the lowest to the highest number, and the limits of the plane with the names
    of its ``axes``."""
    parts: list[tuple[str, Style]] = [(f"{compact(found.scale[0])} ", look.style())]
    if halves(look) == 2:
        parts += [("█", Style(color=height_colour(level, look))) for level in range(0, 256, 28)]
    else:
        parts.append((look.glyphs.shades, look.style()))
    return strip(
        [*parts, (f" {compact(found.scale[1])}   ", look.style()), _limits(found, axes, look)], width
    )


def _limits(found: Boundary | Surface, axes: Sequence[str], look: Look) -> tuple[str, Style]:
    (left, right), (bottom, top) = limits_text(*found.limits[:2]), limits_text(*found.limits[2:])
    dots = look.glyphs.more if look.unicode else ".."
    x, y = (fit(name, min(24, cell_len(name))) for name in (clean(name, look) for name in (axes or "xy")[:2]))
    across, up = ("→", "↑") if look.unicode else (">", "^")
    return f"{across} {x} {left}{dots}{right}  {up} {y} {bottom}{dots}{top}", look.style(QUIET)
