"""Gradient norms by layer as lines over the steps, on a logarithmic axis, drawn by NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment

from tuiml.formatting import compact
from tuiml.tui.charts.landscape import Depth, foot, limits
from tuiml.tui.charts.palette import QUIET, Look, layer_colour
from tuiml.tui.charts.plot import BRAILLE_DOTS
from tuiml.tui.charts.series import in_columns
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, heading, notice, runs

LEFT, RIGHT = 6, 9


def norm_lines(
    depth: Depth,
    width: int,
    height: int,
    *,
    title: str = "",
    cursor: bool = False,
    look: Look | None = None,
    empty: str = "no gradient yet",
) -> list[Line]:
    """One curve per layer, with its number and norm at the right: ``height`` lines of ``width`` cells.

    Where curves cross, that of the later layer is on top; the selected layer is on top of all.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    span = limits(depth.norms)
    head = heading(title, width, height, look)
    if span is None:
        return head + notice(clean(empty, look), width, height - len(head), look)
    below = 1 if height > 4 else 0
    rows = height - len(head) - below
    left, right = (LEFT, RIGHT) if width >= 30 else (0, 0)
    room = width - left - right
    glyphs, owners = _canvas(depth, span, room, rows, look)
    ends = _ends(depth, span, rows)
    lines = []
    for row in range(rows):
        parts = [_label(row, rows, span, left, look), *_cells(glyphs[row], owners[row], depth, look)]
        lines.append(Line([*parts, _end(ends.get(row), depth, right, look)], width))
    return head + lines + ([foot(depth, width, left, room, cursor, look)] if below else [])


def _up(powers: NDArray[np.float64], span: tuple[int, int], dots: int) -> NDArray[np.intp]:
    """Dots from the top to a power of ten."""
    fraction = (np.clip(powers, *span) - span[0]) / (span[1] - span[0])
    return np.rint((1 - fraction) * (dots - 1)).astype(np.intp)


def _canvas(
    depth: Depth, span: tuple[int, int], width: int, rows: int, look: Look
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The dots of each cell, and the layer on top in it (-1: none): (rows, width) each."""
    across, down = (2, 4) if look.unicode else (1, 1)
    with np.errstate(all="ignore"):
        powers = np.clip(np.log10(depth.norms), *span)
    shown = in_columns(powers, depth.steps, width * across)
    glyphs = np.zeros((rows, width), dtype=np.intp)
    owners = np.full((rows, width), -1, dtype=np.intp)
    order = sorted(range(len(depth.layers)), key=lambda i: depth.layers[i] == depth.selected)
    for place in order:
        known = np.flatnonzero(~np.isnan(shown[:, place]))
        at = _up(shown[known, place], span, rows * down)
        row, column = at // down, known // across
        bits = BRAILLE_DOTS[at % down, known % across] if look.unicode else np.ones(len(at), dtype=np.intp)
        np.bitwise_or.at(glyphs, (row, column), bits)
        owners[row, column] = place
    return glyphs, owners


def _cells(glyphs: NDArray[np.intp], owners: NDArray[np.intp], depth: Depth, look: Look) -> list[Segment]:
    text = "".join(
        [(chr(0x2800 + dots) if look.unicode else "*") if dots else " " for dots in glyphs.tolist()]
    )
    styles = [look.style(layer_colour(layer)) for layer in depth.layers] + [PLAIN]  # the last for -1
    return [Segment(text[start:end], styles[place]) for place, start, end in runs(owners.tolist())]


def _label(row: int, rows: int, span: tuple[int, int], width: int, look: Look) -> Segment:
    """The label of a power of ten, in each row at which one begins."""
    if not width:
        return Segment("", PLAIN)
    stride = max(1, -(-(span[1] - span[0]) // max(1, rows - 1)))
    powers = np.arange(span[0], span[1] + 1, stride, dtype=np.float64)
    here = [power for power, at in zip(powers, _up(powers, span, rows), strict=True) if at == row]
    glyphs = look.glyphs
    text = f"1e{here[0]:.0f}".rjust(width - 1) + glyphs.tick if here else " " * (width - 1) + glyphs.vertical
    return Segment(text, look.style(QUIET))


def _ends(depth: Depth, span: tuple[int, int], rows: int) -> dict[int, int]:
    """The layer whose number is beside each row: the selected, the first and the last have precedence."""
    places = range(len(depth.layers))
    ranks = {depth.selected: 0, depth.layers[0]: 1, depth.layers[-1]: 2}
    found: dict[int, int] = {}
    for place in sorted(places, key=lambda i: ranks.get(depth.layers[i], 3)):
        norm = depth.norms[depth.at, place]
        if not np.isnan(norm):
            with np.errstate(all="ignore"):
                row = int(_up(np.log10(np.array([norm])), span, rows)[0])
            found.setdefault(row, place)
    return found


def _end(place: int | None, depth: Depth, width: int, look: Look) -> Segment:
    if place is None or not width:
        return Segment(" " * width, PLAIN)
    layer = depth.layers[place]
    text = f" {layer}: {compact(float(depth.norms[depth.at, place]), 1)}"
    style = look.style(layer_colour(layer), bold=layer == depth.selected)
    return Segment(fit(text, width, look.glyphs.more), style)
