"""Which layers of a preset are pretrained, and why a preset cannot be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuiml.nn.layers import Dense, Dropout, Flatten, Layer
from tuiml.nn.network import Network, Node, output_layer
from tuiml.spec.problems import Problem

if TYPE_CHECKING:
    from tuiml.spec.preset import Preset

PASSED = (Flatten, Dropout)
"""Layers that pretraining goes through: they do nothing to a row of numbers outside training."""


def nodes(network: Network) -> list[Node]:
    """The layers of a checked preset's network that are pretrained: every dense one but the output."""
    before = network.nodes[: output_layer([node.layer for node in network.nodes])]
    return [node for node in before if isinstance(node.layer, Dense)]


def linear(preset: Preset) -> bool:
    """Whether the first layer's visible units are linear: the inputs have unit variance, not a range."""
    return preset.data.normalize == "standard"


def problems(preset: Preset, stack: Sequence[Layer]) -> list[Problem]:
    """What keeps a preset with a ``[pretraining]`` section from being pretrained."""
    method = preset.pretraining
    if method is None:
        return []
    found = []
    train, _, _ = preset.data.sizes()
    if method.batch_size > train and not preset.data.problems():
        text = f"{method.batch_size} is more than the {train} training examples; give at most {train}"
        found.append(Problem("pretraining.batch_size", text))
    if preset.data.normalize == "none":
        text = f"{method.name} takes inputs in 0…1 or of unit variance, not raw ones; give unit or standard"
        found.append(Problem("data.normalize", text))
    hidden = list(enumerate(stack[: output_layer(stack)]))
    if not any(isinstance(layer, Dense) for _, layer in hidden):
        text = f"needs a dense layer before the last one: {method.name} pretrains the hidden layers"
        found.append(Problem("pretraining", text))
    for index, layer in hidden:
        found += _of_layer(index, layer, method.name, method.activation)
    return found


def _of_layer(index: int, layer: Layer, method: str, wanted: str) -> list[Problem]:
    if isinstance(layer, Dense):
        if layer.activation.name == wanted:
            return []
        text = f"{method} pretrains {wanted} layers, not {layer.activation.name}"
        return [Problem(f"layers[{index}].activation", f"{text}; give {wanted}, or take [pretraining] away")]
    if isinstance(layer, PASSED):
        return []
    text = f"{method} pretrains stacks of flatten, dense and dropout layers, not {layer.name}"
    return [Problem(f"layers[{index}]", f"{text}; take it or [pretraining] away")]


def values(preset: Preset, network: Network) -> int:
    """Float32 values that pretraining holds beside the network, at its widest layer."""
    if preset.pretraining is None:
        return 0
    train, _, _ = preset.data.sizes()
    batch = min(preset.pretraining.batch_size, train)
    found = 0
    below = 0
    for node in nodes(network):
        inputs, units = math.prod(node.input_shape), node.output_shape[0]
        stored = train * ((units + 1) + below)  # what the layer makes of the examples, and what it is given
        # Weights, velocity and two phases; data, reconstruction and their difference; the hidden units'
        # probabilities of both phases, states, random numbers and their counters.
        found = max(found, stored + 4 * inputs * units + batch * (4 * inputs + 6 * units))
        below = units + 1
    return found
