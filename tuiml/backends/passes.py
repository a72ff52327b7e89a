"""One shard of a batch, compiled: forward to the loss, and (in training) backward to the gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tuiml.backends.batches import Batches, Hits, Source
from tuiml.backends.graph import Graph
from tuiml.backends.graph import Node as Value
from tuiml.backends.layout import by_feature, by_unit, laid
from tuiml.backends.parameters import Arena, seen, seen_shape
from tuiml.backends.plan import Plan
from tuiml.backends.tally import Errors
from tuiml.data.arrays import Part
from tuiml.nn import random
from tuiml.nn.class_weights import example_weights
from tuiml.nn.layers import Parameter, Values
from tuiml.nn.layers.windows import with_channels
from tuiml.nn.network import Network, Node, backward, forward, updated_buffers

Array = np.ndarray[Any, Any]


class Pass:
    """The plans for a shard of a batch.

    Args:
        gradients: where to write them; ``None`` in evaluation.
        buffers: the layers' buffers: read in evaluation, updated in training.
        shard: places in the batch of the shard's examples.
        batch_size: examples in the batch; the loss is their mean.
        observed: keep what goes into the activations too, for :meth:`inputs`.
    """

    def __init__(
        self,
        network: Network,
        weights: Arena,
        gradients: Arena | None,
        buffers: Arena,
        source: Source,
        shard: range,
        batch_size: int,
        seed: int,
        observed: bool = False,
    ) -> None:
        self.size, self.observed, self._shard, self._seed = len(shard), observed, shard, seed
        self.batches = Batches(source, network, self.size)
        graph = Graph()
        x = graph.input("x", (math.prod(network.input_shape), self.size))
        t = graph.input("t", (network.outputs, self.size))
        inputs: dict[str, Array] = {"x": self.batches.x, "t": self.batches.targets}
        p = self._inputs(graph, network, weights, "parameters", inputs)
        held = self._inputs(graph, network, buffers, "buffers", inputs)
        noise = self._noise(graph, network, inputs, training=gradients is not None)
        if gradients is None:
            p = [mine | more for mine, more in zip(p, held, strict=True)]
        self.values = values = forward(graph, network, x, p, noise)
        losses = network.loss.value(graph, values[-1].z, values[-1].y, t)
        counted = None if gradients is None else self._weights(graph, network, t, inputs)
        self._losses = losses if counted is None else losses * counted
        loss = graph.sum(self._losses, axis=1)
        wanted: dict[Value, Array | None] = {loss: None, **_outputs(values, observed)}
        wanted |= {self._losses: None} if gradients is None else {}
        if gradients is not None:
            found = backward(graph, network, values, t, p, noise, batch_size, counted)
            wanted |= _written(network, "parameters", found, gradients)
            # Made after the loss, so written in the backward part: never for a loss that is not finite.
            wanted |= _written(network, "buffers", updated_buffers(graph, network, values, held), buffers)
        donated = [f"{i}.{name}" for i, names in enumerate(held) for name in names if gradients]
        self._plan = Plan(graph, inputs, wanted, donated, with_ones={"x": self.batches.x_with_ones})
        self.forward, self.backward = self._plan.split(loss)
        self.total = self._plan.array(loss)
        self.hits = _counter(source.data.target, self._plan.array(values[-1].y), self.batches)

    @staticmethod
    def _inputs(
        graph: Graph, network: Network, arena: Arena, kind: str, inputs: dict[str, Array]
    ) -> list[dict[str, Value]]:
        """Each layer's ``parameters`` or ``buffers`` (``kind``) as nodes; their arrays go into ``inputs``."""
        found: list[dict[str, Value]] = []
        for node in network.nodes:
            entries: tuple[Parameter, ...] = getattr(node, kind)
            labels = {p.name: f"{node.index}.{p.name}" for p in entries}
            found.append({p.name: graph.input(labels[p.name], seen_shape(node, p)) for p in entries})
            inputs |= {labels[name]: home for name, home in _homes(node, entries, arena).items()}
        return found

    @staticmethod
    def _weights(graph: Graph, network: Network, target: Value, inputs: dict[str, Array]) -> Value | None:
        """What each example's loss is multiplied by in training; ``None``: nothing."""
        if not network.class_weights:
            return None
        inputs["class_weights"] = column = np.array(network.class_weights, np.float32)[:, None]
        by_class = graph.input("class_weights", column.shape)
        found: Value = example_weights(graph, network.class_weights, by_class, target)
        return found

    def _noise(
        self, graph: Graph, network: Network, inputs: dict[str, Array], training: bool
    ) -> list[Value | None]:
        self._keys: list[tuple[int, Array]] = []
        noise: list[Value | None] = [None] * len(network.nodes)
        for node in network.nodes:
            if not (training and node.layer.noisy()):
                continue
            i, features = node.index, math.prod(node.output_shape)
            key = np.zeros((), np.uint32)
            first = self._shard.start * features
            counted = np.arange(first, first + features * self.size, dtype=np.uint32)
            places = counted.reshape(self.size, features).T
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
        """Take the examples at ``rows`` as the next shard."""
        self.batches.load(part, rows)

    def draw_noise(self, step: int) -> None:
        """New numbers for the layers that draw them."""
        for layer, key in self._keys:
            key[...] = random.key(self._seed, layer, step)

    def total_loss(self) -> float:
        """Sum of the examples' losses."""
        return float(self.total[0, 0])

    def losses(self) -> Array:
        """Each example's loss, in evaluation."""
        found: Array = self._plan.array(self._losses)[0]
        return found

    def outputs(self) -> list[Array]:
        """The arrays of all layers' outputs."""
        return [self._plan.array(v.y) for v in self.values]

    def layer_outputs(self, layer: int) -> Array:
        """A layer's output, features × examples."""
        return by_feature(self._plan.array(self.values[layer].y))

    def output(self, layer: int) -> Array:
        """A layer's output as a view of it has it; the next batch may overwrite it."""
        return by_unit(self._plan.array(self.values[layer].y))

    def inputs(self, layer: int) -> Array:
        """What goes into a layer's activation, likewise; only where the pass is observed."""
        return by_unit(self._plan.array(self.values[layer].z))


def _homes(node: Node, parameters: Sequence[Parameter], arena: Arena) -> dict[str, Array]:
    """Where each of a layer's arrays lies, as formulas see it; a matrix with its bias below it."""
    views = arena.views[node.index]
    return {p.name: seen(node, p, views[p.name]) if p.by_element else views["weight"] for p in parameters}


def _counter(target: str, output: Array, batches: Batches) -> Errors | Hits:
    return Errors(output, batches.targets) if target == "regression" else Hits(output, batches.labels)


def _outputs(values: list[Values], watched: bool) -> dict[Value, None]:
    """What the layers put out, and in a watched pass their pre-activations too."""
    found = [v.y for v in values if v.y.op != "input"]
    return dict.fromkeys(found + [v.z for v in values if watched and v.z.op != "input"])


def _written(
    network: Network, kind: str, by_layer: Sequence[dict[str, Value]], arena: Arena
) -> dict[Value, Array | None]:
    """Each layer's new ``parameters`` or ``buffers`` (``kind``), and where in the arena they go."""
    found: dict[Value, Array | None] = {}
    for node, layer in zip(network.nodes, by_layer, strict=True):
        homes = _homes(node, getattr(node, kind), arena)
        found |= {value: homes[name] for name, value in layer.items()}
    return found
