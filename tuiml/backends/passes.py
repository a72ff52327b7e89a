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
        watched: keep what goes into the activations too, for :meth:`inputs`.
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
        watched: bool = False,
    ) -> None:
        self.size = size = len(shard)
        self.watched = watched
        self._shard, self._seed = shard, seed
        training = gradients is not None
        self.batches = Batches(source, network, size)
        graph = Graph()
        x = graph.input("x", (math.prod(network.input_shape), size))
        t = graph.input("t", (network.outputs, size))
        inputs: dict[str, Array] = {"x": self.batches.x, "t": self.batches.targets}
        p = self._inputs(graph, network, weights, "parameters", inputs)
        held = self._inputs(graph, network, buffers, "buffers", inputs)
        if not training:
            p = [mine | more for mine, more in zip(p, held, strict=True)]
        noise = self._noise(graph, network, inputs) if training else [None] * len(network.nodes)
        values = forward(graph, network, x, p, noise)
        last = values[-1]
        losses = network.loss.value(graph, last.z, last.y, t)
        counted = self._weights(graph, network, t, inputs) if training else None
        losses = losses if counted is None else losses * counted
        loss = graph.sum(losses, axis=1)
        self.values: list[Values] = values

        ones = {"x": self.batches.x_with_ones}
        wanted: dict[Value, Array | None] = {loss: None}
        wanted |= {v.y: None for v in values if v.y.op != "input"}
        if not training:
            wanted[losses] = None
        if watched:
            wanted |= {v.z: None for v in values if v.z.op != "input"}
        grads: dict[Value, Array | None] = {}
        if gradients is not None:
            # Buffers are made after the loss, so written in the backward part: never for a loss that is not
            # finite.
            by_kind = (
                ("parameters", gradients, backward(graph, network, values, t, p, noise, batch_size, counted)),
                ("buffers", buffers, updated_buffers(graph, network, values, held)),
            )
            for kind, arena, by_layer in by_kind:
                for place, layer in zip(network.nodes, by_layer, strict=True):
                    homes = _homes(place, getattr(place, kind), arena)
                    grads |= {value: homes[name] for name, value in layer.items()}
        donated = [f"{i}.{name}" for i, names in enumerate(held) for name in names] if training else []
        self._losses = losses
        self._plan = Plan(graph, inputs, {**wanted, **grads}, donated, with_ones=ones)
        self.forward, self.backward = self._plan.split(loss)
        self.total = self._plan.array(loss)
        output = self._plan.array(last.y)
        numbers = source.data.target == "regression"
        self.hits = Errors(output, self.batches.targets) if numbers else Hits(output, self.batches.labels)

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

    def _noise(self, graph: Graph, network: Network, inputs: dict[str, Array]) -> list[Value | None]:
        self._keys: list[tuple[int, Array]] = []
        noise: list[Value | None] = [None] * len(network.nodes)
        for node in network.nodes:
            if not node.layer.noisy():
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

    def responses(self, layer: int) -> Array:
        """A layer's output, features × examples."""
        return by_feature(self._plan.array(self.values[layer].y))

    def output(self, layer: int) -> Array:
        """A layer's output as a view of it has it; the next batch may overwrite it."""
        return by_unit(self._plan.array(self.values[layer].y))

    def inputs(self, layer: int) -> Array:
        """What goes into a layer's activation, likewise; only where the pass is watched."""
        return by_unit(self._plan.array(self.values[layer].z))


def _homes(node: Node, parameters: Sequence[Parameter], arena: Arena) -> dict[str, Array]:
    """Where each of a layer's arrays lies, as formulas see it; a matrix with its bias below it."""
    views = arena.views[node.index]
    return {p.name: seen(node, p, views[p.name]) if p.by_element else views["weight"] for p in parameters}
