"""A training step against the bare matrix products it cannot do without.

The products are those of the forward pass, of every weight gradient, and of every input gradient but the
first layer's, by ``np.matmul(out=)`` on buffers of their own. Both are timed in turns, so that what else the
machine does falls on both; the ratio of the medians is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tests.benchmarks import pictures
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data, Part
from tuiml.spec.check import check, network_of


@dataclass(frozen=True)
class Workload:
    name: str
    sizes: tuple[int, ...]
    activation: str
    optimizer: str
    batch: int


WORKLOADS = (
    Workload("784-200×4-10 relu, sgd, batch 100", (784, 200, 200, 200, 200, 10), "relu", "sgd", 100),
    Workload("784-200×4-10 tanh, adam, batch 200", (784, 200, 200, 200, 200, 10), "tanh", "adam", 200),
    Workload("784-256×9-10 sigmoid, adam, batch 128", (784, *[256] * 9, 10), "sigmoid", "adam", 128),
    Workload("2-8-8-2 tanh, sgd, batch 32", (2, 8, 8, 2), "tanh", "sgd", 32),
)


def step_of(work: Workload) -> Callable[[], object]:
    """One training step on random data of the workload's shape."""
    rng = np.random.default_rng(0)
    n, features, classes = 4 * work.batch, work.sizes[0], work.sizes[-1]
    part = Part(
        rng.integers(0, 256, (n, features), dtype=np.uint8), rng.integers(0, classes, n).astype(np.uint8)
    )
    names = tuple(map(str, range(classes)))
    data = Data((features,), names, part, part, part, np.float32(0), np.float32(1 / 255), "unit")
    document: dict[str, Any] = {
        "version": 1,
        "data": {"name": "gaussians", "features": features, "clouds": classes, "size": 2000},
        "layers": [
            *({"type": "dense", "units": u, "activation": work.activation} for u in work.sizes[1:-1]),
            {"type": "dense", "activation": "softmax"},
        ],
        "training": {"optimizer": work.optimizer, "batch_size": work.batch},
    }
    preset, problems = check(document)
    if preset is None:
        raise SystemExit("\n".join(map(str, problems)))
    engine = NumpyEngine(network_of(preset), preset.training.optimizer, data, seed=0)
    rows = rng.permutation(n)[: work.batch]
    return lambda: engine.step(rows, 1e-4)


def products_of(work: Workload) -> Callable[[], object]:
    """The step's matrix products alone."""
    rng = np.random.default_rng(0)
    calls: list[tuple[Any, Any, Any]] = []

    def array(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    for index, (fan_in, fan_out) in enumerate(zip(work.sizes, work.sizes[1:], strict=False)):
        w, x, g = array(fan_out, fan_in), array(fan_in, work.batch), array(fan_out, work.batch)
        calls.append((w, x, array(fan_out, work.batch)))
        calls.append((g, x.T, array(fan_out, fan_in)))
        if index:
            calls.append((w.T, g, array(fan_in, work.batch)))

    def run() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out=out)

    return run


def compare(first: Callable[[], object], second: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Median seconds of each, timed in turns for about ``seconds`` in all."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in (first, second) * 5:
        call()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for call, taken in zip((first, second), times, strict=True):
            began = time.perf_counter()
            for _ in range(10):
                call()
            taken.append((time.perf_counter() - began) / 10)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each workload")
    seconds = parser.parse_args().seconds
    print(f"numpy {np.__version__}, {os.environ['OPENBLAS_NUM_THREADS']} BLAS thread(s)")
    print(f"{'workload':<48} {'step µs':>9} {'products µs':>12} {'ratio':>6}")
    pairs = [(work.name, step_of(work), products_of(work)) for work in WORKLOADS]
    pairs.append((pictures.NAME, pictures.step(), pictures.products()))
    for name, whole, bare in pairs:
        step, products = compare(whole, bare, seconds)
        print(f"{name:<48} {step * 1e6:9.1f} {products * 1e6:12.1f} {step / products:6.2f}")


if __name__ == "__main__":
    main()
