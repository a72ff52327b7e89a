"""A training step and an evaluation as MLX functions: arrays in, arrays out.

Arrays go by their names on disk (``layers.<i>.weight``) and have their shapes there, but for those of one
value a unit: they are columns, so that no step has to reshape them. A step passes parameters, buffers and
optimizer state on to the next, and whether every loss so far was finite.
"""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx
import numpy as np

from tuiml.backends.mlx.namespace import XP
from tuiml.backends.parameters import seen
from tuiml.data.arrays import Data
from tuiml.nn import random
from tuiml.nn.class_weights import example_weights
from tuiml.nn.layers import Values
from tuiml.nn.layers.windows import with_channels
from tuiml.nn.losses import OVERFLOW
from tuiml.nn.network import Network, forward, updated_buffers
from tuiml.nn.optimizers import Optimizer
from tuiml.nn.penalties import (
    Penalties,
    clip_scale,
    decayed,
    is_penalized,
    norm_scale,
    penalized_gradient,
)

Array = Any
Arrays = dict[str, Array]
RATE = "penalty.rate"
"""The learning rate as weight decay takes it, among the scalars of a step."""


class Formulas:
    """The mathematics of one network on one set of data, for :mod:`tuiml.backends.mlx.engine`."""

    def __init__(self, network: Network, optimizer: Optimizer, penalties: Penalties, data: Data) -> None:
        self.network, self.optimizer, self.penalties = network, optimizer, penalties
        self._shift, self._scale = (mx.array(np.asarray(v)) for v in (data.shift, data.scale))
        self._shifted, self._scaled = bool(np.any(data.shift)), bool(np.any(data.scale != 1.0))
        self._numbers = data.target == "regression"
        self._penalized = {
            f"layers.{node.index}.{p.name}"
            for node in network.nodes
            for p in node.parameters
            if is_penalized(p)
        }
        self.noisy = [node.index for node in network.nodes if node.layer.noisy()]
        self._class_weights = mx.array(np.array(network.class_weights, np.float32)[:, None])
        self._classes = mx.array(np.arange(network.outputs, dtype=np.int32)[:, None] + (network.outputs == 1))
        self._counters: dict[tuple[int, int], Array] = {}

    # -- layers and loss ------------------------------------------------------------------------------

    def inputs(self, inputs: Array, labels: Array, rows: Array) -> tuple[Array, Array]:
        """The examples at ``rows`` as the network takes them, features × batch, and their labels likewise."""
        x = inputs[rows].astype(mx.float32)
        if self._shifted:
            x = x - self._shift
        return (x * self._scale if self._scaled else x).T, labels[rows].T

    def forward(self, arrays: Arrays, x: Array, keys: Array | None) -> list[Values]:
        """Each layer's values; ``arrays`` are the parameters, and in evaluation the buffers too."""
        noise: list[Array | None] = [None] * len(self.network.nodes)
        if keys is not None:
            for place, layer in enumerate(self.noisy):
                shape = with_channels(self.network.nodes[layer].output_shape)
                counter = self._counter(math.prod(shape), x.shape[1])
                counter = counter if len(shape) == 1 else XP.image(counter, shape)
                noise[layer] = random.uniform(XP, counter, keys[place])
        return forward(XP, self.network, x, self._by_layer(arrays), noise)

    def loss(self, params: Arrays, buffers: Arrays, x: Array, labels: Array, keys: Array) -> tuple[Any, ...]:
        """Of a step in training: a number that has the gradient of the mean loss, what :meth:`_judged` says,
        and the buffers after the step."""
        passed = self.forward(params, x, keys)
        last, target = passed[-1], self._target(labels)
        total, tally = self._judged(last, labels, target, training=True)
        return self._slope(last, target), total, tally, self._updated_buffers(buffers, passed)

    def _slope(self, last: Values, target: Array) -> Array:
        """A number whose gradient is that of the mean of the examples' losses, by the loss's own formula."""
        loss = self.network.loss
        slope = loss.gradient(XP, last.z, last.y, target) * (1.0 / target.shape[1])
        if self.network.class_weights:
            slope = slope * example_weights(XP, self.network.class_weights, self._class_weights, target)
        return mx.sum((last.z if loss.activation else last.y) * mx.stop_gradient(slope))

    def _target(self, labels: Array) -> Array:
        """What the outputs are compared with: a row for each."""
        return labels if self._numbers else (labels == self._classes).astype(mx.float32)

    def _judged(
        self, last: Values, labels: Array, target: Array, training: bool = False
    ) -> tuple[Array, Array]:
        """Sum of the examples' losses (in training: weighted), and hits or squared errors."""
        total = mx.sum(self._losses(last, target, training))
        if self._numbers:
            return total, mx.sum(mx.square(last.y - target))
        guess = last.y > 0.5 if len(last.y) == 1 else mx.argmax(last.y, axis=0, keepdims=True)
        return total, mx.sum(guess == labels, keepdims=True)

    def dry_run(
        self, params: Arrays, inputs: Array, labels: Array, rows: Array, keys: Array
    ) -> tuple[list[Array], list[Array], Arrays]:
        """Of the step on the examples at ``rows``: what goes into each layer's activation, what comes out,
        and the parameters' gradients."""

        def passed(params: Arrays, x: Array, y: Array) -> tuple[Any, ...]:
            values = self.forward(params, x, keys)
            return self._slope(values[-1], self._target(y)), [v.z for v in values], [v.y for v in values]

        x, y = self.inputs(inputs, labels, rows)
        (_, before, after), gradients = mx.value_and_grad(passed)(params, x, y)
        return before, after, gradients

    def _losses(self, last: Values, target: Array, training: bool = False) -> Array:
        """Each example's loss, 1 × examples, from the last layer's values; in training weighted."""
        losses = self.network.loss.value(XP, last.z, last.y, target)
        if not training or not self.network.class_weights:
            return losses
        return losses * example_weights(XP, self.network.class_weights, self._class_weights, target)

    def evaluate_each(self, arrays: Arrays, x: Array, labels: Array) -> tuple[Array, Array]:
        """Each example's outputs and its loss, in evaluation mode."""
        last = self.forward(arrays, x, None)[-1]
        return last.y, self._losses(last, self._target(labels))

    def evaluate(
        self, params: Arrays, buffers: Arrays, inputs: Array, labels: Array, rows: Array
    ) -> tuple[Array, Array]:
        """Sum of the losses and hits of the examples at ``rows``, in evaluation mode."""
        x, y = self.inputs(inputs, labels, rows)
        return self._judged(self.forward(params | buffers, x, None)[-1], y, self._target(y))

    def _by_layer(self, arrays: Arrays) -> list[Arrays]:
        """The arrays there are, as the layers' formulas take them."""
        found: list[Arrays] = [{} for _ in self.network.nodes]
        for node in self.network.nodes:
            for p in (*node.parameters, *node.buffers):
                value = arrays.get(f"layers.{node.index}.{p.name}")
                if value is not None:
                    found[node.index][p.name] = seen(node, p, value) if p.by_element else value
        return found

    def _updated_buffers(self, buffers: Arrays, passed: list[Values]) -> Arrays:
        """The buffers after a training step."""
        by_layer = updated_buffers(XP, self.network, passed, self._by_layer(buffers))
        return {
            f"layers.{i}.{name}": mx.reshape(value, buffers[f"layers.{i}.{name}"].shape)
            for i, layer in enumerate(by_layer)
            for name, value in layer.items()
        }

    def _counter(self, features: int, examples: int) -> Array:
        """Positions of a layer's outputs, example by example as the NumPy engine counts them."""
        key = (features, examples)
        if key not in self._counters:
            self._counters[key] = (
                mx.arange(features * examples, dtype=mx.uint32).reshape(examples, features).T
            )
        return self._counters[key]

    # -- the step -------------------------------------------------------------------------------------

    def train(
        self,
        params: Arrays,
        buffers: Arrays,
        state: dict[str, Arrays],
        alive: Array,
        inputs: Array,
        labels: Array,
        rows: Array,
        keys: Array,
        scalars: Arrays,
    ) -> tuple[Arrays, Arrays, dict[str, Arrays], Array, Array, Array]:
        """What is passed on after a step on the examples at ``rows``; the sum of their losses, and hits or
        squared errors."""
        x, y = self.inputs(inputs, labels, rows)
        passed, gradients = mx.value_and_grad(self.loss)(params, buffers, x, y, keys)
        _, total, tally, after = passed
        # Once the loss is not finite nothing changes any more: the weights stay those before that step.
        gradients, usable = self._clipped(gradients)
        alive = mx.logical_and(alive, mx.logical_and(total < OVERFLOW, usable))
        new_params: Arrays = {}
        new_state: dict[str, Arrays] = {name: {} for name in state}
        for key, w in params.items():
            mine = {name: state[name][key] for name in state}
            changed, carried = self.optimizer.update(
                XP, *self._with_penalties(key, w, gradients[key], scalars), mine, scalars
            )
            new_params[key] = mx.where(alive, self._shortened(key, changed), w)
            for name, value in carried.items():
                new_state[name][key] = mx.where(alive, value, mine[name])
        new_buffers = {key: mx.where(alive, value, buffers[key]) for key, value in after.items()}
        return new_params, new_buffers, new_state, alive, total, tally

    def scalars(self, step: int, rate: float) -> Arrays:
        """What a step takes beside the examples; ``step`` counts from 1."""
        numbers = self.optimizer.scalars(step, rate)
        if self.penalties.weight_decay:
            numbers = {**numbers, RATE: rate}
        return {name: mx.array(value, mx.float32) for name, value in numbers.items()}

    def _clipped(self, gradients: Arrays) -> tuple[Arrays, Array]:
        """The gradients no longer than wanted in all, and whether their length is finite."""
        limit = self.penalties.clip_norm
        if limit is None:
            return gradients, mx.array(True)
        largest = mx.max(mx.stack([mx.max(mx.abs(g)) for g in gradients.values()]))
        unit = mx.where(largest > 0.0, largest, 1.0)  # so that no square leaves float32
        norm = unit * mx.sqrt(mx.sum(mx.stack([mx.sum(mx.square(g / unit)) for g in gradients.values()])))
        scale = clip_scale(XP, norm, limit)
        return {key: g * scale for key, g in gradients.items()}, mx.isfinite(norm)

    def _shortened(self, key: str, w: Array) -> Array:
        """A parameter after its update, each unit's incoming weights no longer than wanted."""
        limit = self.penalties.max_norm
        if limit is None or key not in self._penalized:
            return w
        axes = tuple(range(1, len(w.shape)))
        largest = mx.max(mx.abs(w), axis=axes, keepdims=True)
        unit = mx.where(largest > 0.0, largest, 1.0)  # so that no square leaves float32
        norms = unit * mx.sqrt(mx.sum(mx.square(w / unit), axis=axes, keepdims=True))
        return w * norm_scale(XP, norms, limit)

    def _with_penalties(self, key: str, w: Array, g: Array, scalars: Arrays) -> tuple[Array, Array]:
        """A parameter and its gradient as the optimizer sees them."""
        if key not in self._penalized:
            return w, g
        g = penalized_gradient(XP, w, g, self.penalties.l1 or None, self.penalties.l2 or None)
        if self.penalties.weight_decay:
            w = decayed(w, scalars[RATE], self.penalties.weight_decay)
        return w, g
