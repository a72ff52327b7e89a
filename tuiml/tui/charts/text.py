"""Text in terminal cells: cleaned, cut or padded to a width, and joined to lines of styled segments."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style

from tuiml.text import plain_text
from tuiml.tui.charts.palette import Look

Key = TypeVar("Key")
PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a drawing: styled segments and their width in cells; a widget turns it into a ``Strip``."""

    segments: Sequence[Segment]
    cell_length: int

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> Line:
        """A line of the width of its segments."""
        return cls(segments, Segment.get_line_length(list(segments)))

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    @property
    def text(self) -> str:
        """The characters without their styles."""
        return "".join([segment.text for segment in self.segments])

    def resized(self, width: int) -> Line:
        """The line cut or padded at the right to ``width`` cells."""
        if width == self.cell_length:
            return self
        return Line(Segment.adjust_line_length(list(self.segments), width, PLAIN), width)


def clean(text: str, look: Look | None = None) -> str:
    """``text`` with control, format and unassigned characters (Unicode category C) replaced.

    Names, notes and labels come from files, and an escape sequence in one must not reach the terminal. If
    ``look`` allows only ASCII, accents are removed and other characters are replaced.
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


_NEAREST = str.maketrans({
    "←": "<", "↑": "^", "↓": "v", "·": "-", "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "→": ">",
    "‖": "|", "Δ": "d", "’": "'", "α": "a", "β": "b", "ε": "eps", "η": "lr", "λ": "lambda", "μ": "mu",
    "ρ": "rho", "σ": "sigma", "Σ": "sum ", "Φ": "Phi", "√": "sqrt", "±": "+-", "≥": ">=", "≤": "<=",
})  # fmt: skip


def fit(text: str, width: int, more: str = "…") -> str:
    """``text`` cut or padded to exactly ``width`` cells; a cut text ends with ``more``."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + more
    return set_cell_size(text, width)


def fit_end(text: str, width: int, more: str = "…") -> str:
    """The end of ``text``, as of a path, in exactly ``width`` cells; a cut one begins with ``more``."""
    if cell_len(text) > width > 0:
        text = more + next(text[i:] for i in range(len(text) + 1) if cell_len(text[i:]) < width)
    return set_cell_size(text, max(0, width))


def strip(parts: Iterable[tuple[str, Style]], width: int, more: str = "") -> Line:
    """A line of ``width`` cells from parts, cut or padded at the right; a cut one ends with ``more``."""
    segments: list[Segment] = []
    left = width
    for text, style in parts:
        cells = cell_len(text)
        if cells > left:
            text, cells = fit(text, left, more) if more else set_cell_size(text, left), left
        if cells:
            segments.append(Segment(text, style))
            left -= cells
    if left:
        segments.append(Segment(" " * left, PLAIN))
    return Line(segments, width)


def blank(width: int) -> Line:
    return Line([Segment(" " * width, PLAIN)] if width else [], width)


def heading(title: str, width: int, height: int, look: Look) -> list[Line]:
    """The title of a drawing of ``height`` lines; none if it is empty or there is no room for it."""
    parts = [(clean(title, look), look.style(bold=True))]
    return [strip(parts, width, look.glyphs.more)] if title and height > 2 else []


def notice(message: str, width: int, height: int, look: Look) -> list[Line]:
    """``message``, wrapped, in the middle of an otherwise empty block of ``height`` lines."""
    lines = textwrap.wrap(message, max(1, width - 2))[:height] or [""]
    above = (height - len(lines)) // 2
    strips = []
    for row in range(height):
        line = lines[row - above] if 0 <= row - above < len(lines) else ""
        text = fit(line, min(width, cell_len(line)), look.glyphs.more)
        indent = " " * ((width - cell_len(text)) // 2)
        strips.append(strip([(indent, PLAIN), (text, look.style("quiet"))], width))
    return strips


def runs(keys: Iterable[Key]) -> Iterator[tuple[Key, int, int]]:
    """Each run of equal keys, with its start and end."""
    start = 0
    for key, run in groupby(keys):
        end = start + len(list(run))
        yield key, start, end
        start = end


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken between words if possible."""
    lines: list[str] = []
    for word in text.split():
        for piece in chop_cells(word, max(2, width)):
            joined = f"{lines[-1]} {piece}" if lines else piece
            if lines and cell_len(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(piece)
    return lines
