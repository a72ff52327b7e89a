"""Class weights: how much an example of each class counts in the training loss.

An example's loss is multiplied by the weight of its class, and a batch's loss is the sum of those products
divided by the number of examples, as in Keras (PyTorch's ``CrossEntropyLoss(weight=…)`` divides by the sum of
the weights instead). Validation and test losses are not weighted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from tuiml.registry import Entry, Registry, short

Array = Any
Pairs = tuple[tuple[str, float], ...]
HIGHEST = 1e6


class ClassWeight(Entry):
    """How the weights of the classes are found."""

    def of(self, classes: Sequence[str], counts: Sequence[int]) -> tuple[float, ...]:
        """The weight of each class, from the numbers of training examples; empty: none is weighted."""
        return ()

    def problem(self, classes: Sequence[str]) -> str:
        """Why it does not suit these classes, or nothing."""
        return ""


class_weights: Registry[ClassWeight] = Registry("a class weighting")


@class_weights.add
class Unweighted(ClassWeight):
    name = "none"
    formula = "every example counts 1"
    advice = "classes with about as many examples each"


@class_weights.add
class Balanced(ClassWeight):
    name = "balanced"
    formula = "n / (classes · examples of the class), counted in the training part"
    advice = "classes with very different numbers of examples: each has the same share of the loss"
    source = "King & Zeng 2001; scikit-learn's class_weight='balanced'"

    def of(self, classes: Sequence[str], counts: Sequence[int]) -> tuple[float, ...]:
        there, total = sum(count > 0 for count in counts), sum(counts)
        return tuple(total / (there * count) if count else 0.0 for count in counts)


def _given(value: object) -> tuple[float, ...] | Pairs:
    """Weights as a list, as a table by class, or as typed: ``1, 5`` or ``cat = 1, dog = 5``."""
    found = value
    if isinstance(value, str):
        parts = [part.strip() for part in value.strip().strip("[]{}").split(",") if part.strip()]
        cut = [part.rpartition("=") for part in parts]
        found = {name.strip().strip("\"'"): _number(text) for name, _, text in cut} if "=" in value else None
        found = found if found is not None and len(found) == len(parts) else [_number(p) for p in parts]
    if isinstance(found, list | tuple) and all(isinstance(v, tuple) for v in found):
        found = dict(found)
    numbers = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(numbers, list | tuple) or not all(map(_sound, numbers)):
        text = f"{short(value)} is not allowed; give a number for each class, or class = number, above 0"
        raise PydanticCustomError("plain", "{text}", {"text": text})
    if isinstance(found, dict):
        return tuple((str(name), float(weight)) for name, weight in found.items())
    return tuple(float(weight) for weight in numbers)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _sound(weight: object) -> bool:
    known = isinstance(weight, int | float) and not isinstance(weight, bool)
    return known and math.isfinite(weight) and 0 < weight <= HIGHEST  # type: ignore[operator, arg-type]  # known


@class_weights.add
class Manual(ClassWeight):
    name = "manual"
    formula = "a number for each class"
    advice = "where mistakes about one class cost more than about another"
    weights: Annotated[tuple[float, ...] | Pairs, PlainValidator(_given)] = Field(
        (), description="one number for each class in order, or class = number; a class left out counts 1"
    )

    def of(self, classes: Sequence[str], counts: Sequence[int]) -> tuple[float, ...]:
        by_class = dict(self._by_class(classes))
        return tuple(by_class.get(index, 1.0) for index in range(len(classes)))

    def problem(self, classes: Sequence[str]) -> str:
        found = self._by_class(classes)
        wrong = [short(name) for (name, _), (at, _) in zip(self._pairs, found, strict=False) if at < 0]
        if wrong:
            return f"there is no class {', '.join(wrong[:6])}; the classes are {_listed(classes)}"
        if not self._pairs and len(self.weights) != len(classes):
            return f"{len(self.weights)} weights for {len(classes)} classes: {_listed(classes)}"
        twice = len(found) - len(dict(found))
        return "a class has two weights" if twice else ""

    @property
    def _pairs(self) -> Pairs:
        return tuple(pair for pair in self.weights if isinstance(pair, tuple))

    def _by_class(self, classes: Sequence[str]) -> list[tuple[int, float]]:
        """Place of a class and its weight; -1: there is no such class.

        A class may be named by its place, from 0, where no class is named by a number.
        """
        if not self._pairs:
            return list(enumerate(float(weight) for weight in self.weights if not isinstance(weight, tuple)))
        places = {name: at for at, name in enumerate(classes)}
        if not any(name.isdecimal() for name in classes):
            places |= {str(at): at for at in range(len(classes))}
        return [(places.get(name, -1), weight) for name, weight in self._pairs]


def _listed(classes: Sequence[str]) -> str:
    return ", ".join(classes[:6]) + (f", … ({len(classes)} in all)" if len(classes) > 6 else "")


def spelled_out(value: object) -> object:
    """A list of weights, or a table of them by class, as the manual entry with its name."""
    if isinstance(value, list | tuple) or (
        isinstance(value, dict) and not isinstance(value.get("name"), str)
    ):
        return {"name": Manual.name, "weights": value}
    return value


def example_weights(xp: Any, weights: Sequence[float], column: Array, target: Array) -> Array:
    """The weight of each example's class, (1, examples).

    Args:
        column: ``weights`` as an array, (classes, 1).
        target: as the losses take it: one-hot, or a single row that is 1 for the second of two classes.
    """
    if target.shape[0] == 1:
        return target * weights[1] + (1.0 - target) * weights[0]
    return xp.sum(target * column, axis=0, keepdims=True)
