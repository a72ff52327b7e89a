"""Line charts with rounded ticks, and the last values in the title, where they cover no curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import Format
from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import (
    LARGEST,
    Frame,
    Mark,
    Range,
    bottom_axis,
    framed,
    left_axis,
    rounded,
    widened,
)
from tuiml.tui.charts.curve import Curve, Points
from tuiml.tui.charts.curve_title import title_of, value_text
from tuiml.tui.charts.limits import Spare, bulk, cut_off, finite, log_range, robust
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.series import Floats, Series, Values, as_floats, decimate, within
from tuiml.tui.charts.strokes import dots, stroke
from tuiml.tui.charts.tags import Tag, names_beside, tagged
from tuiml.tui.charts.text import Line, clean, fit, notice, strip


@dataclass(frozen=True, slots=True)
class Under:
    """Lines between the canvas of a chart and its x axis.

    Args:
        rows: the number of lines.
        draw: returns them, for the width of canvas and margin.
    """

    rows: int
    draw: Callable[[Frame, Look], list[Line]]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves over a common x.

    Args:
        curves: the last is on top. NaN is a gap, and so is y ≤ 0 with ``log`` (logarithmic y).
        x_range, y_range: limits of the axes; absent: those of the points, y rounded outwards. Points
            beyond the limits of y are drawn at the edge; beyond those of x they are left out.
        x_ticks: x and label of the ticks; absent: rounded numbers. ``tags`` are drawn over the curves.
        spare: what may lie beyond the limits of a linear y, without ``y_range``; it is said in words.
        cursor: a line at which the values in the title are read.
        notes: texts after the values in the title, of each the first one for which there is room.
        on_frame: is told where the canvas is, if something is drawn.
    """

    curves: Sequence[Curve]
    title: str = ""
    x_label: str = ""
    y_format: Format = "number"
    log: bool = False
    x_range: Range | None = None
    y_range: Range | None = None
    x_ticks: Sequence[tuple[float, str]] | None = None
    marks: Sequence[Mark] = ()
    under: Under | None = None
    tags: Sequence[Tag] = ()
    spare: Spare = ""
    cursor: Mark | None = None
    notes: Sequence[Sequence[str]] = ()
    on_frame: Callable[[Frame], object] = lambda frame: None
    look: Look = field(default_factory=Look)
    empty: str = "waiting for the first batch"

    def lines(self, width: int, height: int) -> list[Line]:
        """``height`` lines of ``width`` cells; none if either is below 1."""
        if width < 1 or height < 1:
            return []
        look = self.look
        head, complete = self._title(self.curves, width)
        top = 1 if height > 1 else 0
        tall = height - top - (self.under.rows if self.under else 0)
        below = 0 if tall < 5 else 1 if tall < 9 else 2
        drawn = [_Drawn.of(curve, width, self.log, finite(self.x_range)) for curve in self.curves]
        limits = self._limits(drawn, tall - below)
        if limits is None:
            return [strip(head, width)][:top] + notice(clean(self.empty, look), width, height - top, look)
        names = _names(drawn, self._at, self.y_format, look, values=not complete)
        aside = _names_width(names, width, tall - below)
        if aside and not complete:  # the values are beside the names
            head, _ = self._title((), width)
        frame, labels = framed(*limits, width - aside, tall - below, look, self.y_format, self.log)
        self.on_frame(frame)
        canvas = self._tagged_canvas(drawn, frame)
        if aside:
            beside = names_beside(names, aside, frame, look)
            canvas = [[*row, name] for row, name in zip(canvas, beside, strict=True)]
        body = left_axis(canvas, labels, frame, look)
        foot = bottom_axis(frame, below, self.x_label, self.marks, look, self.x_ticks, self.cursor, aside)
        foot = [*(self.under.draw(frame, look) if self.under else []), *foot]
        return [line.resized(width) for line in ([strip(head, width)][:top] + body + foot)]

    @property
    def _at(self) -> float | None:
        return self.cursor.x if self.cursor else None

    @property
    def _spare(self) -> Spare:
        return "" if self.log else self.spare

    def _title(self, curves: Sequence[Curve], width: int) -> tuple[list[tuple[str, Style]], bool]:
        return title_of(curves, self.title, self.y_format, self._at, self.notes, width, self.look)

    def _limits(self, drawn: Sequence[_Drawn], rows: int) -> tuple[Range, Range] | None:
        y_range = log_range(finite(self.y_range), self.log)
        return _limits(drawn, finite(self.x_range), y_range, self.log, self._spare, self.y_format, rows)

    def _tagged_canvas(self, drawn: Sequence[_Drawn], frame: Frame) -> list[list[Segment]]:
        """The curves with what is written over them."""
        canvas = _canvas(drawn, frame, self.marks, self.cursor, self.look)
        beyond = [d.measured() for d in drawn if d.beyond(frame.y)] if self._spare else []
        cut = cut_off(beyond, frame.y, self.y_format, self.look)
        return tagged(canvas, [*cut, *self.tags, *_markers(drawn)], frame, self.look)


NAME = 22
"""Cells of a name beside its curve at most."""
MARKERS = 3
"""Markers on each curve."""


def _names(drawn: Sequence[_Drawn], at: float | None, kind: Format, look: Look, *, values: bool) -> list[Tag]:
    """The names at the ends of the curves, those on top first, perhaps with their values."""
    found = []
    for d in reversed(drawn):
        known = np.flatnonzero(np.isfinite(d.y))
        if d.curve.end and len(known):
            name = clean(d.curve.end, look)
            text = f"{d.curve.marker}{' ' if d.curve.marker else ''}{name}"
            text = fit(text, min(NAME, cell_len(text)), look.glyphs.more)
            if values:
                text += f" {value_text(d.curve.value(at), kind, look)}"
            found.append(Tag(float(d.x[known[-1]]), float(d.y[known[-1]]), text, d.curve.colour))
    return found


def _names_width(names: Sequence[Tag], width: int, rows: int) -> int:
    """The cells beside the canvas that the names get; 0 if there is no room for them."""
    cells = max((cell_len(tag.text) for tag in names), default=-1) + 1
    return cells if cells and rows >= 3 and cells <= width // 3 and width >= 40 else 0


def _markers(drawn: Sequence[_Drawn]) -> list[Tag]:
    """Some markers on each curve that has one, at other places on each."""
    marked = [d for d in drawn if d.curve.marker]
    found = []
    for place, d in enumerate(marked):
        known = np.flatnonzero(np.isfinite(d.y))
        if len(known):
            shift = (place + 0.5) / len(marked)
            places = known[((np.arange(MARKERS) + shift) * len(known) / MARKERS).astype(int)]
            found += [Tag(float(d.x[i]), float(d.y[i]), d.curve.marker, d.curve.colour) for i in places]
    return found


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A curve's points to be drawn: decimated, y finite or NaN (a logarithm on a log axis), x in range."""

    curve: Curve
    x: Floats
    y: Floats
    raw_x: Floats
    raw_y: Floats
    x_range: Range | None

    @classmethod
    def of(cls, curve: Curve, columns: int, log: bool, x_range: Range | None) -> _Drawn:
        raw = curve.raw if curve.raw is not None else ((), ())
        return cls(
            curve,
            *_prepared(curve.points, columns, log, x_range),
            *_prepared(raw, columns, log, x_range),
            x_range,
        )

    def beyond(self, limits: Range) -> bool:
        """True if some of the points lie beyond limits of y."""
        y = self.raw_y if len(self.raw_y) else self.y
        return not self.curve.aside and bool(((y < limits[0]) | (y > limits[1])).any())

    def measured(self) -> tuple[Floats, Floats]:
        """All points before smoothing."""
        points = self.curve.points if self.curve.raw is None else self.curve.raw
        x, y = _within(points, self.x_range)
        return as_floats(x), as_floats(y)


def _prepared(points: Points, columns: int, log: bool, x_range: Range | None) -> tuple[Floats, Floats]:
    x, y = decimate(*_within(points, x_range), 2 * columns)
    if log:
        return x, np.log10(y, where=y > 0, out=np.full(len(y), np.nan))
    return x, np.clip(y, -LARGEST, LARGEST)


def _within(points: Points, x_range: Range | None) -> tuple[Values, Values]:
    x, y = points.points() if isinstance(points, Series) else points
    return (x, y) if x_range is None else within(x, y, *x_range)


def _limits(
    drawn: Sequence[_Drawn],
    x_range: Range | None,
    y_range: Range | None,
    log: bool,
    spare: Spare,
    kind: Format,
    rows: int,
) -> tuple[Range, Range] | None:
    """The limits of both axes, or None if there is nothing to draw."""
    known = [d for d in drawn if np.isfinite(d.y).any() or np.isfinite(d.raw_y).any()]
    if not known:
        return None
    x = np.concatenate([x for d in known for x in (d.x[np.isfinite(d.y)], d.raw_x[np.isfinite(d.raw_y)])])
    across = widened(*(x_range or (float(x.min()), float(x.max()))))
    if y_range is not None:
        return across, widened(*y_range)
    counted = [d for d in known if not d.curve.aside] or known
    low, high = robust([part for d in counted for part in (d.y, bulk(d.raw_y))], spare)
    return across, widened(low, high) if log else rounded(low, high, rows, kind)


def _canvas(
    drawn: Sequence[_Drawn], frame: Frame, marks: Sequence[Mark], cursor: Mark | None, look: Look
) -> list[list[Segment]]:
    behind, front = [], []
    for d in drawn:
        x, y = dots(d.raw_x, d.raw_y, frame)
        if len(x):
            marker = plot.BRAILLE if look.unicode else "."
            behind.append(plot.Stroke(x, y, look.style(d.curve.colour, faint=True), marker, joined=False))
        x, y = dots(d.x, d.y, frame)
        if len(x):
            front.append(stroke(x, y, d.curve.style, look.style(d.curve.colour), look))
    rules = [
        (float(frame.across(np.array([mark.x]))[0]), look.style(mark.colour, faint=mark is not cursor))
        for mark in filter(frame.holds, [*marks, *([cursor] if cursor else [])])
    ]
    return plot.draw(
        behind + front, frame.columns, frame.rows, dots=frame.dots, rules=rules, rule=look.glyphs.vertical
    )
