"""One batch's buffers: examples taken from uint8 or float32 rows, normalized, beside their targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tuiml.data.arrays import Data, Part
from tuiml.nn.network import Network

Array = np.ndarray[Any, Any]


class Batches:
    """Buffers for ``size`` examples.

    ``x`` is (features, size), a transposed view of rows as the data has them; ``x_with_ones`` has one more
    row, of ones. ``targets`` is (outputs, size): one-hot, or 0 and 1 in one row where two classes share an
    output.
    """

    def __init__(self, data: Data, network: Network, size: int) -> None:
        features, outputs = math.prod(network.input_shape), network.outputs
        self._shift, self._scale = data.shift, data.scale
        self._raw = np.empty((size, features), data.train.inputs.dtype)
        self._rows = np.ones((size, features + 1), np.float32)
        self._inputs = self._rows[:, :features]
        self.x_with_ones = self._rows.T
        self.x = self.x_with_ones[:features]
        self.targets = np.zeros((outputs, size), np.float32)
        self._labels = np.empty(size, data.train.labels.dtype)
        # One output is the probability of class 1; else each class has its own.
        self._classes = np.arange(outputs, dtype=self._labels.dtype)[:, None] + (outputs == 1)
        self._rows_out = np.empty((size, outputs), np.float32)
        self._guess = np.empty(size, np.intp)
        self._hits = np.empty(size, bool)

    def load(self, part: Part, rows: Array) -> None:
        """Fill the buffers with the examples at ``rows``."""
        # mode="clip" spares take a buffered copy of out; rows are in range by construction
        part.inputs.take(rows, 0, self._raw, "clip")
        if np.any(self._shift):
            np.subtract(self._raw, self._shift, self._inputs)
            np.multiply(self._inputs, self._scale, self._inputs)
        else:
            np.multiply(self._raw, self._scale, self._inputs)
        part.labels.take(rows, 0, self._labels, "clip")
        np.equal(self._labels, self._classes, self.targets)

    def correct(self, output: Array) -> int:
        """How many columns of ``output`` have their largest value (or their side of ½) at the label."""
        if len(output) == 1:
            np.greater(output[0], 0.5, self._guess)
        else:
            np.copyto(self._rows_out, output.T)  # argmax along the first axis would make this copy anew
            self._rows_out.argmax(1, self._guess)
        np.equal(self._guess, self._labels, self._hits)
        return int(np.count_nonzero(self._hits))
