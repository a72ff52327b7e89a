"""A large histogram, with the counts beyond its ends, and another run's histogram as an outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.axes import Ruler
from tuiml.tui.charts.bars import glyph_lines, heights, levels_of, positive
from tuiml.tui.charts.palette import QUIET, VALIDATION, Look
from tuiml.tui.charts.scale import Scale, axis, moved
from tuiml.tui.charts.series import Floats, Values, as_floats
from tuiml.tui.charts.text import Line, clean, heading, notice, runs


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

    def on(self, scale: Scale) -> Bars:
        """The histogram on another axis."""
        if scale == self.scale:
            return self
        counts, below, above = moved(as_floats(self.counts), self.scale, scale)
        return Bars(scale, counts, self.below + float(below), self.above + float(above))


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
        beyond = [] if bars is None else _beyond(bars, width, look)
        rows = height - len(head) - len(beyond)
        return (head + notice(clean(empty, look), width, rows, look) + beyond)[:height]
    low, high = bars.below > 0, bars.above > 0
    foot = [axis(bars.scale, width, look, below=low, above=high)] if height > 1 else []
    if height > 5:
        foot += _beyond(bars, width, look)
    shown = [bars.fractions()] + ([other.on(bars.scale).fractions()] if other else [])
    columns, cut = heights(shown, width, bars.scale.zero)
    body = bar_rows(columns, cut, height - len(head) - len(foot), colour, look)
    return head + [Line(line, width) for line in body] + foot


def _beyond(bars: Bars, width: int, look: Look) -> list[Line]:
    """A row with the fractions beyond the ends; no row if there are none."""
    if bars.below <= 0 and bars.above <= 0:
        return []
    ruler, quiet, glyphs = Ruler(width), look.style(QUIET), look.glyphs
    if bars.below > 0:
        ruler.put(0, f"{glyphs.left} {bars.below:,.0f} below", quiet)
    if bars.above > 0:
        text = f"{bars.above:,.0f} above {glyphs.right}"
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
