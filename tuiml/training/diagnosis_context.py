"""What the rules of :mod:`tuiml.training.verdicts` read: a network and its statistics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tuiml.formatting import percent
from tuiml.nn.activations import Activation, Linear
from tuiml.nn.initializers import Glorot, He, Initializer, LeCun, initializers
from tuiml.nn.layers import Layer
from tuiml.nn.network import Network, output_layer
from tuiml.registry import plain
from tuiml.spec.preset import Preset
from tuiml.training.layer_statistics import LayerStatistics

FAR, HIGH = 1000.0, 20.0
"""Multiples of the optimizer's usual learning rate from which it is blamed for harm: above the first whatever
the initial values, above the second where these suit the activations."""
WRECKED = 0.9
"""Fraction of a layer's units that are silent after steps far too long: hardly any is left."""
FINISHED = 0.99
"""Training accuracy, or R², of a network that has learned its data."""


@dataclass(frozen=True)
class DiagnosisContext:
    """What is known of a network at one step."""

    preset: Preset
    network: Network
    layers: Sequence[LayerStatistics]
    step: int = 0
    """Steps trained."""
    inputs: tuple[float, float] | None = None
    """Mean and standard deviation of what goes into the network, where they were measured."""
    targets: tuple[float, float] | None = None
    """Mean and standard deviation of targets that are numbers, as trained on, where they were measured."""
    losses: tuple[float, float] | None = None
    """Training loss at the beginning and now."""
    diverged: bool = False
    rate: float = math.nan
    """The learning rate in force; NaN: the preset's."""
    score: float = math.nan
    """Training accuracy, or R², now; NaN: not known."""

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

    def noisy(self, index: int) -> bool:
        """Whether randomness, such as dropout, breaks the symmetry of the layer's units."""
        return self.layer(index).noisy() or any(layer.noisy() for layer in self._between(index))

    # -- numbers -------------------------------------------------------------------------------------------

    def of(self, index: int) -> LayerStatistics:
        """The statistics of a weighted layer's outputs: behind its activation."""
        return self.layers[self.activation_index(index)]

    def gradient(self, index: int) -> float:
        return self.layers[index].gradient_norm

    @cached_property
    def ratio(self) -> float:
        """Median over the layers of log10 of update over weight; NaN where none is known."""
        ratios = [self.layers[i].update_ratio for i in self.weighted]
        found = [ratio for ratio in ratios if math.isfinite(ratio)]
        return float(np.median(found)) if found else math.nan

    @cached_property
    def fall(self) -> float:
        """Ratio of the last layer's gradient norm to the first layer's; NaN if not known."""
        norms = [self.gradient(i) for i in self.weighted]
        if len(norms) < 3 or not all(map(math.isfinite, norms)) or not norms[-1] > 0:
            return math.nan
        least = min(norms[: len(norms) // 2])
        return norms[-1] / least if least > 0 else math.inf

    @property
    def rate_in_force(self) -> float:
        return self.rate if math.isfinite(self.rate) and self.rate > 0 else self.preset.training.rate

    @property
    def usual_rate(self) -> float:
        """The optimizer's usual learning rate."""
        return self.preset.training.optimizer.rate

    @cached_property
    def far_too_fast(self) -> bool:
        """Whether the learning rate is far above the usual one, and has done harm."""
        ratio = self.rate_in_force / self.usual_rate
        harm = bool(self.step) and (self.diverged or self.grew or self.wrecked)
        return harm and not self.learned and (ratio >= FAR or (ratio >= HIGH and self.suited))

    @property
    def rate_text(self) -> str:
        """The learning rate beside the usual one, and what became of the network."""
        name, rate = self.preset.training.optimizer.name, self.rate_in_force
        text = f"a learning rate of {rate:g} is far above {self.usual_rate:g}, the usual one of {name}"
        if self.losses is None or not self.grew:
            return text
        first, now = self.losses
        if not now < 2 * first:
            return f"{text}; the loss went from {first:.3g} to {now:.3g}"
        return f"{text}; the loss is {now:.3g}, that of a guess {self.guess:.3g}"

    @cached_property
    def wrecked(self) -> bool:
        """Whether hardly a unit of some hidden layer is left that is ever on."""
        return any(self.of(i).dead >= WRECKED or self.of(i).zeros >= 1.0 for i in self.hidden)

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

    @property
    def grew(self) -> bool:
        """Whether the loss is at least twice the initial one, or that of a guess, or not a number."""
        return self.losses is not None and not self.losses[1] < 2 * min(self.losses[0], self.guess)

    @property
    def learns(self) -> bool:
        """Whether the loss fell noticeably from the initial one; False if it is not known."""
        return self.losses is not None and self.losses[1] < 0.9 * self.losses[0]

    @property
    def learned(self) -> bool:
        """Whether most of the loss is gone; saturated outputs and small gradients are then signs of success.

        The loss is compared with that of a guess if the initial one was above it; or the training accuracy,
        or R², says so.
        """
        if self.losses is None:
            return False
        first, now = self.losses
        return now < 0.25 * min(first, self.guess) or (self.learns and self.score >= FINISHED)

    @property
    def finished(self) -> bool:
        """Whether the network has learned its training data: then nothing is wrong with it."""
        return self.learned and self.score >= FINISHED

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


def span(indices: Sequence[int]) -> str:
    """Layers in words, as the table numbers them: ``Layers 2 to 10``, ``Layer 3``, ``Layers 1, 2 and 5``.

    Of many, those between that do not belong are passed over: they have no weights.
    """
    if len(indices) == 1:
        return f"Layer {indices[0]}"
    if len(indices) == 2 or (len(indices) == 3 and indices[-1] - indices[0] > 2):
        return f"Layers {', '.join(map(str, indices[:-1]))} and {indices[-1]}"
    return f"Layers {indices[0]} to {indices[-1]}"


_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def times(factor: float) -> str:
    """A factor in words: ``300-fold``, ``10⁵-fold``."""
    if not math.isfinite(factor):
        return "to 0"
    if factor < 9500:
        return f"{float(f'{factor:.1g}'):,.0f}-fold"
    return f"10{str(round(math.log10(factor))).translate(_SUPERSCRIPT)}-fold"


def percents(fractions: Sequence[float]) -> str:
    """``62 to 73 %``."""
    low, high = percent(min(fractions), 0), percent(max(fractions), 0)
    return high if low == high else f"{low.removesuffix(' %')} to {high}"


def figures(values: Sequence[float]) -> str:
    """``0.011 to 0.025``."""
    low, high = (f"{value:.2g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
