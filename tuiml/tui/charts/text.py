"""Text in cells: made harmless, cut or filled to a width, and joined to strips."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuiml.text import plain_text
from tuiml.tui.charts.palette import Look

PLAIN = Style()


def clean(text: str, look: Look | None = None) -> str:
    """``text`` with control, format and unassigned characters (Unicode category C) replaced.

    Names, notes and labels come from files: an escape sequence in one must not reach the terminal. Where
    ``look`` allows only ASCII, letters lose their accents and other characters are replaced.
    """
    ascii_only = look is not None and not look.unicode
    if text.isprintable() and (text.isascii() or not ascii_only):
        return text
    if ascii_only:
        plain = unicodedata.normalize("NFKD", text.translate(_NEAREST))
        return "".join(
            letter if letter.isascii() and letter.isprintable() else "?"
            for letter in plain
            if not unicodedata.combining(letter)
        )
    return plain_text(text)


_NEAREST = str.maketrans(
    {"·": "-", "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "→": ">", "‖": "|", "Δ": "d", "’": "'"}
)


def fit(text: str, width: int, more: str = "…") -> str:
    """``text`` cut or filled to exactly ``width`` cells; a cut shows as ``more``."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + more
    return set_cell_size(text, width)


def strip(parts: Iterable[tuple[str, Style]], width: int) -> Strip:
    """One strip of ``width`` cells: the parts from left to right, cut or filled at the right."""
    segments: list[Segment] = []
    left = width
    for text, style in parts:
        cells = cell_len(text)
        if cells > left:
            text, cells = set_cell_size(text, left), left
        if cells:
            segments.append(Segment(text, style))
            left -= cells
    if left:
        segments.append(Segment(" " * left, PLAIN))
    return Strip(segments, width)


def blank(width: int) -> Strip:
    return Strip([Segment(" " * width, PLAIN)] if width else [], width)


def notice(message: str, width: int, height: int, look: Look) -> list[Strip]:
    """``message`` in the middle of an otherwise empty block of ``height`` strips, on as many as it takes."""
    lines = textwrap.wrap(message, max(1, width - 2))[:height] or [""]
    above = (height - len(lines)) // 2
    strips = []
    for row in range(height):
        line = lines[row - above] if 0 <= row - above < len(lines) else ""
        text = fit(line, min(width, cell_len(line)), look.glyphs.more)
        indent = " " * ((width - cell_len(text)) // 2)
        strips.append(strip([(indent, PLAIN), (text, look.style("quiet"))], width))
    return strips


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken between words where that is possible."""
    lines: list[str] = []
    for word in text.split():
        for piece in chop_cells(word, max(2, width)):
            joined = f"{lines[-1]} {piece}" if lines else piece
            if lines and cell_len(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines
