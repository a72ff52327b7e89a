"""The class that the network predicts for an image that the user drew."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from tuiml.training import codec
from tuiml.training.codec import Bounded, Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork


@dataclass(frozen=True)
class Drawing:
    """An image that the user drew."""

    number: Count
    """The prediction has the same."""
    pixels: record.Grid
    """Row by row, from 0 (background) to 255."""

    def to_json(self) -> dict[str, Any]:
        """The drawing as JSON's types."""
        return codec.plain(self)

    def predict(self, network: InspectedNetwork) -> DrawingPrediction | None:
        """The prediction for it; ``None`` where it does not suit the network."""
        data, size = network.data, network.image_size
        suits = size is not None and len(self.pixels) == math.prod(size)
        if not suits or not 0 < network.classes <= record.CLASSES:
            return None
        raw = network.pixels(np.frombuffer(self.pixels, np.uint8).astype(np.float64) / 255)
        raw = np.tile(raw, math.prod(data.shape) // len(raw))
        found = network.probabilities(raw[None])[:, 0]
        return DrawingPrediction(network.step, self.number, tuple(float(v) for v in found))


@dataclass(frozen=True)
class DrawingPrediction(record.Inspection, event="drawing"):
    """The prediction for a :class:`Drawing`."""

    by_request: ClassVar[bool] = False
    number: Count
    """Of the drawing."""
    probabilities: Annotated[tuple[Bounded, ...], Field(max_length=record.CLASSES)]
    """Of each class."""
