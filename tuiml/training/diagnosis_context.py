"""What the rules of :mod:`tuiml.training.verdicts` and their remedies read of a preset's network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from tuiml.nn.activations import Activation, Linear
from tuiml.nn.initializers import Glorot, He, Initializer, LeCun, initializers
from tuiml.nn.layers import Layer
from tuiml.nn.network import Network, output_layer
from tuiml.registry import plain
from tuiml.spec.preset import Preset
from tuiml.training import bounds
from tuiml.training.stack_context import StackContext


@dataclass(frozen=True)
class DiagnosisContext(StackContext):
    """What is known of a network at one step."""

    preset: Preset
    network: Network
    inputs: tuple[float, float] | None = None
    """Mean and standard deviation of what goes into the network, where they were measured."""

    # -- the stack -----------------------------------------------------------------------------------------

    def layer(self, index: int) -> Layer:
        return self.network.nodes[index].layer

    @cached_property
    def weighted(self) -> tuple[int, ...]:
        """The layers that multiply by a matrix of weights, first to last."""
        return tuple(n.index for n in self.network.nodes if self.initializer(n.index) is not None)

    @cached_property
    def output(self) -> int | None:
        """The output layer."""
        return output_layer([node.layer for node in self.network.nodes])

    @cached_property
    def hidden(self) -> tuple[int, ...]:
        """The layers with weights before it."""
        return tuple(i for i in self.weighted if i != self.output)

    def initializer(self, index: int) -> Initializer | None:
        found: Initializer | None = getattr(self.layer(index), "initializer", None)
        return found

    def activation_index(self, index: int) -> int:
        """The layer whose activation a layer's outputs go through: itself, or one before the next weights."""
        for node in self.network.nodes[index:]:
            own = self.own_activation(node.index)
            if node.index != index and node.index in self.weighted:
                break
            if own is not None and not isinstance(own, Linear):
                return node.index
        return index

    def _between(self, index: int) -> Iterable[Layer]:
        """The layers after a weighted one, up to the next with weights."""
        for node in self.network.nodes[index + 1 :]:
            if node.index in self.weighted:
                return
            yield node.layer

    def own_activation(self, index: int) -> Activation | None:
        field = self.layer(index).activation_field
        found: Activation | None = getattr(self.layer(index), field, None) if field else None
        return found

    def activation(self, index: int) -> Activation:
        """The activation of a weighted layer, or of a layer of its own behind it."""
        return self.own_activation(self.activation_index(index)) or Linear()

    def path(self, index: int, key: str) -> str:
        """Where the document has an option of a weighted layer; for its activation, where that is."""
        at = self.activation_index(index) if key == "activation" else index
        field = self.layer(at).activation_field if key == "activation" else key
        return f"layers[{at}].{field}"

    def normalized(self, index: int) -> bool:
        """Whether a normalization follows before the next weights: what is learned there has no scale."""
        return any(layer.normalizes for layer in self._between(index))

    def symmetric(self, index: int) -> bool:
        """Whether a layer's units all start equal."""
        drawn = [self.initializer(index)]
        if getattr(self.layer(index), "bias", False):
            drawn.append(getattr(self.layer(index), "bias_initializer", None))
        return drawn[0] is not None and all(constant(found) for found in drawn if found is not None)

    @property
    def symmetric_pairs(self) -> tuple[tuple[int, int], ...]:
        """Units that start equal stay equal if the next layer's weights are equal too."""
        pairs = pairwise(self.weighted)
        return tuple((i, j) for i, j in pairs if self.symmetric(i) and self.symmetric(j))

    def noisy(self, index: int) -> bool:
        """Whether randomness, such as dropout, breaks the symmetry of the layer's units."""
        return self.layer(index).noisy() or any(layer.noisy() for layer in self._between(index))

    # -- what is known beside it ---------------------------------------------------------------------------

    @property
    def pretrained(self) -> bool:
        return self.preset.pretraining is not None

    @property
    def optimizer_name(self) -> str:
        return self.preset.training.optimizer.name

    @property
    def large_inputs(self) -> str:
        data = self.preset.data
        if self.inputs is not None:
            mean, std = self.inputs
            text = f"the inputs have mean {mean:.2g} and std {std:.2g}, for they are not normalized"
        elif data.normalize == "none" and data.top:  # as of pixels: some are near 0, some near the top
            mean, std = data.top / 4, data.top / 4
            text = f"the inputs go up to {data.top:g}, for they are not normalized"
        else:
            return ""
        return text if math.hypot(mean, std) > bounds.INPUTS else ""

    @property
    def diverged_text(self) -> str:
        return f"training diverged; the last finite weights are those of step {self.step:,}"

    @property
    def rate_in_force(self) -> float:
        return self.rate if math.isfinite(self.rate) and self.rate > 0 else self.preset.training.rate

    @property
    def usual_rate(self) -> float:
        """The optimizer's usual learning rate."""
        return self.preset.training.optimizer.rate

    @cached_property
    def suited(self) -> bool:
        """Whether all initial values suit the activations."""
        found = [(self.initializer(i), self.activation(i)) for i in self.weighted]
        return all(is_suited(initializer, activation) for initializer, activation in found)

    @property
    def guess(self) -> float:
        """The loss of a guess, ln(classes); infinity in a regression, where it is not known."""
        classes = self.preset.data.target == "classes"
        return math.log(max(2, self.network.outputs)) if classes else math.inf

    # -- words ---------------------------------------------------------------------------------------------

    def settings(self, indices: Sequence[int]) -> str:
        """Activations and initializers of layers: ``sigmoid, normal σ = 1``."""
        hidden = [i for i in indices if i in self.hidden]
        words = [self.activation(i).name for i in hidden] + [spread(self.initializer(i)) for i in hidden]
        found = list(dict.fromkeys(filter(None, words)))
        return ", ".join(found) if len(found) <= 3 else ""


def suited(activation: Activation) -> type[Initializer]:
    """The initializer that preserves the variance through layers with an activation."""
    return initializers[activation.suited_initializer]


def is_suited(initializer: Initializer | None, activation: Activation) -> bool:
    """Whether an initializer is of the suited family."""
    wanted = suited(activation)
    family = next((f for f in (Glorot, He, LeCun) if issubclass(wanted, f)), wanted)
    return isinstance(initializer, family)


def constant(initializer: Initializer) -> bool:
    """Whether every weight it draws is the same."""
    drawn = initializer.draw(np, np.random.default_rng(0), (4, 4), 4, 4)
    return float(np.ptp(drawn)) == 0.0


def spread(initializer: Initializer | None) -> str:
    """An initializer in words, with what sets its spread: ``normal σ = 1``."""
    if initializer is None:
        return ""
    values = {name: getattr(initializer, name) for name in type(initializer).model_fields}
    signs = {"stddev": "σ", "value": "c"}
    shown = [f"{signs.get(k, k)} = {plain(v)}" for k, v in values.items() if k != "mean" or v]
    return " ".join([initializer.name, ", ".join(shown)]).strip()
