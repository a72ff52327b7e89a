"""The prediction of a regression on two inputs at each point of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from tuiml.training.codec import Finite
from tuiml.training.inspections.fit import Output, Outputs
from tuiml.training.inspections.network import InspectedNetwork, as_bytes
from tuiml.training.inspections.plane import grid, limits_of, places, points_of
from tuiml.training.inspections.record import (
    CELLS,
    REGRESSION,
    Cells,
    Grid,
    Inspection,
    InspectionRequest,
    Limits,
    PointBytes,
    require,
)


@dataclass(frozen=True)
class Surface(Inspection, event="surface"):
    """Predictions on a grid over the data's rectangle, and some of the data's points."""

    target: ClassVar[str] = REGRESSION
    output: Output
    outputs: Outputs
    columns: Cells
    rows: Cells
    limits: Limits
    scale: tuple[Finite, Finite]
    """The values of the bytes 0 and 255, in the units of the data."""
    predictions: Grid
    """Of each cell, the top row first."""
    xs: PointBytes
    ys: PointBytes
    """Where points of the data lie between the limits, 0 to 255; 255 is at the right, or at the top."""
    targets: PointBytes
    """Their targets, scaled as the predictions are."""

    def check(self) -> None:
        require(len(self.predictions) == self.columns * self.rows <= CELLS)
        require(len(self.xs) == len(self.ys) == len(self.targets))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: InspectionRequest, most: int) -> Self | None:
        """On a grid of ``columns`` × ``rows``, of the output ``first``."""
        data = network.data
        if data.shape != (2,):
            return None
        which, limits = network.output(request.first), limits_of(data)
        found = network.predictions(grid(limits, request.columns, request.rows), which["output"])
        points, labels, _ = points_of(data)
        targets = network.targets(labels, which["output"])
        # The data's own range does not move while the network learns, and shows predictions far off.
        low, high = float(targets.min()), float(targets.max())
        spread = (high - low) or 1.0
        xs, ys = places(points, limits)
        return cls(
            step=network.step,
            **which,
            columns=request.columns,
            rows=request.rows,
            limits=tuple(limits.tolist()),
            scale=(low, low + spread),
            predictions=as_bytes((found - low) / spread).tobytes(),
            xs=xs,
            ys=ys,
            targets=as_bytes((targets - low) / spread).tobytes(),
        )
