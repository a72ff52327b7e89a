"""A number over the plane as a map: light is high, with the data's points in the colours of their truths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.training.inspection_records_regression import Heights
from tuiml.tui.charts.palette import HEAT, QUIET, Look
from tuiml.tui.charts.pixels import Row, cell_style, glyph_rows, halves, mixed
from tuiml.tui.charts.text import strip

LEVELS = 22
"""Of colour: three between each two of the palette, and these."""


def heights(found: Heights, width: int, height: int, look: Look) -> list[Row]:
    """``height`` rows of ``width`` cells. A point whose colour differs from its ground is told wrong."""
    per_cell = halves(look)
    grid = np.frombuffer(found.values, np.uint8).reshape(found.rows, found.columns)
    rows = (np.arange(height * per_cell) * 2 + 1) * found.rows // (2 * height * per_cell)
    columns = (np.arange(width) * 2 + 1) * found.columns // (2 * width)
    shown = grid[rows[:, None], columns[None, :]]
    if per_cell == 1:
        ramp = look.glyphs.shades
        levels = shown.astype(np.intp) * (len(ramp) - 1) // 255
        return glyph_rows(levels, ramp, look.style())
    return _coloured(shown, _points(found, width, height), look)


def _points(found: Heights, width: int, height: int) -> dict[tuple[int, int], int]:
    """The cells with points in them, and the truth of the last of these."""
    xs, ys = (np.frombuffer(data, np.uint8).astype(int) for data in (found.xs, found.ys))
    columns = np.minimum(xs * width // 255, width - 1).tolist()
    rows = np.minimum((255 - ys) * height // 255, height - 1).tolist()
    return dict(zip(zip(rows, columns, strict=True), found.truths, strict=True))


def _coloured(shown: NDArray[np.uint8], points: dict[tuple[int, int], int], look: Look) -> list[Row]:
    rows: list[Row] = []
    for y, (upper, lower) in enumerate(zip(shown[::2].tolist(), shown[1::2].tolist(), strict=True)):
        row: Row = []
        for x, (one, two) in enumerate(zip(upper, lower, strict=True)):
            truth = points.get((y, x))
            if truth is None:
                row.append(Segment("▀", cell_style(colour(one, look), colour(two, look))))
            else:
                row.append(Segment("●", cell_style(colour(truth, look), colour(two, look))))
        rows.append(list(Segment.simplify(row)))
    return rows


def colour(value: int, look: Look) -> str:
    """Of a height, 0 to 255."""
    ramp = HEAT if look.dark else HEAT[::-1]
    place = round(value * (LEVELS - 1) / 255) * (len(ramp) - 1) / (LEVELS - 1)
    low = min(int(place), len(ramp) - 2)
    return mixed(ramp[low], ramp[low + 1], round(place - low, 4))


def legend(found: Heights, width: int, look: Look) -> Strip:
    """Which colour or shade is how much, and what the plane's limits are."""
    quiet = look.style(QUIET)
    parts: list[tuple[str, Style]] = [(f"{compact(found.scale[0])} ", look.style())]
    if halves(look) == 2:
        parts += [("█", Style(color=colour(level, look))) for level in range(0, 256, 28)]
    else:
        parts.append((look.glyphs.shades, look.style()))
    parts.append((f" {compact(found.scale[1])}   ", look.style()))
    left, right, bottom, top = map(compact, found.limits)
    dots = look.glyphs.more if look.unicode else ".."
    parts.append((f"x {left}{dots}{right}  y {bottom}{dots}{top}", quiet))
    return strip(parts, width)
