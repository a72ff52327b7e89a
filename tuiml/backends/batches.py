"""Batches: examples taken from uint8 or float32 rows, normalized, beside their targets."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import fast
from tuiml.backends.calls import CallSequence
from tuiml.backends.graph import SMALL
from tuiml.data.arrays import Data, Part
from tuiml.nn.network import Network

Array = np.ndarray[Any, Any]
READY = 1 << 22
"""Bytes of a part that is kept normalized, its column of ones in place: a batch of it is a single call."""


class Source:
    """The rows that batches are taken from: a large part as it lies in memory, a small one made ready."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self._ready: dict[int, tuple[Part, Array | None]] = {}

    def ready(self, part: Part) -> Array | None:
        """Examples × (features + 1) network inputs with a last column of ones; ``None`` for a large part."""
        if id(part) not in self._ready:
            n, features = part.inputs.shape
            rows = None
            if n * (features + 1) * 4 <= READY:
                rows = np.ones((n, features + 1), np.float32)
                rows[:, :-1] = self.data.batch(part, slice(None))
            self._ready[id(part)] = part, rows  # the part too: its id is then nobody else's
        return self._ready[id(part)][1]

    def forget(self, part: Part) -> None:
        """Drop what is kept of a part."""
        self._ready.pop(id(part), None)


class Batches:
    """Buffers for ``size`` examples.

    ``x`` is (features, size), a transposed view of rows as the data has them; ``x_with_ones`` has one more
    row, of ones. ``targets`` is (outputs, size): one-hot, or 0 and 1 in one row where two classes share an
    output; or the numbers to predict.
    """

    def __init__(self, source: Source, network: Network, size: int) -> None:
        data, features, outputs = source.data, math.prod(network.input_shape), network.outputs
        self._source = source
        self._shift, self._scale = data.shift, data.scale
        self._shifted = bool(np.any(data.shift))
        self._raw: Array | None = None
        self._ready: Array | None = None
        self._rows = np.ones((size, features + 1), np.float32)
        self._inputs = self._rows[:, :features]
        self.x_with_ones = self._rows.T
        self.x = self.x_with_ones[:features]
        self.targets = np.zeros((outputs, size), np.float32)
        self.labels = np.empty((size, *data.train.labels.shape[1:]), data.train.labels.dtype)
        self._part: Part | None = None
        self._aim: partial[Any]
        if data.target == "regression":
            self._aim = partial(np.copyto, self.targets, self.labels.T)
            return
        # One output is the probability of class 1; else each class has its own.
        classes = np.arange(outputs, dtype=self.labels.dtype)[:, None] + (outputs == 1)
        self._compare = partial(np.equal, self.labels, classes, self.targets)
        one_hot = np.eye(max(outputs, 2), dtype=np.float32)[-outputs:]
        take = partial(one_hot.take, self.labels, 1, self.targets, "clip")
        self._aim = take if self.targets.size <= SMALL else self._compare

    def load(self, part: Part, rows: Array) -> None:
        """Fill the buffers with the examples at ``rows``."""
        if part is not self._part:
            self._part, self._ready = part, self._source.ready(part)
        # mode="clip" spares take a buffered copy of out; rows are in range by construction
        if self._ready is not None:
            self._ready.take(rows, 0, self._rows, "clip")
        else:
            self._convert(part, rows)
        part.labels.take(rows, 0, self.labels, "clip")
        self._aim()

    def calls(self, part: Part, rows: Array) -> list[partial[Any]] | None:
        """What :meth:`load` does, for what ``rows`` names at the time; ``None`` for a large part."""
        ready = self._source.ready(part)
        if ready is None:
            return None
        aim = self._compare if self.labels.ndim == 1 else self._aim
        return [
            partial(ready.take, rows, 0, self._rows, "clip"),
            partial(part.labels.take, rows, 0, self.labels, "clip"),
            aim,
        ]

    def _convert(self, part: Part, rows: Array) -> None:
        if self._raw is None or self._raw.dtype != part.inputs.dtype:
            self._raw = np.empty(self._inputs.shape, part.inputs.dtype)
            self._normalize = self._normalizing(self._raw)
        part.inputs.take(rows, 0, self._raw, "clip")
        self._normalize.run()

    def _normalizing(self, raw: Array) -> CallSequence:
        """From values as the data has them to the network's inputs."""
        shift, scale = (np.asarray(v, np.float32) for v in (self._shift, self._scale))
        if not self._shifted:
            return CallSequence([partial(np.multiply, raw, scale, self._inputs)])
        minus = partial(np.subtract, raw, shift, self._inputs)
        return CallSequence([minus, partial(np.multiply, self._inputs, scale, self._inputs)])


class Hits:
    """How many columns of an output (classes × examples) have their largest value, or their side of ½ where
    there is but one row, at the label; of equal values the first counts."""

    def __init__(self, output: Array, labels: Array) -> None:
        self.compiled = fast.counter(output, labels)
        size = len(labels)
        hits = np.empty(size, bool)
        self._count = partial(np.count_nonzero, hits)
        if len(output) <= 2:
            larger = np.empty(size, bool)
            other = output[0] if len(output) == 2 else np.float32(0.5)
            guess = larger.view(np.uint8) if labels.dtype == np.uint8 else larger  # compared without a cast
            self._calls = [partial(np.greater, output[-1], other, larger)]
        else:
            rows, guess = np.empty((size, len(output)), np.float32), np.empty(size, np.intp)
            # argmax along the first axis would make this copy anew
            self._calls = [partial(np.copyto, rows, output.T), partial(rows.argmax, 1, guess)]
        self._calls.append(partial(np.equal, guess, labels, hits))

    def count(self) -> int:
        """The hits of the batch in hand."""
        if self.compiled:
            return int(self.compiled.count())
        for call in self._calls:
            call()
        return int(self._count())
