"""The MLX engine: the same formulas, differentiated and compiled by MLX.

An array made in one thread cannot be evaluated in another, so an engine is built, run, read and closed in one
thread. Steps are queued and evaluated together: nothing waits for the device between batches.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import mlx.core as mx
import numpy as np

from tuiml.backends import DRY_RUN_SIZE
from tuiml.backends.engine import Engine, LayerView, Totals, as_part
from tuiml.backends.layout import by_feature, by_unit
from tuiml.backends.mlx.device import gpu, ready
from tuiml.backends.mlx.formulas import Array, Arrays, Formulas
from tuiml.backends.parameters import initial_tensors
from tuiml.backends.tally import Tally
from tuiml.data.arrays import Data, Part
from tuiml.nn import random
from tuiml.nn.network import Network
from tuiml.nn.optimizers import Optimizer
from tuiml.nn.penalties import NO_PENALTIES, Penalties

QUEUED = 16
"""Steps that are put together before any result is waited for."""
EVALUATION_BATCH = 1000
"""Examples evaluated at a time: more would need more memory than is estimated."""


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
        ready()
        self.network, self.data, self.seed = network, data, seed
        self.step_number = 0
        self.optimizer_start = 0
        self._penalties = penalties
        self._tally = Tally(data)
        self._formulas = Formulas(network, optimizer, penalties, data)
        self._parts: dict[int, tuple[Array, Array]] = {}
        first = initial_tensors(network, seed)
        self._shapes = {name: values.shape for name, values in first.items()}
        units = {f"layers.{node.index}" for node in network.nodes if len(node.output_shape) == 1}
        start = {
            name: mx.array(v[:, None] if v.ndim == 1 and name.rpartition(".")[0] in units else v)
            for name, v in first.items()
        }
        buffers = {f"layers.{node.index}.{p.name}" for node in network.nodes for p in node.buffers}
        self._params = {k: v for k, v in start.items() if k not in buffers}
        self._buffers = {k: v for k, v in start.items() if k in buffers}
        self._take(optimizer)
        self._no_keys = mx.zeros(0, mx.uint32)
        self._latest: tuple[Array, Array] | None = None
        self._observe_next = False
        self._before: Arrays | None = None
        self._seen: set[int] = set()
        self._alive = True
        self._alive_now = mx.array(True)
        self._queued: list[tuple[Array, Array, Array, int]] = []
        """Of each step put together but not yet run: alive, loss, tally and examples."""
        self._totals = Totals(0.0, 0, 0)

    def _take(self, optimizer: Optimizer) -> None:
        """Have an optimizer, its arrays all 0, and the formulas that are compiled for it."""
        self.optimizer = optimizer
        self._state = {
            name: {k: mx.zeros_like(v) for k, v in self._params.items()} for name in optimizer.state_names()
        }
        self._formulas = Formulas(self.network, optimizer, self._penalties, self.data)
        compiled = bool(gpu() or shutil.which("g++"))  # on a CPU, MLX compiles by way of g++
        train, evaluate = self._formulas.train, self._formulas.evaluate
        self._step: Any = mx.compile(train) if compiled else train
        self._evaluate: Any = mx.compile(evaluate) if compiled else evaluate
        # On a CPU that compiling takes seconds, and saves less than one over many snapshots.
        self._dry_run: Any = mx.compile(self._formulas.dry_run) if gpu() else self._formulas.dry_run

    def change(self, optimizer: Optimizer) -> None:
        self._flush()
        before, arrays = self.optimizer, self._state
        if optimizer == before:
            return
        self._take(optimizer)
        carried = optimizer.carried(before)
        for name, factor in carried.items():
            self._state[name] = {key: value * mx.array(factor) for key, value in arrays[name].items()}
        self.optimizer_start = self.optimizer_start if carried else self.step_number

    def steps(self, batches: Iterable[tuple[np.ndarray[Any, Any], float]]) -> int:
        done = 0
        for rows, rate in batches:
            if not self._enqueue(rows, rate):
                return done
            done += 1
        return done

    def _enqueue(self, rows: np.ndarray[Any, Any], rate: float) -> bool:
        number = self.step_number + len(self._queued)
        keys = self._keys(number)
        self._before, self._observe_next = dict(self._params) if self._observe_next else None, False
        scalars = self._formulas.scalars(number + 1 - self.optimizer_start, rate)
        indices = mx.array(rows.astype(np.uint32, copy=False))
        self._latest = indices, keys
        carried = (self._params, self._buffers, self._state, self._alive_now)
        self._params, self._buffers, self._state, self._alive_now, loss, tally = self._step(
            *carried, *self._part(self.data.train), indices, keys, scalars
        )
        self._queued.append((self._alive_now, loss, tally, len(rows)))
        return self._flush() if len(self._queued) >= QUEUED else self._alive

    def _keys(self, number: int) -> Array:
        """Where the noise of the step after ``number`` begins, one for each layer that draws any."""
        noisy = self._formulas.noisy
        if not noisy:
            return self._no_keys
        return mx.array([random.key(self.seed, i, number) for i in noisy], dtype=mx.uint32)

    def _flush(self) -> bool:
        """Run what is queued; whether every loss was finite."""
        if self._queued:
            mx.eval(self._params, self._buffers, self._state, self._queued)
            # One step after the other: the sum does not depend on when the queue was run.
            for alive, loss, tally, examples in self._queued:
                if alive.item():
                    self.step_number += 1
                    self._totals += self._tally.totals(self.data.train, loss.item(), tally.item(), examples)
            self._alive = bool(self._alive_now.item())  # stays False until restore()
            self._queued = []
        return self._alive

    def totals(self) -> Totals:
        self._flush()
        found, self._totals = self._totals, Totals(0.0, 0, 0)
        return found

    def evaluate(self, part: Part) -> Totals:
        self._flush()
        inputs, labels = self._part(part)
        loss, found = 0.0, 0.0
        for start in range(0, len(part), EVALUATION_BATCH):
            rows = mx.arange(start, min(start + EVALUATION_BATCH, len(part)), dtype=mx.uint32)
            total, hits = self._evaluate(self._params, self._buffers, inputs, labels, rows)
            loss, found = loss + total.item(), found + hits.item()
        return self._tally.totals(part, loss, found, len(part))

    def evaluate_each(self, part: Part) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        found = [self._formulas.evaluate_each(self._everything, *batch) for batch in self._batches(part)]
        outputs, losses = zip(
            *((by_feature(np.array(y)), np.array(loss)[0]) for y, loss in found), strict=True
        )
        return np.concatenate(outputs, axis=1), np.concatenate(losses)

    def layer_outputs(self, inputs: np.ndarray[Any, Any], layer: int) -> np.ndarray[Any, Any]:
        batches = self._batches(as_part(inputs, self.data.train))
        found = [self._formulas.forward(self._everything, x, None)[layer].y for x, _ in batches]
        return np.concatenate([by_feature(np.array(y)) for y in found], axis=1)

    @property
    def _everything(self) -> Arrays:
        """Parameters and buffers: what an evaluation takes."""
        return self._params | self._buffers

    def _batches(self, part: Part) -> Iterator[tuple[Array, Array]]:
        """Examples as the network takes them, and their labels, no more at a time than memory is for."""
        self._flush()
        inputs, labels = self._part(part) if self.data.holds(part) else _arrays(part)
        for start in range(0, len(labels), EVALUATION_BATCH):
            rows = mx.arange(start, min(start + EVALUATION_BATCH, len(labels)), dtype=mx.uint32)
            yield self._formulas.inputs(inputs, labels, rows)

    def observe_next_step(self, size: int) -> None:
        self._observe_next = True
        if size not in self._seen:  # compiled here and now, not amid the training that follows
            self._seen.add(size)
            mx.eval(self._dry_run(*self._dry_run_arguments(size)))

    def views(self) -> list[LayerView]:
        self._flush()
        if self._latest is None:
            return self.dry_run(DRY_RUN_SIZE)
        # The weights of the step's beginning were let go of, where it was not observed.
        params = self._before or self._params
        return self._views(self._dry_run(params, *self._part(self.data.train), *self._latest), self._before)

    def dry_run(self, size: int) -> list[LayerView]:
        self._flush()
        return self._views(self._formulas.dry_run(*self._dry_run_arguments(size)), None)

    def _dry_run_arguments(self, size: int) -> tuple[Any, ...]:
        """Arguments of a dry run: the first examples, as the next step would see them."""
        rows = mx.arange(min(size, len(self.data.train)), dtype=mx.uint32)
        return self._params, *self._part(self.data.train), rows, self._keys(self.step_number)

    def _views(
        self, found: tuple[list[Array], list[Array], Arrays], before: Arrays | None
    ) -> list[LayerView]:
        """What was found in a step as LayerViews, with the weights as they are now."""
        inputs, outputs, gradients = found
        mx.eval(inputs, outputs, gradients)
        views = []
        for node in self.network.nodes:
            i, active = node.index, node.layer.activation_field is not None
            weight, bias = f"layers.{i}.weight", f"layers.{i}.bias"
            by_element = any(p.by_element for p in node.parameters if p.name == "weight")
            views.append(
                LayerView(
                    output=by_unit(np.array(outputs[i])),
                    weights=_matrix(self._params.get(weight), by_element),
                    gradients=_matrix(gradients.get(weight), by_element),
                    inputs=by_unit(np.array(inputs[i])) if active else None,
                    biases=_flat(self._params.get(bias)),
                    bias_gradients=_flat(gradients.get(bias)),
                    before=_matrix(before.get(weight), by_element) if before else None,
                    slopes=_flat(self._params.get(f"layers.{i}.slope")),
                )
            )
        return views

    def tensors(self) -> dict[str, np.ndarray[Any, Any]]:
        self._flush()
        return self._as_on_disk(self._everything)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        found = self.tensors()
        for name, arrays in self._state.items():
            found |= {f"optimizer.{name}.{k}": v for k, v in self._as_on_disk(arrays).items()}
        return found

    def _as_on_disk(self, arrays: Arrays) -> dict[str, np.ndarray[Any, Any]]:
        return {name: np.array(value).reshape(self._shapes[name]) for name, value in arrays.items()}

    def load(self, tensors: Mapping[str, np.ndarray[Any, Any]], step: int) -> None:
        params, buffers = (self._taken(tensors, "", arrays) for arrays in (self._params, self._buffers))
        state = {n: self._taken(tensors, f"optimizer.{n}.", arrays) for n, arrays in self._state.items()}
        self._params, self._buffers, self._state, self.step_number = params, buffers, state, step

    def _taken(self, tensors: Mapping[str, np.ndarray[Any, Any]], prefix: str, like: Arrays) -> Arrays:
        """Of arrays as on disk, those that are in ``like``, as they lie there."""
        found = {}
        for key, old in like.items():
            name, shape = prefix + key, self._shapes[key]
            if name not in tensors:
                raise ValueError(f"{name} is missing")
            if tensors[name].shape != shape:
                raise ValueError(f"{name} has the shape {tensors[name].shape}, not {shape}")
            found[key] = mx.array(tensors[name].reshape(old.shape))
        return found

    def snapshot(self) -> Any:
        self._flush()  # arrays are never written in place, so keeping them is a copy
        state = {k: dict(v) for k, v in self._state.items()}
        ours = self.step_number, self.optimizer, self.optimizer_start
        return *ours, dict(self._params), dict(self._buffers), state

    def restore(self, snapshot: Any) -> None:
        self.step_number, optimizer, self.optimizer_start, self._params, self._buffers, state = snapshot
        if optimizer != self.optimizer:
            self._take(optimizer)
        self._state = state
        self._queued, self._alive, self._alive_now = [], True, mx.array(True)

    def finite(self) -> bool:
        self._flush()
        return all(bool(mx.all(mx.isfinite(value)).item()) for value in self._everything.values())

    def close(self) -> None:
        # Else the thread may abort the process at its end. In the main one a program that trains by
        # tuiml.train may go on to compute with MLX itself.
        if threading.current_thread() is not threading.main_thread():
            mx.clear_streams()

    def _part(self, part: Part) -> tuple[Array, Array]:
        """A part's arrays on the device, moved there once."""
        if id(part) not in self._parts:
            self._parts[id(part)] = _arrays(part)
        return self._parts[id(part)]


def _arrays(part: Part) -> tuple[Array, Array]:
    """Inputs and labels, a row an example."""
    labels = part.labels if part.labels.ndim == 2 else part.labels.astype(np.int32)[:, None]
    return mx.array(part.inputs), mx.array(labels)


def _matrix(value: Array | None, by_element: bool) -> np.ndarray[Any, Any] | None:
    """Weights as the NumPy engine has them: inputs × outputs, a kernel's by height, width and channel; one
    value a unit as a column."""
    if value is None:
        return None
    found = np.array(value)
    if by_element:
        return found.reshape(-1, 1)
    return np.moveaxis(found, 1, -1).reshape(len(found), -1).T


def _flat(value: Array | None) -> np.ndarray[Any, Any] | None:
    return None if value is None else np.array(value).reshape(-1)
