"""The NumPy engine: plans compiled once for a batch size, then run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tuiml.backends import DRY_RUN_SIZE, EVALUATION_BATCH, forks
from tuiml.backends.batches import Source
from tuiml.backends.denormals import flushed
from tuiml.backends.engine import Engine, LayerView, Totals, as_part
from tuiml.backends.parameters import Arena, initial_tensors, parts_of
from tuiml.backends.passes import Pass
from tuiml.backends.penalties import Penalizer
from tuiml.backends.sharding import shards
from tuiml.backends.steps import Step
from tuiml.backends.tally import Tally
from tuiml.backends.team import Team, parted
from tuiml.backends.update import Update
from tuiml.data.arrays import Data, Part
from tuiml.nn.losses import OVERFLOW
from tuiml.nn.network import Network
from tuiml.nn.optimizers import Optimizer
from tuiml.nn.penalties import NO_PENALTIES, Penalties

Array = np.ndarray[Any, Any]
WORTH_FORKING = 20
"""Steps in shards after which there will be many more."""


class NumpyEngine(Engine):
    """Trains one network on one set of data. See :class:`tuiml.backends.engine.Engine`.

    Args:
        threads: shards that a batch worth it is split into, each a thread's. The bits depend on the number of
            shards, not on how many threads find a free core.
    """

    name = "numpy"

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        data: Data,
        seed: int,
        penalties: Penalties = NO_PENALTIES,
        threads: int = 1,
    ) -> None:
        self.network = network
        self.data = data
        self.seed = seed
        self.step_number = 0
        self._may_fork = forks.allowed()  # if that changes later, the arrays below are not shared
        self.team = Team(threads)
        self.source = Source(data)
        self.weights = Arena(network)
        self.buffers = Arena(network, buffers=True)
        self._gradients = [Arena(network) for _ in range(threads)]
        start = initial_tensors(network, seed)
        self.weights.load(start)
        self.buffers.load(start)
        self._penalties = penalties
        self.update = self._updating(optimizer)
        self._steps: dict[int, Step] = {}
        self._observed: dict[int, Step] = {}
        self._passes: dict[int, list[Pass]] = {}
        self._latest: Step | None = None
        self._forked: Step | None = None
        """The step that has forks: one, since they stay for as long as it does."""
        self._observe_next = False
        self._before: Arena | None = None
        self._old = Arena(network)
        self._tally = Tally(data)
        self._loss, self._found, self._examples = 0.0, 0.0, 0

    def close(self) -> None:
        self._end_forks()
        self.team.close()

    def _end_forks(self) -> None:
        if self._forked:
            self._forked.end_forks()
        self._forked = None

    def _updating(self, optimizer: Optimizer) -> Update:
        return Update(optimizer, self.weights.flat, Penalizer(self._penalties, self.network))

    @property
    def optimizer_start(self) -> int:
        return self.update.optimizer_start

    @optimizer_start.setter
    def optimizer_start(self, step: int) -> None:
        self.update.optimizer_start = step

    def change(self, optimizer: Optimizer) -> None:
        before = self.update
        if optimizer == before.optimizer:
            return
        self._take(optimizer)
        carried = optimizer.carried(before.optimizer)
        for name, factor in carried.items():
            np.multiply(before.state[name], np.float32(factor), self.update.state[name])
        self.update.optimizer_start = before.optimizer_start if carried else self.step_number

    def _take(self, optimizer: Optimizer) -> None:
        """Have another optimizer, its arrays all 0. Steps are compiled for one, so these are made anew."""
        self._end_forks()
        self.update = self._updating(optimizer)
        self._steps, self._observed = {}, {}

    def steps(self, batches: Iterable[tuple[Array, float]]) -> int:
        begun, stream = self.step_number, iter(batches)
        batch = next(stream, None)
        while batch is not None:
            size = len(batch[0])
            step = self._next_step(size)
            with np.errstate(all="ignore"), flushed():  # what overflows is found in the loss
                while batch is not None and len(batch[0]) == size:
                    loss = step.run(*batch, self.step_number)
                    if not loss < OVERFLOW:  # or it is NaN
                        return self.step_number - begun
                    self.step_number += 1
                    self._loss += loss
                    self._found += step.tally
                    self._examples += size
                    batch = next(stream, None)
                    if self._before is not None:
                        break  # one step is observed, not those after it
        return self.step_number - begun

    def _next_step(self, size: int) -> Step:
        """What trains the next batch, of ``size``."""
        observed, self._observe_next = self._observe_next, False
        known = self._observed if observed else self._steps
        if size not in known:
            known[size] = self._step(size, observed)
        self._before = self._old if observed else None
        self._latest = step = known[size]
        if not observed and not self._forked and step.runs >= WORTH_FORKING and self._may_fork:
            step.fork()
            self._forked = step
        return step

    def _step(self, size: int, observed: bool) -> Step:
        """The step for a batch of ``size``."""
        gradients = self._gradients[: shards(self.network, size, self.team.size)]
        ends = parted(size, len(gradients))
        passes = [self._pass(g, *shard, size, observed) for g, shard in zip(gradients, ends, strict=True)]
        changes = self.update.changes([g.flat for g in gradients])
        return Step(passes, changes, self.update, self.team, self.data.train)

    def totals(self) -> Totals:
        found = self._tally.totals(self.data.train, self._loss, self._found, self._examples)
        self._loss, self._found, self._examples = 0.0, 0.0, 0
        return found

    def evaluate(self, part: Part) -> Totals:
        loss, found, n = 0.0, 0.0, len(part)
        for size in {min(n, EVALUATION_BATCH), n % EVALUATION_BATCH} - {0}:
            self._prepare(size)
        with np.errstate(all="ignore"), flushed():
            for start in range(0, n, EVALUATION_BATCH):
                rows = np.arange(start, min(start + EVALUATION_BATCH, n))
                passes = self._forward(part, rows)
                loss += sum(run.total_loss() for run in passes)
                found += sum(run.hits.count() for run in passes)
        return self._tally.totals(part, loss, found, n)

    def _forward(self, part: Part, rows: Array) -> list[Pass]:
        """Evaluate the examples at ``rows``; the passes that hold what came out."""
        passes = self._passes[len(rows)]
        ends = parted(len(rows), len(passes))

        def evaluate(shard: int) -> None:
            passes[shard].load(part, rows[slice(*ends[shard])])
            passes[shard].forward.run()

        self.team.run(len(passes), evaluate, measured=False)
        return passes

    def evaluate_each(self, part: Part) -> tuple[Array, Array]:
        found = [(run.layer_outputs(-1).copy(), run.losses().copy()) for run in self._runs(part)]
        outputs, losses = zip(*found, strict=True)
        return _joined(outputs)[:, : len(part)], np.concatenate(losses)[: len(part)]

    def layer_outputs(self, inputs: Array, layer: int) -> Array:
        part = as_part(inputs, self.data.train)
        return _joined([run.layer_outputs(layer).copy() for run in self._runs(part)])[:, : len(part)]

    def _runs(self, part: Part) -> Iterator[Pass]:
        """Evaluate a part; after its end the last example again, so that few sizes are ever compiled."""
        n = len(part)
        size = n if n == 1 or n in self._passes else EVALUATION_BATCH
        self._prepare(size)
        for start in range(0, n, size):
            with np.errstate(all="ignore"), flushed():
                passes = self._forward(part, np.minimum(np.arange(start, start + size), n - 1))
            yield from passes
        if not self.data.holds(part):
            self.source.forget(part)

    def observe_next_step(self, size: int) -> None:
        self._observe_next = True
        np.copyto(self._old.flat, self.weights.flat)
        if size not in self._observed:
            self._observed[size] = self._step(size, True)

    def views(self) -> list[LayerView]:
        if self._latest is None:
            return self.dry_run(DRY_RUN_SIZE)
        self._latest.fetch_outputs()
        return self._views(self._latest.passes, self._gradients[0], self._before)

    def dry_run(self, size: int) -> list[LayerView]:
        size = min(size, len(self.data.train))
        gradients, buffers = Arena(self.network), Arena(self.network, self.buffers.flat.copy(), buffers=True)
        run = Pass(
            self.network, self.weights, gradients, buffers, self.source, range(size), size, self.seed, True
        )
        with np.errstate(all="ignore"), flushed():
            run.load(self.data.train, np.arange(size))
            run.draw_noise(self.step_number)
            run.forward.run()
            run.backward.run()
        return self._views([run], gradients, None)

    def _views(self, passes: Sequence[Pass], gradients: Arena, before: Arena | None) -> list[LayerView]:
        found = []
        for node in self.network.nodes:
            i, observed = node.index, passes[0].observed and node.layer.activation_field is not None
            weights, biases = parts_of(node, self.weights)
            by_weight, by_bias = parts_of(node, gradients)
            found.append(
                LayerView(
                    output=_joined([run.output(i) for run in passes]),
                    weights=weights,
                    gradients=by_weight,
                    inputs=_joined([run.inputs(i) for run in passes]) if observed else None,
                    biases=biases,
                    bias_gradients=by_bias,
                    before=parts_of(node, before)[0] if before else None,
                    slopes=self.weights.views[i].get("slope"),
                )
            )
        return found

    def tensors(self) -> dict[str, Array]:
        return self.weights.tensors() | self.buffers.tensors()

    def state(self) -> dict[str, Array]:
        found = self.tensors()
        for name, flat in self.update.state.items():
            found |= Arena(self.network, flat).tensors(f"optimizer.{name}.")
        return found

    def load(self, tensors: Mapping[str, Array], step: int) -> None:
        pairs = self.weights.pairs(tensors) + self.buffers.pairs(tensors)
        for name, flat in self.update.state.items():
            pairs += Arena(self.network, flat).pairs(tensors, f"optimizer.{name}.")
        for home, values in pairs:
            home[...] = values
        self.step_number, self._observe_next = step, False

    def snapshot(self) -> Any:
        flats = [flat.copy() for flat in self._flats()]
        return self.step_number, *flats, (self.update.optimizer, self.update.optimizer_start)

    def restore(self, snapshot: Any) -> None:
        self._observe_next = False
        self.step_number, *flats, (optimizer, optimizer_start) = snapshot
        if optimizer != self.update.optimizer:
            self._take(optimizer)
        self.update.optimizer_start = optimizer_start
        for flat, values in zip(self._flats(), flats, strict=True):
            flat[...] = values

    def _flats(self) -> list[Array]:
        """The arrays that hold everything a step changes."""
        return [self.weights.flat, self.buffers.flat, *self.update.state.values()]

    def finite(self) -> bool:
        return _finite(self.weights.flat) and _finite(self.buffers.flat)

    def _prepare(self, size: int) -> None:
        """Compile the passes that evaluate ``size`` examples together."""
        if size not in self._passes:
            count = shards(self.network, size // 2, self.team.size)  # a third of a step's work, half at least
            self._passes[size] = [self._pass(None, start, end, size) for start, end in parted(size, count)]
            for run in self._passes[size]:
                run.forward.prepare()

    def _pass(self, gradients: Arena | None, start: int, end: int, size: int, observed: bool = False) -> Pass:
        arenas = (self.weights, gradients, self.buffers)
        return Pass(self.network, *arenas, self.source, range(start, end), size, self.seed, observed)


def _joined(outputs: Sequence[Array]) -> Array:
    """The shards of a layer's output side by side."""
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=1)


def _finite(values: Array) -> bool:
    # A sum of squares is finite only if every value is; one pass, no temporary.
    with np.errstate(all="ignore"):
        total = float(np.dot(values, values))
    return math.isfinite(total) or bool(np.isfinite(values).all())
