"""A network while it is inspected: its outputs and weights, in the engine's thread."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

import numpy as np

from tuiml.backends.engine import Array, Engine
from tuiml.data.arrays import Data, Part
from tuiml.data.base import Dataset
from tuiml.data.own.new_row import NewRow
from tuiml.nn.network import Network

ZERO = 128
"""The byte of a signed grid that stands for 0; 1 and 255 are the ends of its scale."""
LEAST = 1e-7
"""By what the probability of the predicted class is above that of others with outputs beyond 0 or 1."""
PartName = Literal["training", "validation", "test"]
LARGEST = 1e100
"""The largest prediction that is reported: sums of squares of larger ones would overflow."""


def held_out(data: Data) -> tuple[PartName, Part]:
    """The part on which a network is evaluated, with its name: validation, else test, else training."""
    parts: tuple[tuple[PartName, Part], ...] = (
        ("validation", data.validation),
        ("test", data.test),
        ("training", data.train),
    )
    return next(((name, part) for name, part in parts if len(part)), parts[-1])


def image_size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Height and width of an example of this shape; ``None`` where it is no image."""
    return (shape[-2], shape[-1]) if len(shape) in (2, 3) else None


class InspectedNetwork:
    """What inspections compute from: the network, its engine and data, the newest evaluation."""

    def __init__(self, network: Network, engine: Engine, dataset: Dataset | None = None) -> None:
        self.dataset = dataset
        self.network, self.engine = network, engine
        self.data = engine.data
        self.classes = len(self.data.classes)
        self.regression = self.data.target != "classes"
        self.image_size = image_size(self.data.shape)
        self.held_out = held_out(self.data)
        """The part that is evaluated, with its name."""
        self._part_name, self._part = self.held_out
        self._newest: tuple[tuple[int, int], Array, Array] | None = None

    @cached_property
    def row_reader(self) -> NewRow | None:
        """Reads examples that are typed; none of images, and where the data set is not known."""
        return NewRow(self.dataset, self.data) if self.dataset and len(self.data.shape) == 1 else None

    @property
    def step(self) -> int:
        """Steps trained."""
        return self.engine.step_number

    def evaluate(self, most: int) -> tuple[Part, Array, Array]:
        """The first ``most`` examples, their outputs and losses.

        The outputs are probabilities (classes × examples); in regression predictions in the units of the
        data (examples × outputs).
        """
        part = self._part if len(self._part) <= most else self._part[:most]
        key = (self.step, len(part))
        if self._newest is None or self._newest[0] != key:
            outputs, losses = self.engine.evaluate_each(part)
            outputs = self.data.original(outputs.T) if self.regression else probabilities(outputs)
            self._newest = key, outputs, losses
        return part, *self._newest[1:]

    def about(self, part: Part) -> dict[str, Any]:
        """The fields of :class:`~tuiml.training.inspections.record.Evaluated`."""
        sizes = {"evaluated": len(part), "total": len(self._part)}
        return {"step": self.step, "part": self._part_name, **sizes}

    def highest_losses(self, losses: Array, first: int, count: int) -> list[int]:
        """The rows of the examples with the highest losses, the highest first."""
        order: Array = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")
        rows: list[int] = order[first : first + count].tolist()
        return rows

    def probabilities(self, inputs: Array) -> Array:
        """Each class's probability for raw inputs, classes × examples."""
        return probabilities(self.engine.predict(inputs))

    @property
    def outputs(self) -> int:
        """Numbers that a regression predicts of each example."""
        return int(self._part.labels.shape[1])

    def output(self, first: int) -> dict[str, Any]:
        """Which of them is shown, and how many there are."""
        return {"output": min(first, self.outputs - 1), "outputs": self.outputs}

    def numbers(self, inputs: Array) -> Array:
        """What a regression predicts for raw inputs, (examples, outputs), in the units of the data."""
        return clipped(self.data.original(self.engine.predict(inputs).T))

    def answers(self, raw: Array) -> Array:
        """Each class's probability, or the numbers of a regression, (examples, outputs) float64.

        Args:
            raw: (examples, features) in the units of the data; NaN where a value is missing.
        """
        inputs = self.data.entered(raw)
        with np.errstate(all="ignore"):
            if self.regression:
                return self.numbers(inputs)
            found: Array = self.probabilities(inputs).T.astype(np.float64)
        return found

    def predictions(self, inputs: Array, output: int) -> Array:
        """One output of a regression for raw inputs, in the units of the data."""
        found: Array = self.numbers(inputs)[:, output]
        return found

    def targets(self, labels: Array, output: int) -> Array:
        """One output's targets, in the units of the data."""
        targets: Array = self.data.original(labels)[:, output].astype(np.float64)
        return targets

    def pixels(self, fractions: Array) -> Array:
        """Raw values of pixels that are given as fractions, 0 (black) to 1 (white)."""
        low, high = self.pixel_range()
        raw: Array = low + fractions * (high - low)
        return np.rint(raw) if self.data.train.inputs.dtype == np.uint8 else raw

    def pixel_range(self) -> tuple[float, float]:
        """The least and the greatest raw value of a pixel, by a sample of the training part."""
        some = self.data.train.inputs[:256]
        return min(0.0, float(some.min())), float(some.max())


def clipped(predictions: Array) -> Array:
    """Predictions as float64, within ±:data:`LARGEST`."""
    found: Array = np.clip(predictions.astype(np.float64), -LARGEST, LARGEST)
    return found


def probabilities(outputs: Array) -> Array:
    """Each class's probability, classes × examples: the outputs, clipped to 0…1 and 0 where not finite; a
    single output is the second class's. The class with the highest output is still the most probable."""
    found = np.nan_to_num(outputs, nan=0.0, posinf=1.0, neginf=0.0)
    if len(found) == 1:
        found = np.concatenate([1.0 - found, found])
    within: Array = np.clip(found, 0.0, 1.0)
    highest = found.argmax(axis=0)
    if (within.argmax(axis=0) != highest).any():  # outputs beyond 0 or 1 became equal ones
        columns = np.arange(within.shape[1])
        best = np.maximum(within[highest, columns], LEAST)
        within = np.minimum(within, 1 - LEAST)
        within[highest, columns] = best
    return within


def as_bytes(fractions: Array) -> Array:
    """Fractions from 0 to 1 as bytes."""
    found: Array = np.rint(np.clip(np.nan_to_num(fractions), 0, 1) * 255).astype(np.uint8)
    return found


def signed(rows: Array) -> tuple[tuple[float, ...], tuple[bytes, ...]]:
    """Each row's largest absolute value, and the row scaled by it, as bytes around :data:`ZERO`."""
    rows = np.nan_to_num(rows.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scales = np.abs(rows).max(axis=1, initial=0.0)
    scaled = rows / np.where(scales > 0, scales, 1.0)[:, None]
    grids: Array = (np.rint(scaled * 127) + ZERO).astype(np.uint8)
    return tuple(scales.tolist()), tuple(row.tobytes() for row in grids)


def thinned(size: tuple[int, int], side: int) -> tuple[int, int, int]:
    """Height and width of an image of which every ``stride``-th pixel is shown, and the stride."""
    stride = max(1, -(-max(size) // side))
    return -(-size[0] // stride), -(-size[1] // stride), stride


def floats(values: Array) -> tuple[float, ...]:
    """An array as a tuple of floats."""
    return tuple(values.astype(np.float64).tolist())
