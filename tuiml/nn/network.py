"""A network: layers with their shapes worked out, and the two passes through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.nn.layers import Flatten, Layer, Parameter, Shape, Values
from tuiml.nn.layers.windows import picture
from tuiml.nn.losses import Loss

Array = Any
Parameters = list[dict[str, Array]]
"""A dictionary of arrays for each layer."""


@dataclass(frozen=True)
class Node:
    """A layer in its place: shapes are those of one example."""

    index: int
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    parameters: tuple[Parameter, ...]

    @property
    def size(self) -> int:
        """Number of learned values."""
        return sum(p.size for p in self.parameters)


@dataclass(frozen=True)
class Network:
    """A stack of layers and the loss at its end."""

    nodes: tuple[Node, ...]
    loss: Loss

    @property
    def size(self) -> int:
        """Number of learned values."""
        return sum(node.size for node in self.nodes)

    @property
    def input_shape(self) -> Shape:
        return self.nodes[0].input_shape

    @property
    def outputs(self) -> int:
        """Values in the last layer's output."""
        return self.nodes[-1].output_shape[0]

    @property
    def fused(self) -> bool:
        """Whether the loss takes the last layer before its activation."""
        return self.loss.activation is not None


def build(layers: Sequence[Layer], input_shape: Shape, loss: Loss) -> Network:
    """Work out the shapes of a stack that is known to fit.

    Raises:
        ShapeError: a layer cannot take what the one before it gives.
    """
    nodes, shape = [], input_shape
    for index, layer in enumerate(layers):
        after = layer.output_shape(shape)
        nodes.append(Node(index, layer, shape, after, layer.parameters(shape)))
        shape = after
    return Network(tuple(nodes), loss)


def forward(
    xp: Any, network: Network, x: Array, p: Parameters, noise: Sequence[Array | None]
) -> list[Values]:
    """Each layer's values, first to last.

    Args:
        x: examples as they lie in the data, features × batch.
        noise: one entry a layer, ``None`` in evaluation.
    """
    passed: list[Values] = []
    if len(network.input_shape) > 1 and not isinstance(network.nodes[0].layer, Flatten):
        x = xp.picture(x, picture(network.input_shape, "the network"))
    for node in network.nodes:
        passed.append(node.layer.forward(xp, x, p[node.index], noise[node.index]))
        x = passed[-1].y
    return passed


def backward(
    xp: Any,
    network: Network,
    passed: Sequence[Values],
    target: Array,
    p: Parameters,
    noise: Sequence[Array | None],
) -> Parameters:
    """Gradient of the batch's mean loss for every parameter (back-propagation; Rumelhart et al. 1986)."""
    last = passed[-1]
    g = network.loss.gradient(xp, last.z, last.y, target) * (1.0 / target.shape[1])
    gradients: Parameters = [{} for _ in network.nodes]
    for node in reversed(network.nodes):
        i, fused = node.index, node is network.nodes[-1] and network.fused
        g, gradients[i] = node.layer.backward(xp, passed[i], g, p[i], noise[i], fused)
    return gradients
