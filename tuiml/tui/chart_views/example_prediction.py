"""The base of the views that ask for the prediction of an example which the user makes."""

from __future__ import annotations

import time
from asyncio import TimerHandle
from collections.abc import Hashable, Sequence

from tuiml.formatting import percent
from tuiml.training.inspections.record import Question
from tuiml.tui.chart_views.chart import Chart, ChartView
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts import pixels
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line, clean, fit, strip
from tuiml.tui.widgets.later import later

OFTEN = 0.1
"""Minimum seconds between two requests for a prediction."""
ANEW = 1.0
"""Seconds after which the prediction of the same example is requested again while the network is trained."""


class ExamplePrediction(ChartView):
    """Asks for a prediction when the example was changed, and again while the network is trained."""

    def __init__(self, selection: ChartSelection, chart: Chart) -> None:
        super().__init__(selection, chart)
        self._asked = (-1, -1)  # the version of the example, and the step of the run
        self._asked_at = 0.0
        self._timer: TimerHandle | None = None

    @property
    def version(self) -> int:
        """Incremented by every change of the example."""
        raise NotImplementedError  # pragma: no cover - every such view has one

    def question(self) -> Question | None:
        """The example to be predicted; ``None``: there is none yet."""
        raise NotImplementedError  # pragma: no cover - every such view has one

    def stamp(self) -> Hashable:
        model = self.selection.model
        self._ask_soon()
        return (model.inspections_version, model.status, self.version)

    def changed(self) -> None:
        """The example was changed: draw it, and ask."""
        self._ask_soon()
        if self.stale():
            self.build()

    def _ask_soon(self) -> None:
        """Request a prediction, at once or as soon as the interval allows."""
        if self._timer is not None or not self.is_mounted or not self.display:
            return
        model = self.selection.model
        if model.status in ("empty", "loading", "failed") or self.question() is None:
            return
        now = time.monotonic()
        if self.version != self._asked[0]:
            wait = self._asked_at + OFTEN - now
        elif model.step != self._asked[1]:
            wait = self._asked_at + ANEW - now
        else:
            return
        if wait <= 0:
            self._ask()
        else:
            self._timer = later(self, wait, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._asked, self._asked_at = (self.version, self.selection.model.step), time.monotonic()
        client, question = getattr(self.app, "client", None), self.question()
        if client is not None and question is not None:
            client.predict(question)


def class_bars(
    fractions: Sequence[float], names: Sequence[str], width: int, height: int, look: Look, true: int = -1
) -> list[Line]:
    """The probability of each class as a bar, one class a line; of many the most probable ones.

    Args:
        true: the class that the data says, which is marked.
    """
    order = list(range(min(len(fractions), len(names))))
    if len(order) > height:
        order = sorted(order, key=lambda k: -fractions[k])[:height]
    first = min(max((len(clean(names[k], look)) for k in order), default=1), max(3, width // 3))
    room = max(1, width - first - 12)
    best = max(fractions, default=0.0)
    lines = []
    for k in order:
        bold = look.style(bold=fractions[k] == best)
        sign = look.glyphs.left if fractions[k] == best else " "
        known = ("✓" if look.unicode else "*") if k == true else " "
        bar = fit(look.glyphs.bars[-1] * round(fractions[k] * room), room)
        name = fit(clean(names[k], look), first, look.glyphs.more)
        colour = look.style(pixels.class_colour(k), bold=bool(bold.bold))
        last = (f" {percent(fractions[k], 0):>6} {sign}{known}", bold)
        lines.append(strip([(f"{name} ", bold), (bar, colour), last], width))
    return lines
