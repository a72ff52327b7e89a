"""An optimizer, with the penalties, compiled over the arena: one plan for each slice of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuiml.backends.forks import zeros
from tuiml.backends.graph import Graph, Node
from tuiml.backends.penalties import Penalizer
from tuiml.backends.plan import Plan
from tuiml.backends.team import parted
from tuiml.nn.optimizers import Optimizer
from tuiml.nn.penalties import NO_PENALTIES

Array = np.ndarray[Any, Any]


class Update:
    """The optimizer's arrays and scalars, and plans that change the weights in place."""

    def __init__(self, optimizer: Optimizer, weights: Array, penalizer: Penalizer | None = None) -> None:
        self.optimizer = optimizer
        self.weights = weights
        self.penalizer = penalizer or Penalizer(NO_PENALTIES)
        self.state = {name: zeros(weights.shape) for name in optimizer.state_names()}
        self.optimizer_start = 0
        """The step after which the optimizer's arrays were all 0: it counts its own steps from there."""
        self.scalars = {name: zeros(()) for name in optimizer.scalars(1, 1.0)}
        self._limited = self.penalizer.limited(weights)

    def prepare(self, step: int, rate: float) -> None:
        """Set the numbers of a step, counted from 1, before its plans run."""
        for name, value in self.optimizer.scalars(step - self.optimizer_start, rate).items():
            self.scalars[name][...] = value
        self.penalizer.rate[...] = rate

    def shorten(self) -> None:
        """After the plans of a step: see to the length of each unit's incoming weights."""
        if self._limited:
            self.penalizer.shorten(self._limited)

    def changes(self, gradients: Sequence[Array]) -> list[Change]:
        """What is to be done for each of as many slices of the arena as there are ``gradients``."""
        slices = [slice(*ends) for ends in parted(len(self.weights), len(gradients))]
        return [Change(self, [g[part] for g in gradients], part, gradients[0]) for part in slices]


class Change:
    """One slice of the weights in a step: the shards' gradients are added up, then the weights change.

    Args:
        gradients: the slice's; the sum is left in the first of them.
        first: the first shard's gradient for all weights, of which ``gradients[0]`` is a slice.
    """

    def __init__(self, update: Update, gradients: Sequence[Array], part: slice, first: Array) -> None:
        self._gradients, self._first, self._penalizer = gradients, first, update.penalizer
        graph = Graph()
        inputs = {"w": update.weights[part], "g": gradients[0]}
        inputs |= {f"state.{name}": array[part] for name, array in update.state.items()}
        arrays = {label: graph.input(label, array.shape) for label, array in inputs.items()}
        scalars = {name: graph.input(f"scalar.{name}", ()) for name in update.scalars}
        state = {name: arrays[f"state.{name}"] for name in update.state}
        w, g, added = update.penalizer.trace(graph, arrays["w"], arrays["g"], part)
        new_w, new_state = update.optimizer.update(graph, w, g, state, scalars)
        outputs: dict[Node, Array | None] = {
            new_state[name]: inputs[f"state.{name}"] for name in update.state
        }
        outputs[new_w] = inputs["w"]
        donated = [label for label in inputs if label != "g"]  # the screen shows the gradient after the step
        inputs |= added | {f"scalar.{name}": array for name, array in update.scalars.items()}
        self.plan = Plan(graph, inputs, outputs, donated)

    def add_up(self) -> None:
        """Put the sum of the shards' gradients into the first one's place."""
        total, *others = self._gradients
        for g in others:
            np.add(total, g, total)

    def limit(self) -> bool:
        """Once all slices are added up, see to the gradient's length; whether it can be gone by."""
        return self._penalizer.limit(self._first)
