"""What is timed: five networks, data for them, and the matrix products that a step cannot do without."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuiml.data.arrays import Data, Part
from tuiml.nn.layers import Conv2d, Dense
from tuiml.nn.network import Network
from tuiml.spec.check import check, network_of
from tuiml.spec.preset import Preset

CNN = "conv 16 – pool – conv 32 – pool – 10"
"""Both convolutions 3×3 and followed by ReLU, both pools 2×2; on 28×28 pixels."""


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained. ``sizes`` of a convolutional one are its input and its classes."""

    key: str
    layers: str
    sizes: tuple[int, ...]
    activation: str
    optimizer: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.layers} {self.activation}, {self.optimizer}, batch {self.batch}"

    @property
    def pictures(self) -> bool:
        return self.layers == CNN

    @property
    def examples(self) -> int:
        return 60_000 if self.sizes[0] == 784 else 2_000


LARGE = Workload("W6", "784-200×4-10", (784, 200, 200, 200, 200, 10), "relu", "sgd", 4096)
"""For graphics processors: measured only beside MLX by hand, or if asked for."""
WORKLOADS = (
    Workload("W1", "784-200×4-10", (784, 200, 200, 200, 200, 10), "relu", "sgd", 100),
    Workload("W2", "784-200×4-10", (784, 200, 200, 200, 200, 10), "tanh", "adam", 200),
    Workload("W3", "784-256×9-10", (784, *[256] * 9, 10), "sigmoid", "adam", 128),
    Workload("W4", "2-8-8-2", (2, 8, 8, 2), "tanh", "sgd", 32),
    Workload("W5", CNN, (784, 10), "relu", "sgd", 64),
    LARGE,
)
RATE = 1e-4


def preset_of(work: Workload) -> Preset:
    """The workload as a preset of ours."""
    features, *hidden, classes = work.sizes
    data: dict[str, Any] = {"name": "mnist"}
    layers: list[dict[str, Any]] = [{"type": "flatten"}]
    if features != 784:
        data, layers = {"name": "gaussians", "features": features, "clouds": classes, "size": 2000}, []
    layers += [{"type": "dense", "units": n, "activation": work.activation} for n in hidden]
    if work.pictures:
        layers = [
            {"type": "conv2d", "filters": 16, "activation": work.activation},
            {"type": "max_pool2d"},
            {"type": "conv2d", "filters": 32, "activation": work.activation},
            {"type": "max_pool2d"},
            {"type": "flatten"},
        ]
    layers.append({"type": "dense", "activation": "softmax"})
    training = {"optimizer": work.optimizer, "batch_size": work.batch, "learning_rate": RATE}
    preset, problems = check({"version": 1, "data": data, "layers": layers, "training": training})
    if preset is None:
        raise SystemExit("\n".join(map(str, problems)))
    return preset


def network(work: Workload) -> Network:
    """The workload's network, and with it every shape."""
    return network_of(preset_of(work))


def data(work: Workload) -> Data:
    """Random examples: pictures as bytes, points as float32."""
    rng = np.random.default_rng(0)
    n, features, classes = work.examples, work.sizes[0], work.sizes[-1]
    labels = rng.integers(0, classes, n).astype(np.uint8)
    if features == 784:
        part = Part(rng.integers(0, 256, (n, features), dtype=np.uint8), labels)
        shape: tuple[int, ...] = (28, 28)
        scale = np.float32(1 / 255)
    else:
        part = Part(rng.standard_normal((n, features)).astype(np.float32), labels)
        shape, scale = (features,), np.float32(1)
    return Data(shape, tuple(map(str, range(classes))), part, part, part, np.float32(0), scale, "unit")


def floats(work: Workload) -> tuple[Any, Any]:
    """The same examples as a framework takes them: float32 inputs, int64 labels."""
    found = data(work)
    return found.batch(found.train, slice(None)), found.train.labels.astype(np.int64)


class Batches:
    """Rows of batch after batch, epoch after epoch, each in another order."""

    def __init__(self, work: Workload) -> None:
        self._rng = np.random.default_rng(1)
        self._work = work
        self._order = self._rng.permutation(work.examples)
        self._place = 0

    def take(self, count: int) -> list[Any]:
        """The next ``count`` batches."""
        found = []
        for _ in range(count):
            if self._place + self._work.batch > self._work.examples:
                self._order, self._place = self._rng.permutation(self._work.examples), 0
            found.append(self._order[self._place : self._place + self._work.batch])
            self._place += self._work.batch
        return found


def products(work: Workload) -> Callable[[int], object]:
    """So many times the matrix products of a step: forward, of every weight gradient, and of every input
    gradient but the first layer's, each by ``np.matmul(out=)`` on buffers of its own.

    A convolution's are those of its filters (filters × kernel values) with the patches of the whole batch
    (kernel values × output pixels and examples), as if the patches lay there already.
    """
    rng = np.random.default_rng(0)
    calls: list[tuple[Any, Any, Any]] = []

    def array(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    first = True
    for node in network(work).nodes:
        if not isinstance(node.layer, Conv2d | Dense):
            continue
        outputs, *pixels = node.output_shape
        inputs, columns = node.parameters[0].size // outputs, math.prod(pixels) * work.batch
        w, x, g = array(outputs, inputs), array(inputs, columns), array(outputs, columns)
        calls.append((w, x, array(outputs, columns)))
        calls.append((g, x.T, array(outputs, inputs)))
        if not first:
            calls.append((w.T, g, array(inputs, columns)))
        first = False

    def run(count: int) -> None:
        for _ in range(count):
            for a, b, out in calls:
                np.matmul(a, b, out=out)

    return run
