"""The NumPy engine: plans compiled once for a batch size, then run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tuiml.backends import EVALUATION_BATCH
from tuiml.backends.batches import Batches
from tuiml.backends.engine import Engine, LayerView, Totals
from tuiml.backends.graph import Graph
from tuiml.backends.graph import Node as Value
from tuiml.backends.layout import by_unit, laid
from tuiml.backends.parameters import Arena, initial_tensors
from tuiml.backends.plan import Plan
from tuiml.data.arrays import Data, Part
from tuiml.nn import random
from tuiml.nn.layers import Values
from tuiml.nn.layers.windows import with_channels
from tuiml.nn.network import Network, backward, forward
from tuiml.nn.optimizers import Optimizer

Array = np.ndarray[Any, Any]


class NumpyEngine(Engine):
    """Trains one network on one set of data. See :class:`tuiml.backends.engine.Engine`."""

    name = "numpy"

    def __init__(self, network: Network, optimizer: Optimizer, data: Data, seed: int) -> None:
        self.network = network
        self.data = data
        self.seed = seed
        self.step_number = 0
        self.weights = Arena(network)
        self.gradients = Arena(network)
        self.weights.load(initial_tensors(network, seed))
        self.update = Update(optimizer, self.weights.flat, self.gradients.flat)
        self._passes: dict[tuple[int, bool], Pass] = {}
        self._latest: Pass | None = None
        self._loss, self._correct, self._examples = 0.0, 0, 0

    def step(self, rows: Array, rate: float) -> bool:
        run = self._pass(len(rows), training=True)
        self._latest = run
        run.load(self.data.train, rows)
        run.draw_noise(self.seed, self.step_number)
        with np.errstate(all="ignore"):  # what overflows is found in the loss, below
            run.forward.run()
            loss = run.total_loss()
            if not math.isfinite(loss):
                return False
            run.backward.run()
            self.step_number += 1
            self.update.run(self.step_number, rate)
        self._loss += loss
        self._correct += run.correct()
        self._examples += len(rows)
        return True

    def totals(self) -> Totals:
        found = Totals(self._loss, self._correct, self._examples)
        self._loss, self._correct, self._examples = 0.0, 0, 0
        return found

    def evaluate(self, part: Part) -> Totals:
        loss, correct, n = 0.0, 0, len(part)
        with np.errstate(all="ignore"):
            for start in range(0, n, EVALUATION_BATCH):
                rows = np.arange(start, min(start + EVALUATION_BATCH, n))
                run = self._pass(len(rows), training=False)
                run.load(part, rows)
                run.forward.run()
                loss += run.total_loss()
                correct += run.correct()
        return Totals(loss, correct, n)

    def views(self) -> list[LayerView]:
        run = self._latest
        if run is None:
            run = self._pass(min(256, len(self.data.train)), training=False)
            run.load(self.data.train, np.arange(run.size))
            with np.errstate(all="ignore"):
                run.forward.run()
        trained = self._latest is not None
        return [
            LayerView(
                output=run.output(i),
                weights=self.weights.views[i].get("weight"),
                gradients=self.gradients.views[i].get("weight") if trained else None,
            )
            for i in range(len(self.network.nodes))
        ]

    def tensors(self) -> dict[str, Array]:
        return self.weights.tensors()

    def state(self) -> dict[str, Array]:
        found = self.weights.tensors()
        for name, flat in self.update.state.items():
            found |= Arena(self.network, flat).tensors(f"optimizer.{name}.")
        return found

    def load(self, tensors: Mapping[str, Array], step: int) -> None:
        for name, flat in self.update.state.items():
            Arena(self.network, flat).load(tensors, f"optimizer.{name}.")
        self.weights.load(tensors)
        self.step_number = step

    def snapshot(self) -> Any:
        return self.step_number, self.weights.flat.copy(), {k: v.copy() for k, v in self.update.state.items()}

    def restore(self, snapshot: Any) -> None:
        self.step_number, weights, state = snapshot
        self.weights.flat[...] = weights
        for name, values in state.items():
            self.update.state[name][...] = values

    def finite(self) -> bool:
        # A sum of squares is finite only if every value is; one pass, no temporary.
        with np.errstate(all="ignore"):
            total = float(np.dot(self.weights.flat, self.weights.flat))
        return math.isfinite(total) or bool(np.isfinite(self.weights.flat).all())

    def _pass(self, size: int, training: bool) -> Pass:
        key = (size, training)
        if key not in self._passes:
            self._passes[key] = Pass(self.network, self.weights, self.gradients, self.data, size, training)
        return self._passes[key]


class Pass:
    """The plans for one batch size: forward to the loss, and (in training) backward to the gradients."""

    def __init__(
        self, network: Network, weights: Arena, gradients: Arena, data: Data, size: int, training: bool
    ) -> None:
        self.size = size
        self.batches = Batches(data, network, size)
        graph = Graph()
        x = graph.input("x", (math.prod(network.input_shape), size))
        t = graph.input("t", (network.outputs, size))
        inputs: dict[str, Array] = {"x": self.batches.x, "t": self.batches.targets}
        p = self._parameters(graph, network, weights, inputs)
        noise = self._noise(graph, network, inputs) if training else [None] * len(network.nodes)
        values = forward(graph, network, x, p, noise)
        last = values[-1]
        loss = graph.sum(network.loss.value(graph, last.z, last.y, t), axis=1)
        self.values: list[Values] = values

        ones = {"x": self.batches.x_with_ones}
        wanted: dict[Value, Array | None] = {loss: None}
        wanted |= {v.y: None for v in values if v.y.op != "input"}
        grads: dict[Value, Array | None] = {}
        if training:
            by_layer = backward(graph, network, values, t, p, noise)
            for i, layer in enumerate(by_layer):
                for name, node in layer.items():
                    home = gradients.views[i][name]
                    grads[node] = home if name == "weight" else home.reshape(node.shape)
        self._loss = loss
        self._plan = Plan(graph, inputs, {**wanted, **grads}, with_ones=ones)
        self.forward, self.backward = self._plan.split(loss)
        self._total = self._plan.array(loss)
        self._output = self._plan.array(last.y)

    @staticmethod
    def _parameters(
        graph: Graph, network: Network, weights: Arena, inputs: dict[str, Array]
    ) -> list[dict[str, Value]]:
        p: list[dict[str, Value]] = [{} for _ in network.nodes]
        for node in network.nodes:
            for parameter in node.parameters:
                label = f"{node.index}.{parameter.name}"
                home = "weight" if parameter.name == "bias" else parameter.name
                inputs[label] = weights.views[node.index][home]
                shape = parameter.shape
                if len(shape) == 1:  # one value a unit, or a channel
                    shape += (1,) * len(with_channels(node.output_shape))
                if parameter.name == home != "weight":
                    inputs[label] = inputs[label].reshape(shape)
                p[node.index][parameter.name] = graph.input(label, shape)
        return p

    def _noise(self, graph: Graph, network: Network, inputs: dict[str, Array]) -> list[Value | None]:
        self._keys: list[tuple[int, Array]] = []
        noise: list[Value | None] = [None] * len(network.nodes)
        for node in network.nodes:
            if not node.layer.noisy():
                continue
            i, features = node.index, math.prod(node.output_shape)
            key = np.zeros((), np.uint32)
            places = np.arange(features * self.size, dtype=np.uint32).reshape(self.size, features).T
            counter = laid(places, with_channels(node.output_shape))
            inputs |= {f"{i}.key": key, f"{i}.counter": counter}
            self._keys.append((i, key))
            noise[i] = random.uniform(
                graph,
                graph.input(f"{i}.counter", counter.shape, np.uint32),
                graph.input(f"{i}.key", (), np.uint32),
            )
        return noise

    def load(self, part: Part, rows: Array) -> None:
        """Take the examples at ``rows`` as the next batch."""
        self.batches.load(part, rows)

    def draw_noise(self, seed: int, step: int) -> None:
        """New numbers for the layers that draw them."""
        for layer, key in self._keys:
            key[...] = random.key(seed, layer, step)

    def total_loss(self) -> float:
        """Sum of the examples' losses."""
        return float(self._total[0, 0])

    def correct(self) -> int:
        """How many examples the network got right."""
        return self.batches.correct(self._output)

    def output(self, layer: int) -> Array:
        """A layer's output as a view of it has it; the next batch may overwrite it."""
        return by_unit(self._plan.array(self.values[layer].y))


class Update:
    """An optimizer compiled over the whole arena."""

    def __init__(self, optimizer: Optimizer, weights: Array, gradients: Array) -> None:
        self.optimizer = optimizer
        self.state = {name: np.zeros_like(weights) for name in optimizer.state_names()}
        self.scalars = {name: np.zeros((), np.float32) for name in optimizer.scalars(1, 1.0)}
        graph = Graph()
        shape = weights.shape
        w, g = graph.input("w", shape), graph.input("g", shape)
        state = {name: graph.input(f"state.{name}", shape) for name in self.state}
        scalars = {name: graph.input(f"scalar.{name}", ()) for name in self.scalars}
        new_w, new_state = optimizer.update(graph, w, g, state, scalars)
        inputs = {"w": weights, "g": gradients}
        inputs |= {f"state.{name}": array for name, array in self.state.items()}
        inputs |= {f"scalar.{name}": array for name, array in self.scalars.items()}
        outputs: dict[Value, Array | None] = {new_state[name]: self.state[name] for name in self.state}
        outputs[new_w] = weights
        self.plan = Plan(graph, inputs, outputs, donated=["w", *(f"state.{name}" for name in self.state)])

    def run(self, step: int, rate: float) -> None:
        """Change the weights in place; ``step`` counts from 1."""
        for name, value in self.optimizer.scalars(step, rate).items():
            self.scalars[name][...] = value
        self.plan.run()
