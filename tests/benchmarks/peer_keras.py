"""Keras 3 on JAX: ``fit`` over the examples of several steps, compiled."""

from __future__ import annotations

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers

from tests.benchmarks.timing import Way
from tests.benchmarks.workloads import RATE, Batches, Workload, floats

BLOCK = 0.4
"""Seconds of a block: ``fit`` has some work at its begin and end that is none of the step's."""
EXECUTED = 10
"""Steps that Keras compiles into one execution."""


def ways(work: Workload, count: int) -> list[Way]:
    x, y = floats(work)
    if work.pictures:
        x = x.reshape(-1, 28, 28, 1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(_layers(work))
    model.compile(
        {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[work.optimizer](RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=EXECUTED,
        jit_compile=True,
    )
    batches = Batches(work)

    def steps(number: int) -> None:
        rows = np.concatenate(batches.take(number))
        model.fit(x[rows], y[rows], batch_size=work.batch, epochs=1, shuffle=False, verbose=0)

    return [Way("Keras on JAX", steps, block=BLOCK, unit=EXECUTED)]


def _layers(work: Workload) -> list[Any]:
    if work.pictures:
        return [
            layers.Conv2D(16, 3, activation=work.activation),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation=work.activation),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    return [
        *(layers.Dense(n, activation=work.activation) for n in work.sizes[1:-1]),
        layers.Dense(work.sizes[-1]),
    ]


def versions() -> dict[str, str]:
    return {"Keras": keras.__version__}
