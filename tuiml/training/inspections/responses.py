"""Outputs of a layer's units at each point of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, signed
from tuiml.training.inspections.plane import grid, limits_of


@dataclass(frozen=True)
class Responses(record.UnitGrids, event="responses"):
    """The outputs of some units of a layer on a grid over the data's rectangle."""

    grid_per_unit: ClassVar[bool] = True
    columns: record.Cells
    rows: record.Cells

    def check(self) -> None:
        self.check_size(self.columns * self.rows)

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
        """Of ``layer`` the ``count`` units from ``first`` on, on a grid of ``columns`` × ``rows``."""
        if network.data.shape != (2,) or request.layer >= len(network.network.nodes):
            return None
        inputs = grid(limits_of(network.data), request.columns, request.rows)
        found = network.engine.layer_outputs(inputs, request.layer)
        scales, grids = signed(found[request.first : request.first + request.count])
        return cls(
            step=network.step,
            columns=request.columns,
            rows=request.rows,
            layer=request.layer,
            first=request.first,
            total=len(found),
            scales=scales,
            grids=grids,
        )
