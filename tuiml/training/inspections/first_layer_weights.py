"""Weights of the first layer: as images, or of a table as a row each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from tuiml.nn.network import Network, Node
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, image_size, signed, thinned

Shown = Annotated[record.Side, Field(ge=1)]


@dataclass(frozen=True)
class Weights(record.UnitGrids, event="weights"):
    """The weights of some units of the first layer that has any."""

    width: Shown
    height: Shown

    def check(self) -> None:
        self.check_size(self.width * self.height)

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
        """The ``count`` units from ``first`` on."""
        size = grid_of(network.data.shape)
        node = first_weights(network.network, size)
        if node is None:
            return None
        weight = network.engine.tensors()[f"layers.{node.index}.weight"]
        size = weight.shape[2:] if weight.ndim == 4 else size
        height, width, stride = thinned((size[0], size[1]) if size else (1, 1), record.SIDE)
        images = weight.reshape(len(weight), -1, *(size or ())).mean(axis=1)
        count = min(request.count, record.CELLS // (width * height))
        chosen = images[request.first : request.first + count, ::stride, ::stride]
        scales, grids = signed(chosen.reshape(len(chosen), -1))
        return cls(
            step=network.step,
            layer=node.index,
            first=request.first,
            total=len(weight),
            width=width,
            height=height,
            scales=scales,
            grids=grids,
        )


def grid_of(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Rows and columns of the weights of a unit that sees every input of an example of this shape: those of
    an image, or one row for a table of at most :data:`~.record.SIDE` inputs; ``None`` for a wider table."""
    if len(shape) == 1:
        return (1, shape[0]) if shape[0] <= record.SIDE else None
    return image_size(shape)


def first_weights(network: Network, size: tuple[int, int] | None) -> Node | None:
    """The first layer with weights, if these see every input of a grid of ``size`` or are kernels; else
    ``None``: they cannot be shown as images or rows."""
    if size is None:
        return None
    pixels = math.prod(network.input_shape)
    for node in network.nodes:
        weight = next((p for p in node.parameters if p.name == "weight" and len(p.shape) > 1), None)
        if weight is not None:
            return node if len(weight.shape) == 4 or weight.shape[1] == pixels else None
        if math.prod(node.output_shape) != pixels:
            return None
    return None
