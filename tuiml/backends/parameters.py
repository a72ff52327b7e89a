"""Every parameter of a network in one contiguous float32 array, every gradient in another, every buffer in a
third.

An optimizer is then a handful of vector operations whatever the number of layers. A dense layer's weights lie
as (in + 1) × out with the bias as their last row; on disk they are PyTorch's out × in and a bias. A
convolution's lie likewise, its kernel's values as rows in the order (height, width, channel).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tuiml.backends.forks import zeros
from tuiml.nn.layers import Parameter
from tuiml.nn.layers.windows import with_channels
from tuiml.nn.network import Network, Node

Array = np.ndarray[Any, Any]


def stored_shape(node: Node, parameter: Parameter) -> tuple[int, ...]:
    """A parameter's shape in the arena: weights as in × out, their bias below; anything else a column."""
    if parameter.by_element:
        return (parameter.size, 1)
    return (_inputs(parameter) + _has_bias(node), parameter.shape[0])


def seen_shape(node: Node, parameter: Parameter) -> tuple[int, ...]:
    """The shape in which formulas see a parameter: what belongs to values one by one broadcasts over them."""
    if not parameter.by_element:
        return parameter.shape
    if len(parameter.shape) == 1:  # one value a unit, or a channel
        return parameter.shape + (1,) * len(with_channels(node.output_shape))
    channels, height, width = with_channels(parameter.shape)
    return (channels, width, height, 1)


def seen(node: Node, parameter: Parameter, values: Any) -> Any:
    """An array of either backend, flat or as on disk, in that shape; a view where possible."""
    shape = seen_shape(node, parameter)
    if parameter.by_element and len(parameter.shape) > 1:
        return values.reshape(*with_channels(parameter.shape), 1).transpose(0, 2, 1, 3)
    return values.reshape(shape)


def _inputs(weight: Parameter) -> int:
    """Values that one output is made of."""
    return math.prod(weight.shape[1:])


def _has_bias(node: Node) -> bool:
    return any(_in_matrix(p) for p in node.parameters)


def _in_matrix(parameter: Parameter) -> bool:
    """Whether it is a matrix's bias, which lies as its last row."""
    return parameter.name == "bias" and not parameter.by_element


def initial_tensors(network: Network, seed: int) -> dict[str, Array]:
    """First values of every parameter and buffer by its name on disk, float32, drawn layer by layer.

    Each parameter has a generator of its own, so changing one layer leaves the others' values alone.
    """
    tensors = {}
    for node in network.nodes:
        for position, p in enumerate((*node.parameters, *node.buffers)):
            rng = np.random.Generator(np.random.PCG64([seed, node.index, position]))
            values = p.initializer.draw(np, rng, p.shape, p.fan_in, p.fan_out)
            tensors[f"layers.{node.index}.{p.name}"] = np.ascontiguousarray(values, np.float32)
    return tensors


def parts_of(node: Node, arena: Arena) -> tuple[Array | None, Array | None]:
    """A layer's weights and its biases as views of an arena; ``None`` where it has none."""
    views = arena.views[node.index]
    weights, biases = views.get("weight"), views.get("bias")
    if weights is not None and _has_bias(node):
        return weights[:-1], weights[-1]
    return weights, None if biases is None else biases.reshape(-1)


class Arena:
    """One flat array with a named view for each parameter of a network.

    Args:
        flat: the array to lay the views over, ``network.size`` float32 values; else a new one of zeros.
        buffers: hold the network's buffers, ``network.buffer_size`` values, in place of its parameters.
    """

    def __init__(self, network: Network, flat: Array | None = None, *, buffers: bool = False) -> None:
        self._entries = [(n, p) for n in network.nodes for p in (n.buffers if buffers else n.parameters)]
        size = sum(p.size for _, p in self._entries)
        self.flat = zeros(size) if flat is None else flat
        self.views: list[dict[str, Array]] = [{} for _ in network.nodes]
        start = 0
        for node, p in self._entries:
            if _in_matrix(p):
                continue  # the last row of the weights
            shape = stored_shape(node, p)
            end = start + math.prod(shape)
            self.views[node.index][p.name] = self.flat[start:end].reshape(shape)
            start = end

    def tensors(self, prefix: str = "") -> dict[str, Array]:
        """Copies of the values by their names on disk."""
        return {
            f"{prefix}layers.{node.index}.{p.name}": np.array(self._view(node, p), order="C")
            for node, p in self._entries
        }

    def pairs(self, tensors: Mapping[str, Array], prefix: str = "") -> list[tuple[Array, Array]]:
        """Where values go, and the values by their names on disk.

        Raises:
            ValueError: one is missing or has another shape.
        """
        found = []
        for node, p in self._entries:
            name = f"{prefix}layers.{node.index}.{p.name}"
            if name not in tensors:
                raise ValueError(f"{name} is missing")
            if tensors[name].shape != p.shape:
                raise ValueError(f"{name} has the shape {tensors[name].shape}, not {p.shape}")
            found.append((self._view(node, p), tensors[name]))
        return found

    def load(self, tensors: Mapping[str, Array], prefix: str = "") -> None:
        """Take values by their names on disk.

        Raises:
            ValueError: one is missing or has another shape; nothing was changed.
        """
        for view, values in self.pairs(tensors, prefix):
            view[...] = values

    def _view(self, node: Node, parameter: Parameter) -> Array:
        """A parameter as it lies on disk, as a view of the arena."""
        views = self.views[node.index]
        found: Array
        if _in_matrix(parameter):
            found = views["weight"][-1]
        elif parameter.by_element:
            found = views[parameter.name].reshape(parameter.shape)
        elif len(parameter.shape) > 2:
            outputs, channels, *kernel = parameter.shape
            rows = views["weight"][: _inputs(parameter)]
            found = np.moveaxis(rows.reshape(*kernel, channels, outputs), (-1, -2), (0, 1))
        else:
            found = views["weight"][: parameter.shape[1]].T
        return found
