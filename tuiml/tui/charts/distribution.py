"""A large histogram, with the counts beyond its ends, and another run's histogram as an outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import percent
from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import glyph_lines, heights, levels_of, positive
from tuiml.tui.charts.palette import QUIET, VALIDATION, Look
from tuiml.tui.charts.scale import Scale, axis, cropped, edge_label, moved
from tuiml.tui.charts.series import Floats, Values, as_floats
from tuiml.tui.charts.text import Line, clean, heading, notice, runs

MANY = 20
"""Number of values beyond an end above which they are given as a fraction."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram.

    Args:
        counts: one for each bin of the scale.
        below, above: values beyond its ends.
    """

    scale: Scale
    counts: Values
    below: float = 0
    above: float = 0

    def fractions(self) -> Floats:
        """The bins as fractions of all values, including those beyond the ends."""
        counts = positive(self.counts)
        total = counts.sum() + max(0.0, self.below) + max(0.0, self.above)
        return counts / total if total > 0 else counts

    def axis(self, other: Bars | None = None) -> Scale:
        """The part of its axis where its values are, and those of another histogram."""
        fractions = self.fractions()
        if other is not None:
            fractions = fractions + other.on(self.scale).fractions()
        return cropped(self.scale, fractions)

    def beyond(self) -> tuple[str, str]:
        """What lies below and above the axis, in words: ``3.2 % < -4.0``, ``1 value > 2.0``; or empty."""
        total = float(positive(self.counts).sum()) + max(0.0, self.below) + max(0.0, self.above)
        ends = ((self.below, "<", self.scale.low), (self.above, ">", self.scale.high))
        below, above = (_beyond(count, total, f"{sign} {edge_label(at)}") for count, sign, at in ends)
        return below, above

    def on(self, scale: Scale) -> Bars:
        """The histogram on another axis."""
        if scale == self.scale:
            return self
        counts, below, above = moved(as_floats(self.counts), self.scale, scale)
        return Bars(scale, counts, self.below + float(below), self.above + float(above))


def _beyond(count: float, total: float, where: str) -> str:
    """A small number of values as it is, else as a fraction."""
    if count < 1e-6:
        return ""
    number = max(1, round(count))
    if number > MANY and count >= 0.001 * total:
        return f"{percent(count / total)} {where}"
    return f"{number:,} value{'s' * (number != 1)} {where}"


def distribution(
    bars: Bars | None,
    width: int,
    height: int,
    *,
    title: str = "",
    colour: str = "blue",
    other: Bars | None = None,
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Line]:
    """Bars over an axis: ``height`` lines of ``width`` cells; none if either is below 1.

    Args:
        bars: the histogram; None if nothing was counted.
        other: drawn as an outline; each histogram is shown as fractions of its own total.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    head = heading(title, width, height, look)
    if bars is None or not bars.fractions().any():
        beyond = [] if bars is None else _ends(bars, width, look)
        rows = height - len(head) - len(beyond)
        return (head + notice(clean(empty, look), width, rows, look) + beyond)[:height]
    foot = [axis(bars.scale, width, look, below=bars.below > 0, above=bars.above > 0)] if height > 1 else []
    if height > 5:
        foot += _ends(bars, width, look)
    shown = [bars.fractions()] + ([other.on(bars.scale).fractions()] if other else [])
    columns, cut = heights(shown, width, bars.scale.zero)
    body = bar_rows(columns, cut, height - len(head) - len(foot), colour, look)
    if cut.any() and len(body) > 2:
        body[0] = _named_spike(body[0], cut, float(shown[0][bars.scale.zero or 0]), look)
    return head + [Line(line, width) for line in body] + foot


def _named_spike(row: list[Segment], cut: NDArray[np.bool_], fraction: float, look: Look) -> list[Segment]:
    """The top row with the size of the spike at zero beside it, if there is room."""
    text = f" {percent(fraction)} at 0 "
    start = int(np.flatnonzero(cut)[-1]) + 1
    if len(row) != 1 or row[0].text[start : start + len(text)] != " " * len(text):
        return row
    bars, style = row[0].text, row[0].style
    parts = [(bars[:start], style), (text, look.style()), (bars[start + len(text) :], style)]
    return [Segment(part, own) for part, own in parts]


def _ends(bars: Bars, width: int, look: Look) -> list[Line]:
    """A row with what lies beyond the ends; no row if nothing does."""
    below, above = bars.beyond()
    if not below and not above:
        return []
    ruler, quiet, glyphs = Ruler(width), look.style(QUIET), look.glyphs
    if len(below) + len(above) + 6 > width:
        below, above = (words.replace(" values", "").replace(" value", "") for words in (below, above))
    if below:
        ruler.put(0, f"{glyphs.left} {below}", quiet)
    if above:
        text = f"{above} {glyphs.right}"
        ruler.put(max(0, width - len(text)), text, quiet)
    return [ruler.strip()]


def bar_rows(
    columns: Sequence[Floats], cut: NDArray[np.bool_], rows: int, colour: str, look: Look
) -> list[list[Segment]]:
    """The first of ``columns`` as bars, in eighths of a cell; a second one as an outline over them."""
    if rows < 1:
        return []
    glyphs, bar = look.glyphs, look.style(colour)
    full = len(glyphs.bars) - 1
    levels = levels_of(columns[0], rows, full)
    if cut.any():
        levels[0, cut] = full + 1
    lines = glyph_lines(levels, glyphs.bars + glyphs.up)
    if len(columns) < 2:
        return [[Segment(text, bar)] for text in lines]
    tops = rows - np.ceil(columns[1] * rows - 1e-9).astype(np.intp)
    kinds = [np.where(tops == row, 1 + (line == full), 0).tolist() for row, line in enumerate(levels)]
    return [_outlined(text, kind, bar, look) for text, kind in zip(lines, kinds, strict=True)]


def _outlined(text: str, kinds: list[int], bar: Style, look: Look) -> list[Segment]:
    """A row of bars with an outline where ``kinds`` is 1 (over nothing) or 2 (over a bar)."""
    ink = look.style(VALIDATION, bold=True)
    over = ink + Style(bgcolor=bar.color) if bar.color else ink
    line = "─" if look.unicode else "o"
    return [
        Segment(line * (end - start), over if kind == 2 else ink) if kind else Segment(text[start:end], bar)
        for kind, start, end in runs(kinds)
    ]
