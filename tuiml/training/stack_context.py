"""What the rules of :mod:`tuiml.training.verdicts` read of any network: its layers and their numbers.

:class:`~tuiml.training.diagnosis_context.DiagnosisContext` is that of a preset.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tuiml.formatting import percent
from tuiml.training.layer_statistics import LayerStatistics

FAR, HIGH = 1000.0, 20.0
"""Multiples of the optimizer's usual learning rate from which it is blamed for harm: above the first whatever
the initial values, above the second where these suit the activations."""
WRECKED = 0.9
"""Fraction of a layer's units that are silent after steps far too long: hardly any is left."""
FINISHED = 0.99
"""Training accuracy, or R², of a network that has learned its data."""


@dataclass(frozen=True, kw_only=True)
class StackContext(ABC):
    """What is known of a network at one step."""

    layers: Sequence[LayerStatistics]
    step: int = 0
    """Steps trained."""
    losses: tuple[float, float] | None = None
    """Training loss at the beginning and now."""
    diverged: bool = False
    rate: float = math.nan
    """The learning rate in force; NaN: not known, or that of the preset."""
    score: float = math.nan
    """Training accuracy, or R², now; NaN: not known."""
    targets: tuple[float, float] | None = None
    """Mean and standard deviation of targets that are numbers, as trained on, where they were measured."""

    # -- the stack -----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def weighted(self) -> tuple[int, ...]:
        """The layers that multiply by a matrix of weights, first to last."""

    @property
    @abstractmethod
    def hidden(self) -> tuple[int, ...]:
        """Those whose outputs are not the network's."""

    @abstractmethod
    def activation_index(self, index: int) -> int:
        """The layer whose activation a weighted layer's outputs go through."""

    @abstractmethod
    def normalized(self, index: int) -> bool:
        """Whether a normalization follows before the next weights: what is learned there has no scale."""

    @abstractmethod
    def noisy(self, index: int) -> bool:
        """Whether randomness, such as dropout, breaks the symmetry of the layer's units."""

    @property
    @abstractmethod
    def symmetric_pairs(self) -> tuple[tuple[int, int], ...]:
        """Weighted layers with all units equal, each with the next one, of which that holds too."""

    @property
    def untrained(self) -> tuple[int, ...]:
        """The layers that no step changes, while others are trained, though they are to be."""
        return ()

    @property
    def frozen(self) -> tuple[int, ...]:
        """The layers that are not to be trained, if that is unlikely to be meant."""
        return ()

    # -- what is known beside it ---------------------------------------------------------------------------

    @property
    @abstractmethod
    def optimizer_name(self) -> str: ...

    @property
    @abstractmethod
    def usual_rate(self) -> float:
        """The optimizer's usual learning rate; NaN if not known."""

    @property
    def rate_in_force(self) -> float:
        return self.rate

    @property
    @abstractmethod
    def suited(self) -> bool:
        """Whether all initial values suit the activations, as far as is known."""

    @property
    def guess(self) -> float:
        """The loss of a guess; infinity where it is not known."""
        return math.inf

    @property
    def pretrained(self) -> bool:
        """Whether pretraining replaces the initial values."""
        return False

    @property
    def large_inputs(self) -> str:
        """That the inputs are too large, in words; empty: they are not, or it is not known."""
        return ""

    @property
    def diverged_text(self) -> str:
        return "the loss is no number any more"

    # -- numbers -------------------------------------------------------------------------------------------

    def of(self, index: int) -> LayerStatistics:
        """The statistics of a weighted layer's outputs: behind its activation."""
        return self.layers[self.activation_index(index)]

    def gradient(self, index: int) -> float:
        return self.layers[index].gradient_norm

    def not_finite(self, index: int) -> bool:
        """Whether outputs of a weighted layer are not finite."""
        return not math.isfinite(self.of(index).std)

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

    @cached_property
    def far_too_fast(self) -> bool:
        """Whether the learning rate is far above the usual one, and has done harm."""
        ratio = self.rate_in_force / self.usual_rate
        harm = bool(self.step) and (self.diverged or self.grew or self.wrecked)
        return harm and not self.learned and (ratio >= FAR or (ratio >= HIGH and self.suited))

    @property
    def rate_text(self) -> str:
        """The learning rate beside the usual one, and what became of the network."""
        name, rate = self.optimizer_name, self.rate_in_force
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
        return ""

    def span(self, indices: Sequence[int]) -> str:
        """Layers in words: ``Layers 2 to 10``."""
        return span(indices)


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
