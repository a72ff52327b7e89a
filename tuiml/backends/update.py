"""An optimizer compiled over the arena: one plan for each share of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuiml.backends.graph import Graph, Node
from tuiml.backends.plan import Plan
from tuiml.backends.team import parted
from tuiml.nn.optimizers import Optimizer

Array = np.ndarray[Any, Any]


class Update:
    """The optimizer's arrays and scalars, and plans that change the weights in place."""

    def __init__(self, optimizer: Optimizer, weights: Array) -> None:
        self.optimizer = optimizer
        self.weights = weights
        self.state = {name: np.zeros_like(weights) for name in optimizer.state_names()}
        self.scalars = {name: np.zeros((), np.float32) for name in optimizer.scalars(1, 1.0)}

    def prepare(self, step: int, rate: float) -> None:
        """Set the numbers of a step, counted from 1, before its plans run."""
        for name, value in self.optimizer.scalars(step, rate).items():
            self.scalars[name][...] = value

    def plans(self, gradients: Sequence[Array]) -> list[Plan]:
        """For each of as many slices of the arena as there are ``gradients``: a plan that adds these up (into
        the first of them) and updates the slice's weights."""
        ends = parted(len(self.weights), len(gradients))
        return [self._plan(slice(*share), gradients) for share in ends]

    def _plan(self, part: slice, gradients: Sequence[Array]) -> Plan:
        graph = Graph()
        inputs = {"w": self.weights[part]}
        inputs |= {f"g{k}": g[part] for k, g in enumerate(gradients)}
        inputs |= {f"state.{name}": array[part] for name, array in self.state.items()}
        arrays = {label: graph.input(label, array.shape) for label, array in inputs.items()}
        scalars = {name: graph.input(f"scalar.{name}", ()) for name in self.scalars}
        outputs: dict[Node, Array | None] = {}
        g = arrays["g0"]
        for k in range(1, len(gradients)):
            g = g + arrays[f"g{k}"]
        if len(gradients) > 1:
            outputs[g] = inputs["g0"]
        state = {name: arrays[f"state.{name}"] for name in self.state}
        new_w, new_state = self.optimizer.update(graph, arrays["w"], g, state, scalars)
        outputs |= {new_state[name]: inputs[f"state.{name}"] for name in self.state}
        outputs[new_w] = inputs["w"]
        donated = [label for label in inputs if label != "g0" or len(gradients) > 1]
        inputs |= {f"scalar.{name}": array for name, array in self.scalars.items()}
        return Plan(graph, inputs, outputs, donated)
