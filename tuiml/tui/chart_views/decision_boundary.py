"""The plane as a network sees it, as charts of Train: regions of the classes, what each unit makes of it."""

from __future__ import annotations

import math

from rich.segment import Segment

from tuiml.training.inspection_records import (
    CELLS,
    Boundary,
    Inspection,
    InspectionRequest,
    Responses,
)
from tuiml.tui.chart_views.inspection import (
    LearnedView,
    names_of,
    signed_tiles,
)
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.plane import field, field_legend
from tuiml.tui.charts.text import Line, clean, notice
from tuiml.tui.charts.tiles import Layout

MOST_COLUMNS, MOST_ROWS = 96, 96
"""Points of the plane that are asked for, at most: finer is not seen, and costs."""
BESIDE = 26
"""Cells beside the plane from which its units are shown there."""


class UnitsView(LearnedView):
    """What each unit of the selected layer makes of the plane."""

    what: str = "responses"
    title = "units"
    SIZE = (12, 12)

    def _plan(self, width: int, height: int) -> Layout:
        return self.plan_of(self.SIZE, width, height, min(self.total(), 8), least=7)

    def _room(self) -> tuple[int, int]:
        return self.size.width, self.size.height - 1

    def total(self) -> int:
        network, index = self.sight.model.network, self.sight.index
        if network is None or index >= len(network.nodes):
            return 0
        return math.prod(network.nodes[index].output_shape)

    def shown_count(self) -> int:
        return 1 if self.one else self._plan(*self._room()).count

    def wishes(self) -> list[InspectionRequest]:
        wish = unit_wish(self, self._plan(*self._room()))
        return [wish] if wish else []

    def about(self, found: Inspection, look: Look) -> str:
        return f"of layer {self.sight.index}, {clean(self.sight.called, look)}"

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Line]:
        assert isinstance(found, Responses)
        return unit_tiles(self, found, self._plan(width, height), width, height, look)


def unit_wish(view: LearnedView, plan: Layout) -> InspectionRequest | None:
    """The responses that fill a layout."""
    if not plan.count or not view.total():
        return None
    count = 1 if view.one else min(plan.count, view.total())
    columns, rows = min(plan.width, MOST_COLUMNS), min(plan.height, MOST_ROWS)
    count = min(count, CELLS // (columns * rows))
    return InspectionRequest(
        "responses", columns, rows, view.sight.index, min(view.first, view.total() - 1), count
    )


def unit_tiles(
    view: LearnedView, found: Responses, plan: Layout, width: int, height: int, look: Look
) -> list[Line]:
    """Units' responses as tiles."""
    if found.layer != view.sight.index:
        return notice("asking the network", width, height, look)
    return signed_tiles(view, found, (found.rows, found.columns), plan, width, height, look)


class BoundaryView(UnitsView):
    """The plane in the colours of the classes; where there is room, the units of the selected layer too."""

    title = "boundary"
    what = "boundary"

    def _split(self, width: int, height: int) -> tuple[int, int, int]:
        """Width and height of the plane, and the width of what is beside it."""
        tall = max(1, height - 1)
        wide = min(width, round(2.2 * tall))
        rest = width - wide - 3
        return (wide, tall, rest) if rest >= BESIDE and self.total() else (min(width, 3 * tall), tall, 0)

    def _beside(self, width: int, height: int) -> Layout:
        _, tall, rest = self._split(width, height)
        return self._plan(rest, tall) if rest else Layout(0, 0, 0, 0, 0)

    def shown_count(self) -> int:
        return 1 if self.one else self._beside(*self._room()).count

    def wishes(self) -> list[InspectionRequest]:
        width, height = self._room()
        wide, tall, _ = self._split(width, height)
        if wide < 1:
            return []
        found = [InspectionRequest("boundary", min(wide, MOST_COLUMNS), min(2 * tall, MOST_ROWS))]
        units = unit_wish(self, self._beside(width, height))
        return [*found, units] if units else found

    def about(self, found: Inspection, look: Look) -> str:
        return ""

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Line]:
        assert isinstance(found, Boundary)
        wide, tall, rest = self._split(width, height)
        rows = field(found, wide, tall, look)
        units = self.sight.model.learned.get("responses")
        beside: list[Line] = []
        if rest and isinstance(units, Responses):
            beside = unit_tiles(self, units, self._beside(width, height), rest, tall, look)
        strips = []
        for y, row in enumerate(rows):
            segments = [*row, Segment("   ")]
            if y < len(beside):
                segments += list(beside[y])
            strips.append(Line.of(segments).resized(width))
        return [*strips, field_legend(found, names_of(self.sight.model), width, look)][:height]
