"""tuiml's MLX engine beside a loop written by hand for the same network: what the engine adds to MLX.

On the processor, and where MLX has a GPU, first on that.

The loop is what the MLX documentation advises: ``value_and_grad``, the whole step under ``mx.compile`` with
parameters and optimizer state captured, the data on the device, several steps queued before one ``mx.eval``.
Weights are inputs × outputs, which needs fewest operations: on MLX's CPU a step of W1 takes an eighth less
than with ``nn.Linear``'s outputs × inputs. ``mx.async_eval``, other numbers of queued steps and several steps
in one compiled call were no faster.
"""

from __future__ import annotations

import itertools
from itertools import repeat
from typing import Any

import mlx.core as mx
import numpy as np

from tests.benchmarks.timing import Steps, Way
from tests.benchmarks.workloads import RATE, Batches, Workload, floats, preset_of
from tests.benchmarks.workloads import data as data_of
from tests.benchmarks.workloads import network as network_of
from tuiml.backends.mlx.device import gpu
from tuiml.backends.mlx.engine import QUEUED, MlxEngine

NAME, BARE = "tuiml (MLX)", "MLX by hand"
ACTIVATIONS = {"relu": lambda x: mx.maximum(x, 0), "tanh": mx.tanh, "sigmoid": mx.sigmoid}


def ways(work: Workload, count: int) -> list[Way]:
    found = []
    for device in _devices():
        mx.set_default_device(device)
        where = "GPU" if device == mx.gpu else "CPU"
        for name, make in ((BARE, _by_hand), (NAME, _engine)):
            found.append(Way(f"{name}, {where}", _on(device, make(work))))
    return found


def _devices() -> list[Any]:
    return [mx.gpu, mx.cpu] if gpu() else [mx.cpu]


def _on(device: Any, steps: Steps) -> Steps:
    """The same steps on a device."""

    def run(number: int) -> None:
        mx.set_default_device(device)
        steps(number)

    return run


def _engine(work: Workload) -> Steps:
    engine = MlxEngine(network_of(work), preset_of(work).training.optimizer, data_of(work), 0)
    batches = Batches(work)

    def steps(number: int) -> None:
        if engine.steps(zip(batches.take(number), repeat(RATE), strict=False)) != number:
            raise SystemExit("the loss was not finite")
        engine.totals()

    return steps


def _by_hand(work: Workload) -> Steps:
    x, y = (mx.array(values) for values in floats(work))
    if work.pictures:
        x = x.reshape(-1, 28, 28, 1)
    parameters = _start(work)
    sizes = [mx.zeros_like(p) for p in parameters]
    state: dict[str, Any] = {"w": parameters, "m": sizes, "v": list(sizes), "t": mx.array(0.0)}

    def loss_of(w: list[Any], rows: Any) -> Any:
        z = _forward(work, w, x[rows])
        return mx.mean(mx.logsumexp(z, axis=1) - mx.take_along_axis(z, y[rows][:, None], axis=1)[:, 0])

    def step(rows: Any) -> Any:
        loss, gradients = mx.value_and_grad(loss_of)(state["w"], rows)
        if work.optimizer == "sgd":
            state["w"] = [w - RATE * g for w, g in zip(state["w"], gradients, strict=True)]
            return loss
        state["t"] = state["t"] + 1
        rate, root = RATE / (1 - 0.9 ** state["t"]), mx.sqrt(1 - 0.999 ** state["t"])
        state["m"] = [0.9 * m + 0.1 * g for m, g in zip(state["m"], gradients, strict=True)]
        state["v"] = [0.999 * v + 0.001 * g * g for v, g in zip(state["v"], gradients, strict=True)]
        moments = zip(state["w"], state["m"], state["v"], strict=True)
        state["w"] = [w - rate * m / (mx.sqrt(v) / root + 1e-8) for w, m, v in moments]
        return loss

    compiled, batches = mx.compile(step, inputs=state, outputs=state), Batches(work)

    def steps(number: int) -> None:
        loss = mx.array(0.0)
        for done, rows in enumerate(batches.take(number), 1):
            loss = loss + compiled(mx.array(rows.astype(np.uint32)))
            if done % QUEUED == 0:
                mx.eval(state, loss)
        mx.eval(state, loss)

    return steps


def _start(work: Workload) -> list[Any]:
    rng = np.random.default_rng(0)
    shapes: list[tuple[int, ...]] = [(16, 3, 3, 1), (32, 3, 3, 16), (5 * 5 * 32, 10)]
    if not work.pictures:
        shapes = list(itertools.pairwise(work.sizes))
    found: list[Any] = []
    for shape in shapes:
        outputs = shape[1] if len(shape) == 2 else shape[0]
        scale = np.sqrt(2 * outputs / np.prod(shape))
        found += [mx.array(rng.normal(0, scale, shape).astype(np.float32)), mx.zeros(outputs)]
    return found


def _forward(work: Workload, w: list[Any], x: Any) -> Any:
    activation = ACTIVATIONS[work.activation]
    for weight, bias in zip(w[:-2:2], w[1:-2:2], strict=True):
        if work.pictures:
            x = activation(mx.conv2d(x, weight) + bias)
            n, height, width, channels = x.shape
            if height % 2 or width % 2:
                x = x[:, : height // 2 * 2, : width // 2 * 2]
            x = mx.max(x.reshape(n, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
        else:
            x = activation(mx.addmm(bias, x, weight))
    return mx.addmm(w[-1], x.flatten(1) if work.pictures else x, w[-2])


def versions() -> dict[str, str]:
    return {"MLX": mx.__version__, "MLX's GPU": gpu() or "none"}
