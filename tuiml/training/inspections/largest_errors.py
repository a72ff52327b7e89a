"""The examples with the highest losses, of a regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from pydantic import Field

from tuiml.training.codec import Bounded, Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, floats


@dataclass(frozen=True)
class RegressionExample:
    """An example and its predictions."""

    row: Count
    """Its index in the part."""
    targets: record.Values
    predictions: record.Values
    """The first outputs, in the units of the data."""
    loss: Bounded
    values: record.Values
    """Its first raw inputs."""


@dataclass(frozen=True)
class LargestErrors(record.Evaluated, event="largest_errors"):
    """The examples with the highest losses, the highest first."""

    regression: ClassVar[bool | None] = True
    first: Count
    """Examples with higher losses than these."""
    examples: Annotated[tuple[RegressionExample, ...], Field(max_length=256)]

    def check(self) -> None:
        record.require(all(len(each.targets) == len(each.predictions) for each in self.examples))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self:
        """``count`` examples from ``first`` on."""
        part, outputs, losses = network.evaluate(most)
        targets = network.data.original(part.labels)
        examples = tuple(
            RegressionExample(
                row,
                floats(targets[row][: record.VALUES]),
                floats(outputs[row][: record.VALUES]),
                float(losses[row]),
                floats(network.data.raw(part.inputs[row])[: record.VALUES]),
            )
            for row in network.highest_losses(losses, request.first, request.count)
        )
        return cls(**network.about(part), first=request.first, examples=examples)
