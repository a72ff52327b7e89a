"""The convolutional workload: its network, and the matrix products that its step cannot do without.

A convolution's products are those of its filters (filters × kernel values) with the patches of the whole
batch (kernel values × output pixels and examples), as if the patches lay there already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data, Part
from tuiml.nn.layers import Conv2d, Dense
from tuiml.nn.network import Network
from tuiml.nn.optimizers import SGD
from tuiml.spec.check import check, network_of

NAME = "28×28 conv 16-32, pool, dense 10, sgd, batch 64"
BATCH = 64
LAYERS: list[dict[str, Any]] = [
    {"type": "conv2d", "filters": 16, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 32, "activation": "relu"},
    {"type": "max_pool2d"},
    {"type": "flatten"},
    {"type": "dense", "activation": "softmax"},
]


def network() -> Network:
    """The workload's network, and with it every shape."""
    preset, problems = check({"version": 1, "data": {"name": "mnist"}, "layers": LAYERS})
    if preset is None:
        raise SystemExit("\n".join(map(str, problems)))
    return network_of(preset)


def step() -> Callable[[], object]:
    """One training step on random pictures."""
    rng, n = np.random.default_rng(0), 4 * BATCH
    part = Part(rng.integers(0, 256, (n, 784), dtype=np.uint8), rng.integers(0, 10, n).astype(np.uint8))
    names = tuple(map(str, range(10)))
    data = Data((28, 28), names, part, part, part, np.float32(0), np.float32(1 / 255), "unit")
    engine = NumpyEngine(network(), SGD(), data, seed=0)
    rows = rng.permutation(n)[:BATCH]
    return lambda: engine.step(rows, 1e-4)


def products() -> Callable[[], object]:
    """The step's matrix products alone."""
    rng = np.random.default_rng(0)
    calls: list[tuple[Any, Any, Any]] = []

    def array(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    for node in network().nodes:
        if not isinstance(node.layer, Conv2d | Dense):
            continue
        outputs, *pixels = node.output_shape
        inputs, columns = node.parameters[0].size // outputs, int(np.prod(pixels)) * BATCH
        w, x, g = array(outputs, inputs), array(inputs, columns), array(outputs, columns)
        calls.append((w, x, array(outputs, columns)))
        calls.append((g, x.T, array(outputs, inputs)))
        if node.index:
            calls.append((w.T, g, array(inputs, columns)))

    def run() -> None:
        for a, b, out in calls:
            np.matmul(a, b, out=out)

    return run
