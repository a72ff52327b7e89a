"""The curve that a regression on one input predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field

from tuiml.training.codec import Bounded, Count, Finite
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, floats
from tuiml.training.inspections.plane import limits_of, points_of, raw_limits


@dataclass(frozen=True)
class Fit(record.OfOutput, event="fit"):
    """Predictions along the only input, in the units of the data, and some of the data's points."""

    limits: tuple[Finite, Finite]
    """The raw input at the first and the last point of the curve; the points between are evenly spaced."""
    curve: Annotated[tuple[Bounded, ...], Field(max_length=record.COLUMNS)]
    xs: record.PointValues
    ys: record.PointValues
    """Points of the data: input and target."""
    held_out: Count
    """How many of them, the last ones, are of the validation part."""

    def check(self) -> None:
        record.require(len(self.xs) == len(self.ys) >= self.held_out)

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
        """At ``columns`` points, of the output ``first``."""
        data = network.data
        if data.shape != (1,):
            return None
        which = network.output(request.first)
        limits = limits_of(data)
        xs = np.linspace(limits[0], limits[1], min(request.columns, record.COLUMNS))
        points, labels, held_out = points_of(data)
        return cls(
            step=network.step,
            **which,
            limits=raw_limits(data, limits),
            curve=floats(network.predictions(xs[:, None], which["output"])),
            xs=floats(data.raw(points)[:, 0]),
            ys=floats(network.targets(labels, which["output"])),
            held_out=held_out,
        )
