"""Weights of the first layer, as images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from tuiml.nn.network import Network, Node
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, signed, thinned

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
        node = first_weights(network.network, network.image_size)
        if node is None:
            return None
        weight = network.engine.tensors()[f"layers.{node.index}.weight"]
        size = weight.shape[2:] if weight.ndim == 4 else network.image_size
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


def first_weights(network: Network, size: tuple[int, int] | None) -> Node | None:
    """The first layer with weights, if these see every pixel of an image of ``size`` or are kernels; else
    ``None``: they cannot be shown as images."""
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
