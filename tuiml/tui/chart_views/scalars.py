"""The scalars of a watched run side by side, each on an axis of its own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rich.segment import Segment

from tuiml.formatting import compact
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.curves import last_epoch, marks, x_end
from tuiml.tui.chart_views.other_runs import OTHERS
from tuiml.tui.chart_views.smoothing import Smoothing
from tuiml.tui.chart_views.time_axis import TimedView
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import QUIET, TRAIN, Look
from tuiml.tui.charts.text import Line, blank, strip
from tuiml.tui.keys import action
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.status import safe

WIDE, TALL = 36, 7
"""Cells and rows of one chart at least, if there are several."""
GAP = 2


@dataclass
class Page:
    """Shared by all views of the scalars."""

    first: int = 0


class ScalarsView(TimedView):
    """As many of the scalars as there is room for, from the selected one on."""

    @property
    def names(self) -> list[str]:
        """The names of all; not safe to show."""
        return list(self.selection.model.scalars.series)

    @property
    def first(self) -> int:
        """The first one that is shown."""
        return min(self.selection.of(Page).first, max(0, len(self.names) - 1))

    def stamp(self) -> Hashable:
        return (super().stamp(), self.first)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Charts in a row, and rows of them: no more than there are scalars."""
        count = max(1, len(self.names))
        across = max(1, min(count, (width + GAP) // (WIDE + GAP)))
        down = max(1, min(-(-count // across), (height - 1) // TALL))
        return across, down

    def shown_count(self) -> int:
        """How many are shown."""
        across, down = self._grid(self.content_size.width, self.content_size.height)
        return across * down

    def works(self, action_id: str) -> bool:
        if action_id == "scalars_on":
            return self.first + self.shown_count() < len(self.names)
        return self.first > 0 if action_id == "scalars_back" else super().works(action_id)

    @action("greater_than_sign", "more", "The next scalars of a loop of your own.", "train", rank=282)
    def action_scalars_on(self) -> None:
        self.selection.of(Page).first = min(self.first + self.shown_count(), len(self.names) - 1)

    @action("less_than_sign", "back", "The scalars before.", "train", rank=292, shown=False)
    def action_scalars_back(self) -> None:
        self.selection.of(Page).first = max(0, self.first - self.shown_count())

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        names = self.names
        across, down = self._grid(width, height)
        shown = names[self.first : self.first + across * down]
        last = self.first + len(shown)
        count = "" if len(shown) == len(names) else f"  {self.first + 1} to {last} of {len(names)}"
        title = (self.pointer(look) + self.title, look.style(bold=True))
        lines = [strip([title, (count, look.style(QUIET))], width)]
        wide, tall = (width - (across - 1) * GAP) // across, (height - 1) // down
        for row in range(0, len(shown), across):
            panels = [self._panel(name, wide, tall, look) for name in shown[row : row + across]]
            rest = " " * (width - len(panels) * (wide + GAP) + GAP)
            for parts in zip(*panels, strict=True):
                joined = [segment for part in parts for segment in (*part, Segment(" " * GAP))][:-1]
                lines.append(Line([*joined, Segment(rest)], width))
        return (lines + [blank(width)] * height)[:height]

    def _panel(self, name: str, width: int, height: int, look: Look) -> list[Line]:
        selection, axis = self.selection, self.axis
        model, smoothing, cursor = selection.model, selection.of(Smoothing), selection.cursor
        runs = (model, *selection.others)
        end = x_end(axis.end(runs, [last_epoch(run) for run in runs]), model.epochs_planned)
        low, high = (axis.one(model, x) for x in cursor.part(end))
        curves = [
            curve
            for place, run in enumerate(runs)
            if name in run.scalars.series
            for curve in axis.curves(run, [_curve(run, name, place, smoothing)])
        ]
        at = None if cursor.x is None else axis.one(model, cursor.x)
        value = compact(curves[0].value(at), 4, look.glyphs.missing) if curves else ""
        return LineChart(
            curves[::-1],
            title=f"{safe(name, look)}  {value}",
            x_label=axis.unit,
            x_range=(low, high),
            marks=axis.marks(model, marks(model)),
            spare="spikes",
            cursor=None if at is None else Mark(at, "", ""),
            look=look,
        ).lines(width, height)


def _curve(run: RunModel, name: str, place: int, smoothing: Smoothing) -> Curve:
    """A scalar of a run, smoothed as the loss is; ``place``: of the run among those that are compared."""
    series = run.scalars.series[name]
    smooth = smoothing.strength > 0
    colour = OTHERS[(place - 1) % len(OTHERS)] if place else TRAIN
    points = smoothing.curve(series) if smooth else series
    return Curve("", points, colour, "dotted" if place else "solid", raw=series if smooth else None)


SCALARS = Chart(
    "scalars",
    "scalars",
    "What a loop of your own reports under names of its own, each on its own axis.",
    25,
    ScalarsView,
    available=lambda run: len(run.scalars) > 0,
    suits=lambda run: not run.has_accuracy,
)
