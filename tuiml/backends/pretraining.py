"""The pretraining of one layer, compiled: the host computes it whatever the backend.

So both backends start from the same bits. Plans are those of the NumPy engine: a step allocates nothing.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from tuiml.backends.batches import Batches
from tuiml.backends.batches import Source as Rows
from tuiml.backends.graph import Graph
from tuiml.backends.graph import Node as Value
from tuiml.backends.plan import Plan
from tuiml.data.arrays import Data
from tuiml.nn import random, rbm
from tuiml.nn.initializers import Normal
from tuiml.nn.network import Network, Node
from tuiml.nn.pretraining import Pretraining

Array = np.ndarray[Any, Any]
CHUNK = 500
"""Examples that pass through a finished layer at a time."""


class Source(Protocol):
    """Buffers that examples are loaded into, features × examples."""

    x: Array
    x_with_ones: Array

    def load(self, rows: Array) -> None:
        """Fill the buffers with the examples at ``rows``."""


class Given:
    """The training examples themselves, normalized a batch at a time."""

    def __init__(self, data: Data, network: Network, size: int) -> None:
        self._part, self._batches = data.train, Batches(Rows(data), network, size)
        self.x, self.x_with_ones = self._batches.x, self._batches.x_with_ones

    def load(self, rows: Array) -> None:
        self._batches.load(self._part, rows)


class Stored:
    """What the layer below makes of the training examples: ``inputs`` is examples × (features and a 1)."""

    def __init__(self, inputs: Array, size: int) -> None:
        self._inputs = inputs
        self._rows = np.empty((size, inputs.shape[1]), np.float32)
        self.x_with_ones = self._rows.T
        self.x = self.x_with_ones[:-1]

    def load(self, rows: Array) -> None:
        self._inputs.take(rows, 0, self._rows, "clip")


class Machine:
    """One dense layer and the visible units it models.

    Args:
        below: what the layer below makes of the training examples; ``None`` for the first layer.
        linear: whether the visible units are linear ones of unit variance.
    """

    def __init__(
        self,
        method: Pretraining,
        network: Network,
        node: Node,
        data: Data,
        below: Array | None,
        linear: bool,
        seed: int,
    ) -> None:
        self.method, self.node, self.seed = method, node, seed
        self._network, self._data, self._below = network, data, below
        self.linear = linear
        self.inputs, self.units = math.prod(node.input_shape), node.output_shape[0]
        self._biased = any(p.name == "bias" for p in node.parameters)
        rows = self.inputs + self._biased
        self.weights = np.zeros((rows, self.units), np.float32)
        rng = np.random.Generator(np.random.PCG64([seed, node.index, 0]))
        start = Normal(stddev=method.stddev).draw(np, rng, (self.units, self.inputs), 1, 1)
        self.weights[: self.inputs] = start.T
        self.visible_bias = np.zeros((self.inputs, 1), np.float32)
        self.positive, self.negative = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self.visible = np.zeros_like(self.visible_bias)
        """A batch's statistics: of either phase, and the visible bias's."""
        self._scale = np.zeros((), np.float32)
        self._update = self._compile_update()
        self._passes: dict[int, _Pass] = {}

    def step(self, rows: Array, number: int) -> float:
        """Learn from the examples at ``rows``; the squared error of their reconstructions, summed.

        Args:
            number: of the step, from 0: the random numbers are a function of seed, layer and number.
        """
        size = len(rows)
        if size not in self._passes:
            self._passes[size] = _Pass(self, size)
        with np.errstate(all="ignore"):  # what overflows is found in the error
            error = self._passes[size].run(rows, random.key(self.seed, self.node.index, number))
            self._scale[...] = self.method.rate(self.linear) / size
            self._update.run()
        return error

    def tensors(self) -> dict[str, Array]:
        """Copies of the layer's parameters by their names on disk."""
        found = {f"layers.{self.node.index}.weight": np.array(self.weights[: self.inputs].T, order="C")}
        if self._biased:
            found[f"layers.{self.node.index}.bias"] = self.weights[-1].copy()
        return found

    def load(self, tensors: dict[str, Array]) -> None:
        """Take the parameters of a machine that was trained before."""
        self.weights[: self.inputs] = tensors[f"layers.{self.node.index}.weight"].T
        if self._biased:
            self.weights[-1] = tensors[f"layers.{self.node.index}.bias"]

    def outputs(self) -> Array:
        """What the layer makes of every training example, examples × (units and a 1)."""
        count = len(self._data.train)
        found = np.ones((count, self.units + 1), np.float32)
        plans: dict[int, tuple[Source, Plan, Array]] = {}
        for start in range(0, count, CHUNK):
            rows = np.arange(start, min(start + CHUNK, count))
            if len(rows) not in plans:
                plans[len(rows)] = self._compile_outputs(len(rows))
            source, plan, output = plans[len(rows)]
            source.load(rows)
            plan.run()
            found[start : start + len(rows), :-1] = output.T
        return found

    # -- plans ----------------------------------------------------------------------------------------

    def source(self, size: int) -> Source:
        """Buffers for batches of ``size``."""
        return Given(self._data, self._network, size) if self._below is None else Stored(self._below, size)

    def parameters(self, graph: Graph) -> tuple[dict[str, Value], dict[str, Array]]:
        """The formulas' parameters, and the arrays of their inputs."""
        p = {
            "weight": graph.input("weight", (self.units, self.inputs)),
            "visible_bias": graph.input("visible_bias", (self.inputs, 1)),
        }
        if self._biased:  # the last row of the weights
            p["bias"] = graph.input("bias", (self.units, 1))
        arrays = {"weight": self.weights, "visible_bias": self.visible_bias, "bias": self.weights}
        return p, {label: arrays[label] for label in p}

    def _compile_outputs(self, size: int) -> tuple[Source, Plan, Array]:
        graph, source = Graph(), self.source(size)
        p, arrays = self.parameters(graph)
        output = self.method.hidden(graph, p, graph.input("x", (self.inputs, size)))
        plan = Plan(graph, {**arrays, "x": source.x}, {output: None}, with_ones={"x": source.x_with_ones})
        return source, plan, plan.array(output)

    def _compile_update(self) -> Plan:
        """Every parameter's step: weights are pulled towards 0, biases are not."""
        graph, method, n = Graph(), self.method, self.inputs
        shrink = method.rate(self.linear) * method.weight_cost
        moved = np.zeros_like(self.weights)
        parts: dict[str, tuple[float, tuple[Array, ...]]] = {
            "weight": (shrink, (self.weights[:n], moved[:n], self.positive[:n], self.negative[:n])),
            "visible": (0.0, (self.visible_bias, np.zeros_like(self.visible_bias), self.visible)),
        }
        if self._biased:
            last = (self.weights[n:], moved[n:], self.positive[n:], self.negative[n:])
            parts["bias"] = (0.0, last)
        inputs: dict[str, Array] = {"scale": self._scale}
        outputs: dict[Value, Array | None] = {}
        scale = graph.input("scale", ())
        for name, (cost, arrays) in parts.items():
            labels = [f"{name}.{i}" for i in range(len(arrays))]
            inputs |= dict(zip(labels, arrays, strict=True))
            nodes = [graph.input(label, a.shape) for label, a in zip(labels, arrays, strict=True)]
            change = nodes[2] - nodes[3] if len(nodes) == 4 else nodes[2]
            value, velocity = rbm.update(graph, nodes[0], nodes[1], change, scale, method.momentum, cost)
            outputs |= {value: arrays[0], velocity: arrays[1]}
        return Plan(graph, inputs, outputs, donated=[label for label in inputs if label != "scale"])


class _Pass:
    """The statistics of batches of one size."""

    def __init__(self, machine: Machine, size: int) -> None:
        self._source = machine.source(size)
        graph = Graph()
        p, inputs = machine.parameters(graph)
        shape = (machine.units, size)
        self._key = np.zeros((), np.uint32)
        counter = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape[::-1]).T.copy()
        inputs |= {"x": self._source.x, "key": self._key, "counter": counter}
        x = graph.input("x", (machine.inputs, size))
        noise = random.uniform(
            graph, graph.input("counter", shape, np.uint32), graph.input("key", (), np.uint32)
        )
        found = machine.method.phases(graph, p, x, noise, machine.linear)
        outputs: dict[Value, Array | None] = {
            found.positive["weight"]: machine.positive,
            found.negative["weight"]: machine.negative,
            found.visible: machine.visible,
            found.error: None,
        }
        self._plan = Plan(graph, inputs, outputs, with_ones={"x": self._source.x_with_ones})
        self._error = self._plan.array(found.error)

    def run(self, rows: Array, key: int) -> float:
        """The squared error of the batch, summed; its statistics lie in the machine's arrays."""
        self._source.load(rows)
        self._key[...] = key
        self._plan.run()
        return float(self._error[0, 0])
