"""A network: layers with their shapes worked out, and the two passes through all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.nn.layers import ActivationLayer, Dense, Flatten, Layer, Parameter, Shape, Values
from tuiml.nn.layers.windows import image_shape
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
    buffers: tuple[Parameter, ...] = ()

    @property
    def size(self) -> int:
        """Number of learned values."""
        return sum(p.size for p in self.parameters)

    @property
    def multiply_adds(self) -> int:
        """Of an example's forward pass: each weight once at every place of an image."""
        return self.size * math.prod(self.output_shape[1:])

    @property
    def buffer_size(self) -> int:
        """Number of values in the buffers, which are updated but not learned."""
        return sum(p.size for p in self.buffers)


@dataclass(frozen=True)
class Network:
    """A stack of layers and the loss at its end."""

    nodes: tuple[Node, ...]
    loss: Loss
    class_weights: tuple[float, ...] = ()
    """What an example of each class counts in the training loss; empty: all count 1."""

    @property
    def size(self) -> int:
        """Number of learned values."""
        return sum(node.size for node in self.nodes)

    @property
    def buffer_size(self) -> int:
        """Number of values in the buffers, which are updated but not learned."""
        return sum(node.buffer_size for node in self.nodes)

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


def node_of(index: int, layer: Layer, shape: Shape) -> Node:
    """A layer in its place.

    Raises:
        ShapeError: it cannot take ``shape``.
    """
    after = layer.output_shape(shape)
    return Node(index, layer, shape, after, layer.parameters(shape), layer.buffers(shape))


def build(layers: Sequence[Layer], input_shape: Shape, loss: Loss) -> Network:
    """Work out the shapes of a stack that is known to fit.

    Raises:
        ShapeError: a layer cannot take what the one before it gives.
    """
    nodes: list[Node] = []
    shape = input_shape
    for index, layer in enumerate(layers):
        nodes.append(node_of(index, layer, shape))
        shape = nodes[-1].output_shape
    return Network(tuple(nodes), loss)


def output_layer(stack: Sequence[Layer | None]) -> int | None:
    """The dense layer that makes the outputs: the last one, with nothing but activations after it."""
    for index in reversed(range(len(stack))):
        if isinstance(stack[index], Dense):
            return index
        if not isinstance(stack[index], ActivationLayer):
            break
    return None


def forward(
    xp: Any, network: Network, x: Array, p: Parameters, noise: Sequence[Array | None]
) -> list[Values]:
    """Each layer's values, first to last.

    Args:
        x: examples as they lie in the data, features × batch.
        p: the parameters, and in evaluation the buffers.
        noise: one entry a layer, ``None`` in evaluation.
    """
    passed: list[Values] = []
    if len(network.input_shape) > 1 and not isinstance(network.nodes[0].layer, Flatten):
        x = xp.image(x, image_shape(network.input_shape, "the network"))
    for node in network.nodes:
        passed.append(node.layer.forward(xp, x, p[node.index], noise[node.index]))
        x = passed[-1].y
    return passed


def updated_buffers(xp: Any, network: Network, passed: Sequence[Values], old: Parameters) -> Parameters:
    """Every layer's buffers after a training step, from those before it."""
    return [
        node.layer.updated_buffers(xp, old[node.index], passed[node.index].batch_statistics)
        if node.buffers
        else {}
        for node in network.nodes
    ]


def backward(
    xp: Any,
    network: Network,
    passed: Sequence[Values],
    target: Array,
    p: Parameters,
    noise: Sequence[Array | None],
    batch_size: int,
    weights: Array | None = None,
) -> Parameters:
    """Gradient of the batch's mean loss for every parameter (back-propagation; Rumelhart et al. 1986).

    Args:
        batch_size: examples in the batch, of which these may be one shard.
        weights: what each example's loss is multiplied by, (1, examples); ``None``: 1.
    """
    last = passed[-1]
    g = network.loss.gradient(xp, last.z, last.y, target) * (1.0 / batch_size)
    g = g if weights is None else g * weights
    gradients: Parameters = [{} for _ in network.nodes]
    for node in reversed(network.nodes):
        i, fused = node.index, node is network.nodes[-1] and network.fused
        g, gradients[i] = node.layer.backward(xp, passed[i], g, p[i], noise[i], fused)
    return gradients
