"""The prediction of a regression on two inputs at each point of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from tuiml.training.codec import Finite
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, as_bytes
from tuiml.training.inspections.plane import grid, limits_of, places, points_of, raw_limits


@dataclass(frozen=True)
class Surface(record.OfOutput, event="surface"):
    """Predictions on a grid over the data's rectangle, and some of the data's points."""

    columns: record.Cells
    rows: record.Cells
    limits: record.Limits
    scale: tuple[Finite, Finite]
    """The values of the bytes 0 and 255, in the units of the data."""
    predictions: record.Grid
    """Of each cell, the top row first."""
    xs: record.PointBytes
    ys: record.PointBytes
    """Where points of the data lie between the limits, 0 to 255; 255 is at the right, or at the top."""
    targets: record.PointBytes
    """Their targets, scaled as the predictions are."""

    def check(self) -> None:
        record.require(len(self.predictions) == self.columns * self.rows <= record.CELLS)
        record.require(len(self.xs) == len(self.ys) == len(self.targets))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
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
            limits=raw_limits(data, limits),
            scale=(low, low + spread),
            predictions=as_bytes((found - low) / spread).tobytes(),
            xs=xs,
            ys=ys,
            targets=as_bytes((targets - low) / spread).tobytes(),
        )
