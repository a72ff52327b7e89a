"""Adapters of frameworks whose modules hold arrays that are read by name: Keras, MLX, Flax."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from tuiml.nn.activations import Activation
from tuiml.runs.watched import Module
from tuiml.watch.adapter import Adapter
from tuiml.watch.facts import ModuleFacts, copied_each, sample_size
from tuiml.watch.reductions import Library, Parcel, even, size_of


@dataclass
class Weight:
    """An array of numbers that a module holds."""

    key: Hashable
    """The same for two modules that share it."""
    path: str
    """Its name in the model, with dots."""
    read: Callable[[], Any]
    """Its present value."""
    size: int
    dtype: str
    trained: bool
    real: bool = True
    """It holds real numbers: of others, such as quantized ones, there are no statistics."""


@dataclass
class Entry:
    """A module."""

    name: str
    type: str
    kind: Any
    activation: Activation | None = None
    weights: list[Weight] = field(default_factory=list)
    biases: list[Weight] = field(default_factory=list)
    buffers: list[Weight] = field(default_factory=list)
    """What is not trained but counted, such as running means."""
    shape: tuple[int, ...] | None = None
    shared_with: str = ""

    def described(self) -> Module:
        """As ``model.json`` has it."""
        own = [*self.weights, *self.biases, *self.buffers]
        return Module(
            name=self.name,
            type=self.type,
            kind=self.kind,
            output_shape=self.shape,
            parameters=sum(one.size for one in own),
            trainable=sum(one.size for one in own if one.trained),
            activation=self.activation.name if self.activation else "",
            shared_with=self.shared_with,
            dtype=own[0].dtype if own else "",
        )


class ArrayAdapter(Adapter):
    """Reads the weights before and after the step that is measured, and gradients where it is given them."""

    def __init__(self, entries: list[Entry]) -> None:
        super().__init__()
        self._entries = entries
        owners: dict[Hashable, str] = {}
        for entry in entries:
            for one in (*entry.weights, *entry.biases):
                entry.shared_with = entry.shared_with or owners.get(one.key, "")
                owners.setdefault(one.key, entry.name)
        unreal = [e for e in entries if any(not one.real for one in e.weights)]
        if unreal:
            self.limit(
                f"{len(unreal)} modules have quantized weights: they are counted, and have no statistics of "
                "weights"
            )
        self._before: dict[Hashable, Any] = {}
        self._copied = 0
        self._facts: list[ModuleFacts] = []
        self._parcel = self._new_parcel()

    @abstractmethod
    def _library(self) -> tuple[Library, Callable[[list[Any]], list[Any]]]:
        """The library of the arrays, and what makes NumPy's arrays of many of them."""

    def _new_parcel(self) -> Parcel:
        xp, fetch = self._library()
        return Parcel(xp, sample_size(4 * len(self._entries)), fetch)

    def _copies(self, samples: list[Any]) -> list[Any]:
        """Samples that stay as they are, whatever becomes of the arrays that they are of."""
        return samples

    def _gradients(self, grads: Any) -> Callable[[Weight], Any]:
        """Returns what finds the gradient of a weight; ``None``: it has none that is seen."""
        return lambda weight: None

    def _see_outputs(self) -> None:
        """Have the outputs of the next step recorded, where that is possible."""

    def _outputs(self) -> None:
        """Add what was seen of outputs to the parcel."""

    def modules(self) -> list[Module]:
        return [entry.described() for entry in self._entries]

    @property
    def parameters(self) -> int:
        found = {w.key: w for e in self._entries for w in (*e.weights, *e.biases, *e.buffers)}
        return sum(weight.size for weight in found.values())

    def arm(self) -> None:
        with self.measuring():
            self._facts = [ModuleFacts() for _ in self._entries]
            self._parcel = self._new_parcel()
            trained = {w.key: w for e in self._entries for w in e.weights if w.trained and w.real}
            values = [weight.read() for weight in trained.values()]
            self._copied = copied_each([size_of(value) for value in values])
            samples = self._copies([even(value, self._copied) for value in values])
            self._before = dict(zip(trained, samples, strict=True))
            if any(size_of(value) > self._copied for value in values):
                self.limit(
                    f"updates of large weights are those of an even sample of {self._copied:,} numbers each"
                )
            self._see_outputs()

    def measure(self, grads: Any = None) -> list[ModuleFacts] | None:
        with self.measuring():
            gradient = self._gradients(grads)
            self._outputs()
            for entry, facts in zip(self._entries, self._facts, strict=True):
                self._measure(entry, facts, gradient)
            self._parcel.open()
            found, self._facts = self._facts, []
            self._before, self._parcel = {}, self._new_parcel()  # nothing is kept until the next one
            return found
        return None

    def _measure(self, entry: Entry, facts: ModuleFacts, gradient: Callable[[Weight], Any]) -> None:
        for weight in entry.weights:
            if not weight.real:
                continue
            value = weight.read()
            self._parcel.array(value, facts.weights.append)
            slope = gradient(weight) if weight.trained else None
            if slope is not None:
                self._parcel.array(slope, facts.gradients.append)
            if (before := self._before.get(weight.key)) is not None:
                self._parcel.move(before, even(value, self._copied), facts)
        for bias in entry.biases:
            if bias.real:
                self._parcel.array(bias.read(), facts.biases.append)

    def close(self) -> None:
        self._before = {}
