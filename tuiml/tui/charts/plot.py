"""The one place that calls plotext 5.3: points in dots of the canvas go in, strips' segments come out.

What was learned about plotext: its module-level figure is shared by all threads, so each chart makes its
own; it draws every point given, so give few; its ticks are unrounded and its legend covers the curves, so
it draws neither here; it joins points across a missing one only if that is left out, so it stays as NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style

from tuiml.tui.charts.series import Floats

BRAILLE = "braille"


@dataclass(frozen=True, slots=True)
class Stroke:
    """Points to draw in one style.

    Args:
        x, y: in dots: 0 is the middle of the first, from the left and from the bottom. NaN is a gap.
        marker: one character, or ``BRAILLE``.
        joined: whether lines join the points.
    """

    x: Floats
    y: Floats
    style: Style
    marker: str = BRAILLE
    joined: bool = True


def draw(
    strokes: Sequence[Stroke],
    width: int,
    height: int,
    *,
    dots: tuple[int, int],
    rules: Sequence[tuple[float, Style]] = (),
    rule: str = "│",
) -> list[list[Segment]]:
    """Draw strokes over each other, the last on top, on a canvas of ``width`` × ``height`` cells.

    Args:
        strokes: at least one with points, all inside the canvas.
        dots: how many a cell has, across and up.
        rules: x, in dots, and style of vertical lines behind the strokes.
        rule: the character they are made of.

    Returns:
        ``height`` lines of segments, each ``width`` cells.
    """
    # Imported late: plotext takes 35 ms to import, more than the rest of a first screen.
    from plotext._figure import _figure_class

    figure = _figure_class()
    figure._limit_size(False, False)
    figure.plot_size(width, height)
    figure.theme("clear")
    figure.frame(False)
    figure.xticks([])
    figure.yticks([])
    # equal limits would divide by zero in a canvas of one dot
    figure.xlim(0, max(1, width * dots[0] - 1))
    figure.ylim(0, max(1, height * dots[1] - 1))
    # plotext's colours only number the styles: the real ones never pass through it
    styles: list[Style] = []
    for x, style in rules:
        styles.append(style)
        figure.vertical_line(x, color=len(styles))
    for stroke in strokes:
        styles.append(stroke.style)
        put = figure.plot if stroke.joined else figure.scatter
        put(stroke.x.tolist(), stroke.y.tolist(), marker=stroke.marker, color=len(styles))
    # build() without its last step: painting colour codes and parsing them back takes a third of the time
    figure._set_sizes()
    figure._build_matrix()
    matrix = figure.monitor.matrix
    return [
        _segments(glyphs, colours, styles, rule)
        for glyphs, colours in zip(reversed(matrix.marker), reversed(matrix.fullground), strict=True)
    ]


def _segments(
    glyphs: Sequence[str], colours: Sequence[int | str], styles: Sequence[Style], rule: str
) -> list[Segment]:
    """A line of plotext's matrix: one segment for each run of a colour, which is a number or ``default``."""
    line = "".join(glyphs).replace("│", rule)
    segments = []
    start = 0
    for colour, run in groupby(colours):
        end = start + sum(1 for _ in run)
        segments.append(Segment(line[start:end], styles[colour - 1] if isinstance(colour, int) else _PLAIN))
        start = end
    return segments


_PLAIN = Style()
