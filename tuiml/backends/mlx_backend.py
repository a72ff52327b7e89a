"""The MLX engine: the same formulas, differentiated and compiled by MLX. This and
:mod:`tuiml.backends.mlx_pictures` alone import it.

An array made in one thread cannot be evaluated in another, so an engine is built, run, read and closed in one
thread. Steps are queued and evaluated together: nothing waits for the device between batches.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

import mlx.core as mx
import numpy as np

from tuiml.backends.engine import Engine, LayerView, Totals
from tuiml.backends.layout import by_unit
from tuiml.backends.mlx_pictures import Pictures
from tuiml.backends.parameters import initial_tensors, seen
from tuiml.data.arrays import Data, Part
from tuiml.nn import random
from tuiml.nn.layers import Values
from tuiml.nn.layers.windows import with_channels
from tuiml.nn.losses import OVERFLOW
from tuiml.nn.network import Network, forward, renewed
from tuiml.nn.optimizers import Optimizer
from tuiml.nn.penalties import (
    NO_PENALTIES,
    Penalties,
    clip_scale,
    decayed,
    is_penalized,
    penalized_gradient,
)

Array = Any
QUEUED = 16
EVALUATION_BATCH = 2000


class Namespace(Pictures):
    """``xp`` for the formulas: MLX's own names, and the few of ours."""

    def __getattr__(self, name: str) -> Any:
        return getattr(mx, name)

    @staticmethod
    def astype(x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    @staticmethod
    def affine(weight: Array, bias: Array | None, x: Array) -> Array:
        return weight @ x if bias is None else mx.addmm(bias[:, None], weight, x)


XP = Namespace()


def gpu() -> str:
    """The name of the GPU that MLX would use; empty where it has none."""
    if not mx.is_available(mx.gpu):
        return ""
    return str(mx.device_info(mx.gpu).get("device_name", "GPU"))


class MlxEngine(Engine):
    """Trains one network on one set of data. See :class:`tuiml.backends.engine.Engine`."""

    name = "mlx"

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        data: Data,
        seed: int,
        penalties: Penalties = NO_PENALTIES,
    ) -> None:
        self.network, self.optimizer, self.data, self.seed = network, optimizer, data, seed
        self.penalties = penalties
        self._penalized = {
            f"layers.{node.index}.{p.name}"
            for node in network.nodes
            for p in node.parameters
            if is_penalized(p)
        }
        self.step_number = 0
        self._shift, self._scale = (mx.array(np.asarray(v)) for v in (data.shift, data.scale))
        self._parts: dict[int, tuple[Array, Array]] = {}
        start = {k: mx.array(v) for k, v in initial_tensors(network, seed).items()}
        kept = {f"layers.{node.index}.{p.name}" for node in network.nodes for p in node.buffers}
        self._params = {k: v for k, v in start.items() if k not in kept}
        self._buffers = {k: v for k, v in start.items() if k in kept}
        self._state = {
            name: {k: mx.zeros_like(v) for k, v in self._params.items()} for name in optimizer.state_names()
        }
        self._noisy = [node.index for node in network.nodes if node.layer.noisy()]
        self._counters: dict[tuple[int, int], Array] = {}
        self._latest: Array | None = None
        self._alive = True
        self._sums: dict[str, Array] = {}
        self._fresh()
        self._queued = 0
        self._totals = Totals(0.0, 0, 0)
        compiled = bool(gpu() or shutil.which("g++"))  # on a CPU, MLX compiles by way of g++
        self._step: Any = mx.compile(self._train) if compiled else self._train
        self._judge: Any = mx.compile(self._evaluate) if compiled else self._evaluate

    # -- the mathematics ------------------------------------------------------------------------------

    def _forward(self, arrays: dict[str, Array], x: Array, keys: Array | None) -> list[Values]:
        """Each layer's values; ``arrays`` are the parameters, and in evaluation the buffers too."""
        noise: list[Array | None] = [None] * len(self.network.nodes)
        if keys is not None:
            for place, layer in enumerate(self._noisy):
                shape = with_channels(self.network.nodes[layer].output_shape)
                counter = self._counter(math.prod(shape), x.shape[1])
                counter = counter if len(shape) == 1 else XP.picture(counter, shape)
                noise[layer] = random.uniform(XP, counter, keys[place])
        return forward(XP, self.network, x, self._by_layer(arrays), noise)

    def _by_layer(self, arrays: dict[str, Array]) -> list[dict[str, Array]]:
        """The arrays there are, as the layers' formulas take them."""
        found: list[dict[str, Array]] = [{} for _ in self.network.nodes]
        for node in self.network.nodes:
            for p in (*node.parameters, *node.buffers):
                value = arrays.get(f"layers.{node.index}.{p.name}")
                if value is not None:
                    found[node.index][p.name] = seen(node, p, value)
        return found

    def _renewed(self, buffers: dict[str, Array], passed: list[Values]) -> dict[str, Array]:
        """The buffers after a training step."""
        by_layer = renewed(XP, self.network, passed, self._by_layer(buffers))
        names = {
            f"layers.{i}.{name}": value for i, layer in enumerate(by_layer) for name, value in layer.items()
        }
        return {name: mx.reshape(value, buffers[name].shape) for name, value in names.items()}

    def _loss(
        self,
        params: dict[str, Array],
        buffers: dict[str, Array],
        x: Array,
        labels: Array,
        keys: Array | None,
        training: bool = True,
    ) -> tuple[Any, ...]:
        """Mean and sum of the examples' losses, hits, and the buffers afterwards."""
        passed = self._forward(params if training else params | buffers, x, keys)
        last = passed[-1]
        classes = mx.arange(self.network.outputs)[:, None] + (self.network.outputs == 1)
        target = (labels[None, :] == classes).astype(mx.float32)
        total = mx.sum(self.network.loss.value(XP, last.z, last.y, target))
        guess = last.y[0] > 0.5 if len(last.y) == 1 else mx.argmax(last.y, axis=0)
        after = self._renewed(buffers, passed) if training else buffers
        return total / labels.shape[0], total, mx.sum(guess == labels), after

    def _inputs(self, inputs: Array, labels: Array, rows: Array) -> tuple[Array, Array]:
        x = (inputs[rows].astype(mx.float32) - self._shift) * self._scale
        return x.T, labels[rows]

    def _train(
        self,
        params: dict[str, Array],
        buffers: dict[str, Array],
        state: dict[str, dict[str, Array]],
        sums: dict[str, Array],
        inputs: Array,
        labels: Array,
        rows: Array,
        keys: Array,
        scalars: dict[str, Array],
    ) -> tuple[Any, Any, Any, Any]:
        x, y = self._inputs(inputs, labels, rows)
        passed, gradients = mx.value_and_grad(self._loss)(params, buffers, x, y, keys)
        _, total, correct, after = passed
        # Once the loss is not finite nothing changes any more: the weights stay those before that step.
        gradients, usable = self._clipped(gradients)
        alive = mx.logical_and(sums["alive"], mx.logical_and(total < OVERFLOW, usable))
        new_params: dict[str, Array] = {}
        new_state: dict[str, dict[str, Array]] = {name: {} for name in state}
        for key, w in params.items():
            mine = {name: state[name][key] for name in state}
            changed, carried = self.optimizer.update(
                XP, *self._with_penalties(key, w, gradients[key], scalars), mine, scalars
            )
            new_params[key] = mx.where(alive, changed, w)
            for name, value in carried.items():
                new_state[name][key] = mx.where(alive, value, mine[name])
        new_buffers = {key: mx.where(alive, value, buffers[key]) for key, value in after.items()}
        new_sums = {
            "alive": alive,
            "loss": sums["loss"] + mx.where(alive, total, 0.0),
            "correct": sums["correct"] + mx.where(alive, correct, 0),
            "examples": sums["examples"] + mx.where(alive, rows.shape[0], 0),
            "steps": sums["steps"] + alive,
        }
        return new_params, new_buffers, new_state, new_sums

    def _clipped(self, gradients: dict[str, Array]) -> tuple[dict[str, Array], Array]:
        """The gradients no longer than wanted in all, and whether their length is finite."""
        limit = self.penalties.clip_norm
        if limit is None:
            return gradients, mx.array(True)
        largest = mx.max(mx.stack([mx.max(mx.abs(g)) for g in gradients.values()]))
        unit = mx.where(largest > 0.0, largest, 1.0)  # so that no square leaves float32
        norm = unit * mx.sqrt(sum(mx.sum(mx.square(g / unit)) for g in gradients.values()))
        scale = clip_scale(XP, norm, limit)
        return {key: g * scale for key, g in gradients.items()}, mx.isfinite(norm)

    def _with_penalties(self, key: str, w: Array, g: Array, scalars: dict[str, Array]) -> tuple[Array, Array]:
        """A parameter and its gradient as the optimizer sees them."""
        if key not in self._penalized:
            return w, g
        g = penalized_gradient(XP, w, g, self.penalties.l1 or None, self.penalties.l2 or None)
        if self.penalties.weight_decay:
            w = decayed(w, scalars["penalty.rate"], self.penalties.weight_decay)
        return w, g

    def _evaluate(
        self, params: dict[str, Array], buffers: dict[str, Array], inputs: Array, labels: Array, rows: Array
    ) -> tuple[Array, Array]:
        x, y = self._inputs(inputs, labels, rows)
        _, total, correct, _ = self._loss(params, buffers, x, y, None, training=False)
        return total, correct

    # -- the engine -----------------------------------------------------------------------------------

    def steps(self, batches: Iterable[tuple[np.ndarray[Any, Any], float]]) -> int:
        done = 0
        for rows, rate in batches:
            if not self._enqueue(rows, rate):
                return done
            done += 1
        return done

    def _enqueue(self, rows: np.ndarray[Any, Any], rate: float) -> bool:
        number = self.step_number + self._queued
        keys = mx.array([random.key(self.seed, i, number) for i in self._noisy], dtype=mx.uint32)
        numbers = self.optimizer.scalars(number + 1, rate) | {"penalty.rate": rate}
        scalars = {k: mx.array(v, mx.float32) for k, v in numbers.items()}
        self._latest = mx.array(rows.astype(np.uint32))
        carried = (self._params, self._buffers, self._state, self._sums)
        self._params, self._buffers, self._state, self._sums = self._step(
            *carried, *self._part(self.data.train), self._latest, keys, scalars
        )
        self._queued += 1
        return self._flush() if self._queued >= QUEUED else self._alive

    def _flush(self) -> bool:
        """Run what is queued; whether every loss was finite."""
        if self._queued:
            mx.eval(self._params, self._buffers, self._state, self._sums)
            self._queued = 0
            found = {name: value.item() for name, value in self._sums.items()}
            self.step_number += found["steps"]
            self._totals += Totals(found["loss"], found["correct"], found["examples"])
            self._alive = bool(found["alive"])
            self._fresh()
        return self._alive

    def _fresh(self) -> None:
        self._sums = {
            "alive": mx.array(self._alive),  # stays down until restore()
            "loss": mx.array(0.0),
            **{name: mx.array(0, mx.int32) for name in ("correct", "examples", "steps")},
        }

    def totals(self) -> Totals:
        self._flush()
        found, self._totals = self._totals, Totals(0.0, 0, 0)
        return found

    def evaluate(self, part: Part) -> Totals:
        self._flush()
        inputs, labels = self._part(part)
        loss, correct = 0.0, 0
        for start in range(0, len(part), EVALUATION_BATCH):
            rows = mx.arange(start, min(start + EVALUATION_BATCH, len(part)), dtype=mx.uint32)
            total, hits = self._judge(self._params, self._buffers, inputs, labels, rows)
            loss, correct = loss + total.item(), correct + hits.item()
        return Totals(loss, correct, len(part))

    def views(self) -> list[LayerView]:
        self._flush()
        trained = self._latest is not None
        rows = self._latest if trained else mx.arange(min(256, len(self.data.train)), dtype=mx.uint32)
        x, labels = self._inputs(*self._part(self.data.train), rows)
        # On a batch trained, statistics are the batch's own, as they were in the step; no noise is drawn.
        passed = self._forward(self._params if trained else self._params | self._buffers, x, None)
        gradients = (
            mx.grad(lambda p: self._loss(p, self._buffers, x, labels, None)[0])(self._params)
            if trained
            else {}
        )
        mx.eval([v.y for v in passed], gradients)
        return [
            LayerView(
                output=by_unit(np.array(passed[i].y)),
                weights=_numpy(self._params.get(f"layers.{i}.weight")),
                gradients=_numpy(gradients.get(f"layers.{i}.weight")),
            )
            for i in range(len(self.network.nodes))
        ]

    def tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        self._flush()
        return {name: np.array(value) for name, value in (self._params | self._buffers).items()}

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        found = self.tensors()
        for name, arrays in self._state.items():
            found |= {f"optimizer.{name}.{key}": np.array(value) for key, value in arrays.items()}
        return found

    def load(self, tensors: Mapping[str, np.ndarray[Any, Any]], step: int) -> None:
        params = {key: _taken(tensors, key, old) for key, old in self._params.items()}
        buffers = {key: _taken(tensors, key, old) for key, old in self._buffers.items()}
        state = {
            name: {key: _taken(tensors, f"optimizer.{name}.{key}", old) for key, old in arrays.items()}
            for name, arrays in self._state.items()
        }
        self._params, self._buffers, self._state, self.step_number = params, buffers, state, step

    def snapshot(self) -> Any:
        self._flush()  # arrays are never written in place, so keeping them is a copy
        state = {k: dict(v) for k, v in self._state.items()}
        return self.step_number, dict(self._params), dict(self._buffers), state

    def restore(self, snapshot: Any) -> None:
        self.step_number, self._params, self._buffers, self._state = snapshot
        self._queued, self._alive = 0, True
        self._fresh()

    def finite(self) -> bool:
        self._flush()
        arrays = (self._params | self._buffers).values()
        return all(bool(mx.all(mx.isfinite(value)).item()) for value in arrays)

    def close(self) -> None:
        mx.clear_streams()  # else the thread that used them may abort the process at its end

    def _part(self, part: Part) -> tuple[Array, Array]:
        """A part's arrays on the device, moved there once."""
        if id(part) not in self._parts:
            self._parts[id(part)] = mx.array(part.inputs), mx.array(part.labels.astype(np.int32))
        return self._parts[id(part)]

    def _counter(self, features: int, examples: int) -> Array:
        """Positions of a layer's outputs, example by example as the NumPy engine counts them."""
        key = (features, examples)
        if key not in self._counters:
            self._counters[key] = (
                mx.arange(features * examples, dtype=mx.uint32).reshape(examples, features).T
            )
        return self._counters[key]


def _numpy(value: Array | None) -> np.ndarray[Any, Any] | None:
    """Weights as a matrix, outputs first; one value a unit as a column."""
    return None if value is None else np.array(value).reshape(value.shape[0], -1)


def _taken(tensors: Mapping[str, np.ndarray[Any, Any]], name: str, like: Array) -> Array:
    if name not in tensors:
        raise ValueError(f"{name} is missing")
    if tensors[name].shape != like.shape:
        raise ValueError(f"{name} has the shape {tensors[name].shape}, not {like.shape}")
    return mx.array(tensors[name])
