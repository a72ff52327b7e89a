"""JAX, as one would write it: a jitted step that gathers its batch, and several under ``lax.scan``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.benchmarks.timing import Way
from tests.benchmarks.workloads import RATE, Batches, Workload, floats

SCANNED = 20
"""Steps of one scan."""
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}


def ways(work: Workload, count: int) -> list[Way]:
    x, y = (jnp.asarray(values) for values in floats(work))
    if work.pictures:
        x = x.reshape(-1, 28, 28, 1)
    step = _step(work, x, y)
    found = [Way("JAX, jit", _one_by_one(work, step))]
    if not work.pictures:  # within a loop XLA runs convolutions without its library: several times slower
        found.append(Way("JAX, jit of a scan", _scanned(work, step), unit=SCANNED))
    return found


def _one_by_one(work: Workload, step: Any) -> Any:
    jitted, batches = jax.jit(step, donate_argnums=0), Batches(work)
    state = _start(work)

    def steps(number: int) -> None:
        nonlocal state
        for rows in batches.take(number):
            state, loss = jitted(state, rows)
        float(loss)
        jax.block_until_ready(state)

    return steps


def _scanned(work: Workload, step: Any) -> Any:
    several, batches = (
        jax.jit(lambda state, rows: lax.scan(step, state, rows), donate_argnums=0),
        Batches(work),
    )
    state = _start(work)

    def steps(number: int) -> None:
        nonlocal state
        for _ in range(number // SCANNED):
            state, _ = several(state, np.stack(batches.take(SCANNED)))
        jax.block_until_ready(state)

    return steps


def _step(work: Workload, x: Any, y: Any) -> Any:
    """From the state and the rows of a batch to the new state and the loss."""

    def loss_of(parameters: Any, rows: Any) -> Any:
        scores = jax.nn.log_softmax(_forward(work, parameters, x[rows]))
        return -jnp.mean(jnp.take_along_axis(scores, y[rows][:, None], axis=1))

    def sgd(state: Any, rows: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(state, rows)
        return jax.tree.map(lambda w, g: w - RATE * g, state, gradients), loss

    def adam(state: Any, rows: Any) -> Any:
        w, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(w, rows)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate, root = RATE / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        w = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + 1e-8), w, m, v)
        return (w, m, v, t), loss

    return {"sgd": sgd, "adam": adam}[work.optimizer]


def _start(work: Workload) -> Any:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> tuple[Any, Any]:
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        return jnp.asarray(rng.normal(0, scale, shape).astype(np.float32)), jnp.zeros(shape[-1])

    if work.pictures:
        parameters = [draw(3, 3, 1, 16), draw(3, 3, 16, 32), draw(5 * 5 * 32, 10)]
    else:
        parameters = [draw(*sizes) for sizes in zip(work.sizes, work.sizes[1:], strict=False)]
    if work.optimizer == "sgd":
        return parameters
    return (parameters, *(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)), jnp.zeros(()))


def _forward(work: Workload, parameters: Any, x: Any) -> Any:
    *hidden, (weight, bias) = parameters
    activation = ACTIVATIONS[work.activation]
    for w, b in hidden:
        if work.pictures:
            z = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = activation(z + b)
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        else:
            x = activation(x @ w + b)
    return x.reshape(len(x), -1) @ weight + bias


def versions() -> dict[str, str]:
    return {"JAX": jax.__version__}
