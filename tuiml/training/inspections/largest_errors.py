"""The examples with the highest losses, of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field

from tuiml.training.codec import Bounded, Count
from tuiml.training.inspections.network import InspectedNetwork, floats
from tuiml.training.inspections.record import (
    REGRESSION,
    VALUES,
    Evaluated,
    InspectionRequest,
    Values,
    require,
)


@dataclass(frozen=True)
class RegressionExample:
    """An example and its predictions."""

    row: Count
    """Its index in the part."""
    targets: Values
    predictions: Values
    """The first outputs, in the units of the data."""
    loss: Bounded
    values: Values
    """Its first raw inputs."""


@dataclass(frozen=True)
class LargestErrors(Evaluated, event="largest_errors"):
    """The examples with the highest losses, the highest first."""

    target: ClassVar[str] = REGRESSION
    first: Count
    """Examples with higher losses than these."""
    examples: Annotated[tuple[RegressionExample, ...], Field(max_length=256)]

    def check(self) -> None:
        require(all(len(each.targets) == len(each.predictions) for each in self.examples))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: InspectionRequest, most: int) -> Self:
        """``count`` examples from ``first`` on."""
        part, outputs, losses = network.evaluate(most)
        targets = network.data.original(part.labels)
        examples = tuple(
            RegressionExample(
                row,
                floats(targets[row][:VALUES]),
                floats(outputs[row][:VALUES]),
                float(losses[row]),
                floats(part.inputs[row][:VALUES]),
            )
            for row in network.highest_losses(losses, request.first, request.count)
        )
        return cls(**network.about(part), first=request.first, examples=examples)
