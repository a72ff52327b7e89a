"""The examples with the highest losses, of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from tuiml.data.arrays import Part
from tuiml.training.codec import Bounded, Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, as_bytes, floats, thinned


@dataclass(frozen=True)
class Example:
    """An example and its prediction."""

    row: Count
    """Its index in the part."""
    label: record.ClassIndex
    predicted: record.ClassIndex
    probability: Bounded
    """Of the predicted class."""
    loss: Bounded
    pixels: record.Grid
    """Of an image, 0 to 255; else empty."""
    values: record.Values
    """The first raw values of an example that is no image."""


@dataclass(frozen=True)
class HighestLoss(record.Evaluated, event="highest_loss"):
    """The examples with the highest losses, the highest first."""

    regression: ClassVar[bool | None] = False
    first: Count
    """Examples with higher losses than these."""
    width: record.Side
    height: record.Side
    """Of the images; 0: the examples are none."""
    examples: Annotated[tuple[Example, ...], Field(max_length=256)]

    def check(self) -> None:
        size = self.width * self.height
        record.require(len(self.examples) <= record.CELLS // max(1, size))
        record.require(all(len(example.pixels) == size for example in self.examples))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self:
        """``count`` examples from ``first`` on."""
        part, found, losses = network.evaluate(most)
        height, width, _ = thinned(network.image_size, record.SIDE) if network.image_size else (0, 0, 1)
        count = min(request.count, record.CELLS // max(1, width * height))
        predicted = found.argmax(0)
        examples = []
        for row in network.highest_losses(losses, request.first, count):
            guess = int(predicted[row])
            pixels, values = _shown(network, part, row)
            label, probability = int(part.labels[row]), float(found[guess, row])
            examples.append(Example(row, label, guess, probability, float(losses[row]), pixels, values))
        sizes: dict[str, Any] = {"first": request.first, "width": width, "height": height}
        return cls(**network.about(part), **sizes, examples=tuple(examples))


def _shown(network: InspectedNetwork, part: Part, row: int) -> tuple[bytes, tuple[float, ...]]:
    """The pixels of an example that is an image, else its first values."""
    raw, size = part.inputs[row], network.image_size
    if not size:
        return b"", floats(network.data.raw(raw)[: record.VALUES])
    stride = thinned(size, record.SIDE)[2]
    low, high = network.pixel_range()
    image = raw.reshape(-1, *size)[:, ::stride, ::stride].astype(np.float64).mean(axis=0)
    return as_bytes((image - low) / ((high - low) or 1.0)).tobytes(), ()
