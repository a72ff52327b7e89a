"""Predictions of a regression against the targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field

from tuiml.training.codec import Bounded
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, clipped, floats


@dataclass(frozen=True)
class Predictions(record.Evaluated, record.OfOutput, event="predictions"):
    """One output of examples and its target, in the units of the data."""

    figures: tuple[Bounded, Bounded]
    """R² of the evaluated examples (NaN where the targets have no variance) and the mean absolute error."""
    targets: record.PointValues
    predictions: Annotated[tuple[Bounded, ...], Field(max_length=record.POINTS)]
    """Of some of them; NaN where it is not finite."""

    def check(self) -> None:
        record.require(len(self.targets) == len(self.predictions))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self:
        """Of the output ``first``."""
        which = network.output(request.first)
        part, outputs, _ = network.evaluate(most)
        targets = network.targets(part.labels, which["output"])
        predictions = clipped(outputs[:, which["output"]])
        errors, variance = predictions - targets, float(np.square(targets - targets.mean()).sum())
        r2 = 1.0 - float(np.square(errors).sum()) / variance if variance else math.nan
        return cls(
            **network.about(part),
            **which,
            figures=(r2, float(np.abs(errors).mean())),
            targets=floats(targets[: record.POINTS]),
            predictions=floats(predictions[: record.POINTS]),
        )
