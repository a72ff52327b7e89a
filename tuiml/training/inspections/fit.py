"""The curve that a regression on one input predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field

from tuiml.training.codec import Bounded, Count, Finite
from tuiml.training.inspections.network import InspectedNetwork, floats
from tuiml.training.inspections.plane import limits_of, points_of
from tuiml.training.inspections.record import (
    COLUMNS,
    REGRESSION,
    Inspection,
    InspectionRequest,
    PointValues,
    require,
)

OUTPUTS = 1_000_000
Output = Annotated[Count, Field(le=OUTPUTS)]
Outputs = Annotated[Count, Field(ge=1, le=OUTPUTS)]


@dataclass(frozen=True)
class Fit(Inspection, event="fit"):
    """Predictions along the only input, in the units of the data, and some of the data's points."""

    target: ClassVar[str] = REGRESSION
    output: Output
    """Which of the predicted numbers, from 0."""
    outputs: Outputs
    limits: tuple[Finite, Finite]
    """The raw input at the first and the last point of the curve; the points between are evenly spaced."""
    curve: Annotated[tuple[Bounded, ...], Field(max_length=COLUMNS)]
    xs: PointValues
    ys: PointValues
    """Points of the data: input and target."""
    held_out: Count
    """How many of them, the last ones, are of the validation part."""

    def check(self) -> None:
        require(len(self.xs) == len(self.ys) >= self.held_out)

    @classmethod
    def compute(cls, network: InspectedNetwork, request: InspectionRequest, most: int) -> Self | None:
        """At ``columns`` points, of the output ``first``."""
        data = network.data
        if data.shape != (1,):
            return None
        which = network.output(request.first)
        left, right = limits_of(data).tolist()
        xs = np.linspace(left, right, min(request.columns, COLUMNS))
        points, labels, held_out = points_of(data)
        return cls(
            step=network.step,
            **which,
            limits=(left, right),
            curve=floats(network.predictions(xs[:, None], which["output"])),
            xs=floats(points[:, 0]),
            ys=floats(network.targets(labels, which["output"])),
            held_out=held_out,
        )
