"""The network as a diagram: the input and every layer from left to right, as high as their outputs are large.

Source: the drawing of layer widths is that of TensorFlow Playground (Smilkov et al. 2017), with one bar in
place of a layer's units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.palette import QUIET, TROUBLE, Look, layer_colour
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, runs, strip

TITLE = "network"
NARROWEST, WIDEST = 5, 20
"""Cells of a layer with the gap beside it."""
LOWEST = 3
"""Rows of the bars, at least."""
FAR = 16
"""Ratio of the largest to the smallest output from which the heights are on a log scale."""


@dataclass(frozen=True)
class Block:
    """The input (``index`` −1) or a layer.

    Args:
        names: what it is called, from the longest text to the shortest: the first for which all have room.
        shape: the shape of its output in words; ``"?"`` where it is not known.
        values: how many values the output has; 0 where it is not known.
        image: whether the output is an image.
        thin: whether it has no weights.
    """

    index: int
    names: tuple[str, ...]
    shape: str
    values: int
    image: bool = False
    thin: bool = False


@dataclass(frozen=True)
class Frame:
    """The blocks that have room, and the cells of each."""

    shown: Sequence[Block]
    cells: int

    @classmethod
    def of(cls, blocks: Sequence[Block], selected: int, width: int) -> Frame:
        """As many blocks as fit, around the one of the selected layer."""
        count = max(1, min(len(blocks), width // NARROWEST))
        at = next((i for i, block in enumerate(blocks) if block.index == selected), 0)
        first = max(0, min(at - count // 2, len(blocks) - count))
        return cls(blocks[first : first + count], max(1, min(WIDEST, width // count)))

    def at(self, x: int) -> int | None:
        """The layer drawn at a column; ``None``: none is."""
        place = x // self.cells
        index = self.shown[place].index if 0 <= place < len(self.shown) else -1
        return index if index >= 0 else None


def network_diagram(
    blocks: Sequence[Block], selected: int, width: int, height: int, look: Look
) -> list[Line]:
    """``height`` lines of ``width`` cells: a title, bars, and below them names and shapes.

    The bar of the selected layer is solid and its name has a mark, so that neither needs colour.
    """
    if width < NARROWEST or height < LOWEST + 2 or not blocks:
        return []
    frame = Frame.of(blocks, selected, width)
    room = height - 1 - LOWEST
    shapes = _labels([block.shape for block in frame.shown], frame, selected, width, room - 1, look)
    names = _names(frame, selected, room - len(shapes), look)
    below = [*_labels(names, frame, selected, width, room - len(shapes), look), *shapes]
    head, fractions = _scaled(blocks, frame, width, look)
    rows = height - 1 - len(below)
    bars = [_rows(block, fractions[block.index], frame, selected, rows, look) for block in frame.shown]
    lines = []
    for y in range(rows):
        parts = [part for bar in bars for part in bar[y]]
        lines.append(strip(parts, width))
    return [head, *lines, *below][:height]


def _scaled(blocks: Sequence[Block], frame: Frame, width: int, look: Look) -> tuple[Line, dict[int, float]]:
    """The title with what the heights stand for, and the height of each block from 0 to 1."""
    known = [block.values for block in blocks if block.values]
    top, bottom = max(known, default=1), min(known, default=1)
    log = top > FAR * bottom
    fractions = {
        block.index: math.log1p(block.values) / math.log1p(top) if log else block.values / top
        for block in blocks
    }
    part = ""
    if len(frame.shown) < len(blocks):
        first, last = frame.shown[0].index, frame.shown[-1].index
        part = f"  {'input' if first < 0 else first} to {last} of {len(blocks) - 1} layers"
    room = width - cell_len(TITLE)
    texts = (f"{part}  bar height: size of the output{', log scale' * log}",
             f"{part}  height: output size{', log' * log}", part)  # fmt: skip
    words = next((text for text in texts if cell_len(text) <= room), "")
    parts = [(TITLE, look.style(bold=True)), (clean(words, look), look.style(QUIET))]
    return strip(parts, width), fractions


def _rows(
    block: Block, fraction: float, frame: Frame, selected: int, rows: int, look: Look
) -> list[list[tuple[str, Style]]]:
    """The cells of a block and of the gap right of it, row by row."""
    cells, here = frame.cells, block.index == selected
    wide = 1 if block.thin and not block.image else min(cells - 2, 7 if block.image else 2 + (cells >= 8))
    left = (cells - wide) // 2
    right = cells - wide - left
    size = max(1, round(fraction * 2 * rows)) if block.values else 2
    top = (2 * rows - size) // 2
    style = _style(block, here, look)
    last = block is frame.shown[-1]
    found = []
    for y in range(rows):
        filled = [top <= half < top + size for half in (2 * y, 2 * y + 1)]
        middle = y == (rows - 1) // 2
        wire = (look.glyphs.horizontal if middle else " ", look.style(QUIET, faint=True))
        before = wire if block is not frame.shown[0] or block.index >= 0 else (" ", PLAIN)
        after = wire if not last else (" ", PLAIN)
        text = _cell(filled, here, look) * wide if block.values else ("?" if middle else " ") * wide
        found.append([(before[0] * left, before[1]), (text, style), (after[0] * right, after[1])])
    return found


def _style(block: Block, here: bool, look: Look) -> Style:
    if not block.values:
        return look.style(TROUBLE)
    if block.index < 0:
        return look.style(QUIET, faint=look.colour)
    return look.style(layer_colour(block.index), faint=look.colour and not here, bold=here)


def _cell(filled: Sequence[bool], here: bool, look: Look) -> str:
    """A cell of a bar whose halves are filled or not; without colour the selected bar has another shade."""
    if not look.unicode:
        return ("#" if here else ":") if any(filled) else " "
    if look.colour or here:
        return {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}[
            (filled[0], filled[1])
        ]
    return "▒" if any(filled) else " "


def _names(frame: Frame, selected: int, rows: int, look: Look) -> list[str]:
    """The longest names for which all have room, after a mark or a space, so that the mark moves nothing."""
    pointer = "▸" if look.unicode else ">"
    room = frame.cells * min(rows, 2) - 1
    for place in range(max(len(block.names) for block in frame.shown)):
        texts = [
            (pointer if block.index == selected else " ") + block.names[min(place, len(block.names) - 1)]
            for block in frame.shown
        ]
        if all(cell_len(text) <= room for text in texts):
            break
    return texts


def _labels(
    texts: Sequence[str], frame: Frame, selected: int, width: int, most: int, look: Look
) -> list[Line]:
    """A label below every block: in one row, or in two by turns where they have too little room."""
    shown = [clean(text, look) for text in texts]
    rows = 1 if most < 2 or all(cell_len(text) < frame.cells for text in shown) else 2
    room = frame.cells * rows - 1
    lines = []
    for row in range(rows):
        cells: list[tuple[str, Style]] = [(" ", PLAIN)] * width
        for place in range(row, len(shown), rows):
            block, text = frame.shown[place], shown[place]
            text = fit(text, min(room, cell_len(text)), look.glyphs.more)
            start = place * frame.cells + (frame.cells - cell_len(text)) // 2
            start = max(0, min(start, width - cell_len(text)))
            style = look.style(bold=True) if block.index == selected else look.style(QUIET)
            for offset, letter in enumerate(text):
                if start + offset < width:
                    cells[start + offset] = (letter, style)
        lines.append(_joined(cells, width))
    return lines


def _joined(cells: Sequence[tuple[str, Style]], width: int) -> Line:
    """A line of single cells, those of one style in one segment."""
    segments = [
        Segment("".join(letter for letter, _ in cells[start:end]), style)
        for style, start, end in runs(style for _, style in cells)
    ]
    return Line.of(segments).resized(width)
