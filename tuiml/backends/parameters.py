"""Every parameter of a network in one contiguous float32 array, every gradient in another.

An optimizer is then a handful of vector operations whatever the number of layers. A dense layer's weights lie
as (in + 1) × out with the bias as their last row; on disk they are PyTorch's out × in and a bias. A
convolution's lie likewise, its kernel's values as rows in the order (height, width, channel).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tuiml.nn.layers import Parameter
from tuiml.nn.network import Network, Node

Array = np.ndarray[Any, Any]


def stored_shape(node: Node, parameter: Parameter) -> tuple[int, ...]:
    """A parameter's shape in the arena: weights as in × out, their bias below; a vector as a column."""
    if parameter.name == "weight":
        return (_inputs(parameter) + _has_bias(node), parameter.shape[0])
    return (parameter.shape[0], 1)


def _inputs(weight: Parameter) -> int:
    """Values that one output is made of."""
    return math.prod(weight.shape[1:])


def _has_bias(node: Node) -> bool:
    return any(p.name == "bias" for p in node.parameters)


def initial_tensors(network: Network, seed: int) -> dict[str, Array]:
    """First values of every parameter by its name on disk, float32, drawn layer by layer.

    Each parameter has a generator of its own, so changing one layer leaves the others' values alone.
    """
    tensors = {}
    for node in network.nodes:
        for position, p in enumerate(node.parameters):
            rng = np.random.Generator(np.random.PCG64([seed, node.index, position]))
            values = p.initializer.draw(np, rng, p.shape, p.fan_in, p.fan_out)
            tensors[f"layers.{node.index}.{p.name}"] = np.ascontiguousarray(values, np.float32)
    return tensors


class Arena:
    """One flat array with a named view for each parameter of a network.

    Args:
        flat: the array to lay the views over, ``network.size`` float32 values; else a new one of zeros.
    """

    def __init__(self, network: Network, flat: Array | None = None) -> None:
        self.network = network
        self.flat = np.zeros(network.size, np.float32) if flat is None else flat
        self.views: list[dict[str, Array]] = [{} for _ in network.nodes]
        start = 0
        for node in network.nodes:
            for p in node.parameters:
                if p.name == "bias":
                    continue  # the last row of the weights
                shape = stored_shape(node, p)
                end = start + math.prod(shape)
                self.views[node.index][p.name] = self.flat[start:end].reshape(shape)
                start = end

    def tensors(self, prefix: str = "") -> dict[str, Array]:
        """Copies of the values by their names on disk."""
        found = {}
        for node in self.network.nodes:
            for p in node.parameters:
                view = self._view(node, p)
                found[f"{prefix}layers.{node.index}.{p.name}"] = np.array(view, order="C")
        return found

    def load(self, tensors: Mapping[str, Array], prefix: str = "") -> None:
        """Take values by their names on disk.

        Raises:
            ValueError: one is missing or has another shape; nothing was changed.
        """
        pairs = []
        for node in self.network.nodes:
            for p in node.parameters:
                name = f"{prefix}layers.{node.index}.{p.name}"
                if name not in tensors:
                    raise ValueError(f"{name} is missing")
                if tensors[name].shape != p.shape:
                    raise ValueError(f"{name} has the shape {tensors[name].shape}, not {p.shape}")
                pairs.append((self._view(node, p), tensors[name]))
        for view, values in pairs:
            view[...] = values

    def _view(self, node: Node, parameter: Parameter) -> Array:
        """A parameter as it lies on disk, as a view of the arena."""
        views = self.views[node.index]
        found: Array
        if parameter.name == "bias":
            found = views["weight"][-1]
        elif parameter.name == "weight":
            outputs, channels, *kernel = parameter.shape
            rows = views["weight"][: _inputs(parameter)]
            found = np.moveaxis(rows.reshape(*kernel, channels, outputs), (-1, -2), (0, 1))
        else:
            found = views[parameter.name][:, 0]
        return found
