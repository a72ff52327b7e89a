"""What the trainer asks of a backend."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tuiml.data.arrays import Data, Part
from tuiml.nn.optimizers import Optimizer

Array = np.ndarray[Any, Any]


def as_part(inputs: Array, like: Part) -> Part:
    """Examples that are in no part of the data, as one of its parts; their labels say nothing.

    Inputs are float32, also of data that are bytes: new ones may lie between or beyond these.
    """
    rows: Any = np.ascontiguousarray(inputs, np.float32)
    return Part(rows, np.zeros((len(rows), *like.labels.shape[1:]), like.labels.dtype))


@dataclass(frozen=True)
class Totals:
    """Sums over a number of examples."""

    loss: float
    correct: int
    examples: int
    missed: float | None = None
    """Where the target is numbers, not classes: what :attr:`r2` is short of 1, times the examples."""

    @property
    def mean_loss(self) -> float:
        """Mean loss an example; NaN when there was none."""
        return self.loss / self.examples if self.examples else float("nan")

    @property
    def accuracy(self) -> float:
        """Fraction got right, 0 to 1; NaN when there was no example, or no classes."""
        return self.correct / self.examples if self.examples and self.missed is None else float("nan")

    @property
    def r2(self) -> float:
        """Fraction of the targets' variance that is explained: 1 at best, 0 for always the mean.

        Minus infinity where it is not defined: all targets are equal, or there is no example. NaN of classes.
        """
        if self.missed is None:
            return math.nan
        found = 1.0 - self.missed / self.examples if self.examples else math.nan
        return found if math.isfinite(found) else -math.inf

    def __add__(self, other: Totals) -> Totals:
        missed = None
        if self.missed is not None or other.missed is not None:
            missed = (self.missed or 0.0) + (other.missed or 0.0)
        correct, examples = self.correct + other.correct, self.examples + other.examples
        return Totals(self.loss + other.loss, correct, examples, missed)


@dataclass(frozen=True)
class LayerView:
    """Arrays of one layer as they are now; read them before the next step."""

    output: Array
    """Activations, features × batch; of images channels × (pixels and batch)."""
    weights: Array | None
    """A matrix without its bias, or one value a unit; ``None`` for a layer without."""
    gradients: Array | None
    """Of the weights in the last step, shaped as they are; ``None`` where none was computed."""
    inputs: Array | None = None
    """Pre-activations, as ``output``; ``None`` where the layer has no activation or they were not stored."""
    biases: Array | None = None
    """One value a unit; ``None`` for a layer without."""
    bias_gradients: Array | None = None
    before: Array | None = None
    """The weights before the step that was observed; ``None`` for any other."""
    slopes: Array | None = None
    """One value a unit, of an activation that learns its slope; ``None`` for any other."""


class Engine(ABC):
    """One network, its optimizer and its data on one device.

    Built, run and read in one thread. Steps may be queued: their losses are known at :meth:`totals`.
    """

    name: ClassVar[str]
    data: Data
    step_number: int
    """Steps done."""
    optimizer_start: int
    """The step after which the optimizer's arrays were all 0: 0, unless the optimizer was changed."""

    def step(self, rows: Array, rate: float) -> bool:
        """Train on the training examples at ``rows`` (indices) with learning rate ``rate``.

        Returns:
            Whether the loss was finite. If not, weights and buffers were left as they were.
        """
        return self.steps([(rows, rate)]) == 1

    @abstractmethod
    def steps(self, batches: Iterable[tuple[Array, float]]) -> int:
        """Train on one batch after the other: indices of training examples, and a learning rate.

        Returns:
            How many there were before a loss was not finite; from there on the weights were left alone.
        """

    @abstractmethod
    def totals(self) -> Totals:
        """Loss and hits of the steps since the last call, as they were trained."""

    @abstractmethod
    def evaluate(self, part: Part) -> Totals:
        """Loss and hits over a whole part, in evaluation mode."""

    @abstractmethod
    def evaluate_each(self, part: Part) -> tuple[Array, Array]:
        """Each example's outputs (outputs × examples) and its loss (examples), in evaluation mode."""

    @abstractmethod
    def layer_outputs(self, inputs: Array, layer: int) -> Array:
        """Outputs of a layer for any examples, in evaluation mode.

        Args:
            inputs: (examples, features), raw as in the parts of :attr:`data`: not normalized.
            layer: its index, from 0; -1 is the last.

        Returns:
            Features × examples, float32; of images channel by channel, each row by row.
        """

    def predict(self, inputs: Array) -> Array:
        """The network's outputs (outputs × examples) for raw ``inputs`` (examples × features)."""
        return self.layer_outputs(inputs, -1)

    @abstractmethod
    def observe_next_step(self, size: int) -> None:
        """Have the next step, on a batch of ``size``, store what a snapshot shows beyond what training needs.

        The step computes the same values, so a run that is observed has the same bits as one that is not.
        """

    @abstractmethod
    def views(self) -> list[LayerView]:
        """Each layer's arrays in the last step, with its weights as they are after it.

        All of them if the step was observed (:meth:`observe_next_step`). Before any step: :meth:`dry_run`.
        """

    @abstractmethod
    def dry_run(self, size: int) -> list[LayerView]:
        """Each layer's arrays on the first ``size`` training examples, as the next step would have them.

        Forward and backward, in training mode; nothing is trained and nothing that training reads changes.
        """

    @abstractmethod
    def tensors(self) -> dict[str, Array]:
        """Copies of parameters and buffers by their names on disk (``layers.<i>.weight``: out × in)."""

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """:meth:`tensors` and the optimizer's arrays (``optimizer.<name>.layers.<i>.weight``)."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Array], step: int) -> None:
        """Go on from a :meth:`state` at ``step``.

        Raises:
            ValueError: an array is missing or has another shape.
        """

    @abstractmethod
    def change(self, optimizer: Optimizer) -> None:
        """Go on with another optimizer: of the same rule the arrays stay, else they start at 0."""

    @abstractmethod
    def snapshot(self) -> Any:
        """The state in memory, to :meth:`restore`."""

    @abstractmethod
    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot, and to the optimizer it was made with."""

    @abstractmethod
    def finite(self) -> bool:
        """Whether every parameter and every buffer is finite."""

    def close(self) -> None:  # noqa: B027 - not every engine holds anything
        """Give back threads and the device; the engine is not used afterwards."""
