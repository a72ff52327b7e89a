"""Charts of the plane: regions of the predicted classes, and the output of each unit."""

from __future__ import annotations

import math

from rich.segment import Segment

from tuiml.training.inspections.boundary import Boundary
from tuiml.training.inspections.record import CELLS, InspectionRequest
from tuiml.training.inspections.responses import Responses
from tuiml.tui.chart_views.chart import Chart
from tuiml.tui.chart_views.inspection import (
    R,
    SignedTilesView,
    feature_names_of,
    has_units,
    is_plane,
    names_of,
)
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.plane import field, field_legend
from tuiml.tui.charts.text import Line, clean, notice
from tuiml.tui.charts.tiles import Layout, stretched

MOST_COLUMNS, MOST_ROWS = 96, 96
"""Largest grid of points that is requested: a finer one is not visible."""
BESIDE = 26
"""Minimum width of the room beside the plane to show units there, in cells."""
SIZE = (12, 12)
"""Minimum side of a unit's tile, in pixels."""


class UnitTilesView(SignedTilesView[R]):
    """A view with the outputs of units of the selected layer over the plane."""

    def plan(self, width: int, height: int) -> Layout:
        plan = self.layout_of(SIZE, width, height, min(self.total(), 8), least=7)
        return stretched(plan, min(self.total(), plan.count), width, height - 1)

    def total(self) -> int:
        network, index = self.selection.model.network, self.selection.index
        if network is None or index >= len(network.nodes):
            return 0
        return math.prod(network.nodes[index].output_shape)

    def requests(self) -> list[InspectionRequest]:
        """A request for as many units as there are tiles; none if there is no room."""
        plan = self.plan(self.size.width, self.size.height - 1)
        if not plan.count or not self.total():
            return []
        columns, rows = min(plan.width, MOST_COLUMNS), min(plan.height, MOST_ROWS)
        count = min(1 if self.one else plan.count, self.total(), CELLS // (columns * rows))
        first = min(self.first, self.total() - 1)
        return [InspectionRequest(Responses.event, columns, rows, self.selection.index, first, count)]

    def unit_tiles(self, found: Responses, plan: Layout, width: int, height: int, look: Look) -> list[Line]:
        """The units of an answer as tiles."""
        if found.layer != self.selection.index:
            return notice("asking the network", width, height, look)
        return self.signed_tiles(found, (found.rows, found.columns), plan, width, height, look)


class UnitsView(UnitTilesView[Responses]):
    """The output of each unit of the selected layer over the plane."""

    record = Responses

    def about(self, found: Responses, look: Look) -> str:
        return f"of layer {self.selection.index}, {clean(self.selection.layer_title, look)}"

    def show(self, found: Responses, width: int, height: int, look: Look) -> list[Line]:
        return self.unit_tiles(found, self.plan(width, height), width, height, look)


class BoundaryView(UnitTilesView[Boundary]):
    """The plane in the colours of the classes and, if there is room, the units of the selected layer."""

    record = Boundary

    def _split(self, width: int, height: int) -> tuple[int, int, int]:
        """Width and height of the plane, and the width of the space beside it."""
        tall = max(1, height - 1)
        wide = min(width, round(2.2 * tall))
        rest = width - wide - 3
        return (wide, tall, rest) if rest >= BESIDE and self.total() else (min(width, 3 * tall), tall, 0)

    def plan(self, width: int, height: int) -> Layout:
        _, tall, rest = self._split(width, height)
        return super().plan(rest, tall) if rest else Layout(0, 0, 0, 0, 0)

    def requests(self) -> list[InspectionRequest]:
        wide, tall, _ = self._split(self.size.width, self.size.height - 1)
        if wide < 1:
            return []
        plane = self.request(columns=min(wide, MOST_COLUMNS), rows=min(2 * tall, MOST_ROWS))
        return [plane, *super().requests()]

    def show(self, found: Boundary, width: int, height: int, look: Look) -> list[Line]:
        wide, tall, rest = self._split(width, height)
        units = self.selection.model.inspections.get(Responses.event)
        beside: list[Line] = []
        if rest and isinstance(units, Responses):
            beside = self.unit_tiles(units, self.plan(width, height), rest, tall, look)
        strips = []
        for y, row in enumerate(field(found, wide, tall, look)):
            segments = [*row, Segment("   "), *(beside[y] if y < len(beside) else ())]
            strips.append(Line.of(segments).resized(width))
        model = self.selection.model
        legend = field_legend(found, names_of(model), width, look, axes=feature_names_of(model))
        return [*strips, legend][:height]


BOUNDARY = Chart(
    "boundary",
    "boundary",
    "The class predicted for each point of the plane, and the outputs of units.",
    70,
    BoundaryView,
    is_plane,
    suits=is_plane,
)
UNITS = Chart(
    "units",
    "units",
    "The output of each unit of the selected layer for the points of the plane.",
    80,
    UnitsView,
    has_units,
)
