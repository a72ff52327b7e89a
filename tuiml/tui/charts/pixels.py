"""Images in cells: two pixels per cell, or one shade if half cells cannot be drawn."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.bars import by_area, glyph_lines
from tuiml.tui.charts.palette import COLOURS, Look, ground, mixed
from tuiml.tui.charts.text import runs

Row = list[Segment]
GREYS = 16
SIGNED = 8
"""Levels on each side of zero."""
RAMP = "=- +#"
"""Without colour: far below, below, about, above and far above zero."""
CLASS_COLOURS = ("blue", "orange", "green", "purple", "yellow", "indigo")
MARKS = "●▲■◆▼★○△□◇▽☆"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SURE = 6
"""Levels of a class's colour."""
_INKS = ("#f4f4f4", "#101010")
_FEW = ("#55ffff", "#5555ff", "#aa5500", "#ffff55"), ("#0000aa", "#5555ff", "#ff55ff", "#aa00aa")
"""Far below, below, above and far above zero in a terminal of 16 colours, on dark and on light."""


def resized(picture: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """The image in another size: each new pixel is the mean of the area that it covers."""
    if not height or not width:
        return np.zeros((height, width))
    found = picture.astype(np.float64)
    if found.shape[0] != height:
        found = by_area(found.T, height).T * (height / found.shape[0])
    if found.shape[1] != width:
        found = by_area(found, width) * (width / found.shape[1])
    return found


def halves(look: Look) -> int:
    """Pixels per cell, one above the other."""
    return 2 if look.colour and look.unicode else 1


def grey(picture: NDArray[Any], look: Look) -> list[Row]:
    """An image of 0 (no ink) to 1 (ink) as rows of cells, two pixel rows each."""
    if halves(look) == 2:
        levels = np.rint(np.clip(picture, 0, 1) * (GREYS - 1)).astype(np.intp)
        return in_halves(levels, _greys(look.dark))
    shades = look.glyphs.shades
    levels = np.ceil(np.clip(_paired(picture), 0, 1) * (len(shades) - 1) - 0.25).astype(np.intp)
    return glyph_rows(levels, shades, look.style())


def signed(picture: NDArray[Any], look: Look) -> list[Row]:
    """An image of -1 to 1: blue below zero, orange above; characters if there is no colour."""
    if halves(look) == 2:
        levels = np.rint(np.clip(picture, -1, 1) * SIGNED).astype(np.intp) + SIGNED
        return in_halves(levels, _diverging(look.dark, look.few))
    levels = np.rint(np.clip(_paired(picture), -1, 1) * 2).astype(np.intp) + 2
    return glyph_rows(levels, RAMP, look.style())


def signed_scale(low: str, high: str, words: str, look: Look) -> list[tuple[str, Style]]:
    """The colours or characters of :func:`signed` from ``low`` over 0 to ``high``."""
    quiet, none = look.style("quiet"), (" ", look.style())
    if halves(look) == 2:
        cells = [("█", Style(color=colour)) for colour in _diverging(look.dark, look.few)]
    else:
        cells = [(sign, look.style()) for sign in RAMP if sign != " "]
        cells.insert(2, none)
    half = len(cells) // 2
    parts = [(f"{low} ", quiet), *cells[:half], (" 0 ", quiet), *cells[half + 1 :], (f" {high}", quiet)]
    return [*parts, (f" {words}", quiet)] if words else parts


def glyph_rows(levels: NDArray[np.intp], ramp: str, style: Style) -> list[Row]:
    return [[Segment(text, style)] for text in glyph_lines(levels, ramp)]


def _paired(picture: NDArray[Any]) -> NDArray[np.float64]:
    """The means of pairs of rows."""
    if len(picture) % 2:
        picture = np.concatenate([picture, picture[-1:] * 0])
    pairs = len(picture) // 2, 2, picture.shape[1]
    found: NDArray[np.float64] = picture.astype(np.float64).reshape(pairs).mean(axis=1)
    return found


def in_halves(levels: NDArray[np.intp], palette: tuple[str, ...]) -> list[Row]:
    """Rows of cells from indices into ``palette``: two rows of pixels each, a last odd one alone."""
    ground = None
    if len(levels) % 2:
        ground, levels = levels.shape[1], np.concatenate([levels, levels[-1:]])
    rows: list[Row] = []
    for pairs in (levels[::2] * len(palette) + levels[1::2]).tolist():
        row: Row = []
        for pair, start, end in runs(pairs):
            upper, lower = divmod(pair, len(palette))
            row.append(Segment("▀" * (end - start), cell_style(palette[upper], palette[lower])))
        rows.append(row)
    if ground is not None:
        rows[-1] = [Segment(s.text, Style(color=s.style.color if s.style else None)) for s in rows[-1]]
    return rows


@lru_cache(8192)
def cell_style(upper: str, lower: str) -> Style:
    """The style of a cell: the foreground is its upper half, the background its lower half."""
    return Style(color=upper, bgcolor=lower)


@lru_cache(2)
def _greys(dark: bool) -> tuple[str, ...]:
    none, ink = mixed(ground(dark), _INKS[0 if dark else 1], 0.08), _INKS[0 if dark else 1]
    return tuple(mixed(none, ink, i / (GREYS - 1)) for i in range(GREYS))


@lru_cache(4)
def _diverging(dark: bool, few: bool) -> tuple[str, ...]:
    none = mixed(ground(dark), _INKS[0 if dark else 1], 0.08)
    if few:  # the nearest of 16 colours to a weak blue or orange is grey
        each = [colour for colour in _FEW[0 if dark else 1] for _ in range(SIGNED // 2)]
        return (*each[:SIGNED], none, *each[SIGNED:])
    below, above = (COLOURS[name][0 if dark else 1] for name in ("blue", "orange"))
    parts = [i / SIGNED for i in range(1, SIGNED + 1)]
    return (
        *(mixed(none, below, part) for part in reversed(parts)),
        none,
        *(mixed(none, above, part) for part in parts),
    )


def class_colour(label: int) -> str:
    """The name of a class's colour."""
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def class_mark(label: int, look: Look) -> str:
    """The marker of the points of a class."""
    return MARKS[label % len(MARKS)] if look.unicode else LETTERS[label % len(LETTERS)].upper()


@lru_cache(512)
def field_colour(label: int, level: int, dark: bool) -> str:
    """The background colour of a class at a level of :data:`SURE`."""
    shade = COLOURS[class_colour(label)][0 if dark else 1]
    return mixed(ground(dark), shade, 0.06 + 0.5 * level / (SURE - 1))
