"""Small multiples: one quantity of all layers side by side, each on its own axis or all on one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import percent
from tuiml.tui.charts.bars import heights
from tuiml.tui.charts.distribution import Bars, bar_rows
from tuiml.tui.charts.palette import QUIET, Look, layer_colour
from tuiml.tui.charts.scale import Scale, axis, common
from tuiml.tui.charts.text import PLAIN, Line, blank, clean, fit, heading, notice, strip

Segments: TypeAlias = list[Segment]
NARROWEST, LOWEST = 14, 6
"""Minimum width of a panel, in cells."""
GAP = 2


@dataclass(frozen=True, slots=True)
class Panel:
    """One layer.

    Args:
        number: its index in the stack, which sets its colour.
        bars: its histogram, if it has one of the kind shown.
        note: text under the axis: mean and standard deviation.
        zeros: fraction of values that are exactly 0; NaN: not shown.
        other: histogram of another run, drawn as an outline.
    """

    number: int
    name: str
    bars: Bars | None
    note: str = ""
    zeros: float = math.nan
    other: Bars | None = None


def multiples(
    panels: Sequence[Panel],
    width: int,
    height: int,
    *,
    title: str = "",
    selected: int = -1,
    things: str = "layers",
    shared: bool = True,
    count: int = 0,
    look: Look | None = None,
    empty: str = "nothing counted yet",
) -> list[Line]:
    """As many panels as fit around the one numbered ``selected``: ``height`` lines of ``width`` cells.

    Args:
        shared: whether they share one axis.
        things, count: what they are, for the title, and how many, if not all of them are given.
    """
    if width < 1 or height < 1:
        return []
    look = look or Look()
    scale = common([panel.bars.axis(panel.other) for panel in panels if panel.bars])
    if scale is None:
        head = heading(title, width, height, look)
        return head + notice(clean(empty, look), width, height - len(head), look)
    tall = height - 1
    across, down = grid(len(panels), width, tall)
    shown = window(panels, across * down, selected)
    wide = (width - (across - 1) * GAP) // across
    placed = [(panel, *_placed(panel, scale, shared)) for panel in shown]
    strips = [_head(title, (len(shown), count or len(panels)), things, width, look)]
    for row in range(down):
        size = wide, tall // down + (1 if row < tall % down else 0)
        part = placed[row * across : (row + 1) * across]
        blocks = [_panel(*one, size, _feet(placed), one[0].number == selected, look) for one in part]
        strips += _beside(blocks, wide, width)
    return (strips + [blank(width)] * height)[:height]


def _feet(placed: Sequence[tuple[Panel, Bars | None, Scale]]) -> int:
    """Lines below each panel: for notes, for zeros, for values beyond the axis."""
    found = any(panel.note for panel, *_ in placed) + any(panel.zeros > 0 for panel, *_ in placed)
    return found + any(bars is not None and any(bars.beyond()) for _, bars, _ in placed)


def _placed(panel: Panel, scale: Scale, shared: bool) -> tuple[Bars | None, Scale]:
    """The bars of a panel on its axis, which may be the one of all."""
    if panel.bars is None:
        return None, scale
    own = scale if shared else panel.bars.axis(panel.other)
    return panel.bars.on(own), own


def _beside(blocks: Sequence[list[Segments]], wide: int, width: int) -> list[Line]:
    """Panels ``wide`` cells each side by side, in lines of ``width`` cells."""
    gap = Segment(" " * GAP, PLAIN)
    rest = Segment(" " * (width - len(blocks) * (wide + GAP) + GAP), PLAIN)
    found = []
    for lines in zip(*blocks, strict=True):  # segments, since strips would take most of the time
        joined = [segment for line in lines for segment in (*line, gap)][:-1]
        found.append(Line([*joined, rest], width))
    return found


def room(count: int, width: int, height: int) -> int:
    """How many of ``count`` panels may be drawn."""
    across, down = grid(count, width, height - 1)
    return across * down


def grid(count: int, width: int, height: int) -> tuple[int, int]:
    """Number of panels in a row, and number of rows."""
    across = max(1, min(count, (width + GAP) // (NARROWEST + GAP)))
    down = max(1, min(-(-count // across), height // LOWEST))
    return -(-count // down) if across * down >= count else across, down


def window(panels: Sequence[Panel], room: int, selected: int) -> Sequence[Panel]:
    """The ``count`` panels around the selected one, or the nearest to it."""
    after = next((i for i, panel in enumerate(panels) if panel.number >= selected), len(panels))
    first = max(0, min(after - room // 2, len(panels) - room))
    return panels[first : first + room]


def _head(title: str, counts: tuple[int, int], things: str, width: int, look: Look) -> Line:
    """The title, and how many of all are shown if some are not."""
    parts: list[tuple[str, Style]] = [(f"{clean(title, look)}  ", look.style(bold=True))]
    words = f"{counts[0]} of {counts[1]:,} {things}"
    if counts[0] < counts[1] and cell_len(parts[0][0]) + len(words) <= width:
        parts.append((words, look.style(QUIET)))
    return strip(parts, width)


def _panel(
    panel: Panel, bars: Bars | None, scale: Scale, size: tuple[int, int], feet: int, marked: bool, look: Look
) -> list[Segments]:
    """A layer's number and name, its ``bars`` on their axis, its note."""
    (width, height), glyphs, colour = size, look.glyphs, layer_colour(panel.number)
    mark = glyphs.right if marked else " "
    number = f"{mark}{panel.number} "
    name = fit(clean(panel.name, look), max(0, width - len(number)), glyphs.more)
    head = strip([(number, look.style(colour, bold=True)), (name, look.style(bold=marked))], width)
    foot = [*_foot(panel, bars, width, look), *[blank(width)] * feet][: max(0, min(feet, height - 4))]
    rows = height - 2 - len(foot)
    body: list[Segments]
    if bars is None or not bars.fractions().any():
        body = [list(line) for line in notice("none" if panel.bars is None else "outside", width, rows, look)]
    else:
        other = [panel.other.on(scale).fractions()] if panel.other else []
        columns, cut = heights([bars.fractions(), *other], width, scale.zero)
        body = bar_rows(columns, cut, rows, colour, look)
    low, high = bars is not None and bars.below > 0, bars is not None and bars.above > 0
    ends = [axis(scale, width, look, below=low, above=high), *foot]
    return [list(head), *body, *map(list, ends)][:height]


def _foot(panel: Panel, bars: Bars | None, width: int, look: Look) -> list[Line]:
    lines = [strip([(clean(panel.note, look), PLAIN)], width)] if panel.note else []
    if panel.zeros > 0:
        lines.append(strip([(f"zeros {percent(panel.zeros)}", look.style(QUIET))], width))
    beyond = ", ".join(filter(None, bars.beyond())) if bars else ""
    if beyond:
        lines.append(strip([(fit(beyond, width, look.glyphs.more), look.style(QUIET))], width))
    return lines
