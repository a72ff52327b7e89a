"""Decision boundary: the class that the network predicts at each point of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field

from tuiml.training.codec import Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, as_bytes
from tuiml.training.inspections.plane import grid, limits_of, places, points_of, raw_limits


@dataclass(frozen=True)
class Boundary(record.Inspection, event="boundary"):
    """The predicted class at each point of a rectangle, and some of the data's points."""

    regression: ClassVar[bool | None] = False
    columns: record.Cells
    rows: record.Cells
    limits: record.Limits
    classes: Annotated[Count, Field(ge=2, le=record.CLASSES)]
    predicted: record.Grid
    """Of each cell the class with the highest probability, the top row first."""
    probabilities: record.Grid
    """Of each cell the probability of that class, 0 to 255."""
    xs: record.PointBytes
    ys: record.PointBytes
    """Where points of the data lie between the limits, 0 to 255; 255 is at the right, or at the top."""
    labels: record.PointBytes
    """Their classes."""

    def check(self) -> None:
        cells = self.columns * self.rows
        record.require(len(self.predicted) == len(self.probabilities) == cells <= record.CELLS)
        record.require(len(self.xs) == len(self.ys) == len(self.labels))
        record.require(max(self.predicted + self.labels) < self.classes)

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
        """On a grid of ``columns`` × ``rows``."""
        data = network.data
        if data.shape != (2,):
            return None
        limits = limits_of(data)
        found = network.probabilities(grid(limits, request.columns, request.rows))
        points, labels, _ = points_of(data)
        xs, ys = places(points, limits)
        return cls(
            step=network.step,
            columns=request.columns,
            rows=request.rows,
            limits=raw_limits(data, limits),
            classes=network.classes,
            predicted=found.argmax(0).astype(np.uint8).tobytes(),
            probabilities=as_bytes(found.max(0)).tobytes(),
            xs=xs,
            ys=ys,
            labels=labels.astype(np.uint8).tobytes(),
        )
