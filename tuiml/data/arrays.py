"""The arrays of a run: the three parts of a data set, and the scaling of a network's inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuiml.data.kinds import Normalize, Target

Values = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]
"""float64 only until the parts are drawn."""
Points = NDArray[np.float64] | NDArray[np.float32]
Labels = NDArray[np.uint8] | NDArray[np.int32] | NDArray[np.float32]

_NOTHING = np.empty(0, np.float32)
_BLOCK = 1 << 20
"""Values converted or moved at a time: a few megabytes, whatever the data's size."""


@dataclass(frozen=True, eq=False)
class Part:
    """Examples and their labels; read-only, row i of one belongs to row i of the other."""

    inputs: Values
    """(n, features), C-contiguous, raw: not normalized."""
    labels: Labels
    """(n,), from 0; where the target is numbers (n, outputs) float32, in :class:`Data` as trained on."""

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Part:
        """The examples of a slice; views of these."""
        return Part(self.inputs[rows], self.labels[rows])


class PoolAndTest(NamedTuple):
    """A data set before its parts are drawn."""

    pool: Part
    test: Part

    @classmethod
    def cut(cls, part: Part, pool: int) -> PoolAndTest:
        """The first ``pool`` examples of a part, and the rest as the test part."""
        return cls(part[:pool], part[pool:])


@dataclass(frozen=True, eq=False)
class Data:
    """What a run trains on. A network's input is ``(x - shift) * scale`` in float32."""

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    shift: np.float32 | NDArray[np.float32]
    """A scalar, or (features,)."""
    scale: np.float32 | NDArray[np.float32]
    """A scalar, or (features,); 0 for a feature without variance, whose input is then always 0."""
    normalize: Normalize
    target: Target = "classes"
    target_shift: NDArray[np.float32] = field(default_factory=lambda: _NOTHING)
    """(outputs,): a number of the target is trained on as ``(t - target_shift) * target_scale``."""
    target_scale: NDArray[np.float32] = field(default_factory=lambda: _NOTHING)
    """(outputs,), above 0."""
    raw_shift: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """(features,), or empty: the inputs are ``x * 2**raw_exponents - raw_shift`` of the x in the file."""
    raw_exponents: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    notices: tuple[tuple[str, str], ...] = ()
    """What is to be known of it before the first step: what it is about, and one line."""
    fingerprint: str = ""
    """SHA-256 of a user's examples as they were read; empty where they are tuiml's own."""

    def original(self, targets: Labels) -> NDArray[np.float32]:
        """Normalized targets or predictions, (n, outputs), in the units of the data set."""
        return np.asarray(targets, np.float32) / self.target_scale + self.target_shift

    def raw(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Inputs, (n, features), as the data set has them."""
        wide = np.asarray(inputs, np.float64)
        return np.ldexp(wide + self.raw_shift, -self.raw_exponents) if len(self.raw_shift) else wide

    def entered(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Inputs, (n, features), as a network's engine takes them: the inverse of :meth:`raw`.

        A value that is missing (NaN) becomes its feature's mean in the training part.
        """
        found = single(raw, self.raw_shift, self.raw_exponents)
        for column in np.flatnonzero(np.isnan(found).any(axis=0)):
            values = found[:, column]
            values[np.isnan(values)] = self.train.inputs[:, column].mean(dtype=np.float64)
        return found

    def holds(self, part: Part) -> bool:
        """Whether it is one of the three parts, and not examples put together for an inspection."""
        return any(part is mine for mine in (self.train, self.validation, self.test))

    def batch(self, part: Part, index: Any) -> NDArray[np.float32]:
        """The network's inputs for the examples of ``part`` that ``index`` (anything numpy takes) picks.

        Returns:
            (k, features) float32.
        """
        rows = np.atleast_2d(part.inputs[index]).astype(np.float32)
        rows -= self.shift
        rows *= self.scale
        return rows


def single(
    inputs: NDArray[Any], shift: NDArray[np.float64], exponents: NDArray[np.int64]
) -> NDArray[np.float32]:
    """``x * 2**exponents - shift`` of inputs, (n, features), rounded to float32 only then.

    Args:
        shift: (features,), or empty: nothing is to be done.
    """
    found = np.empty(inputs.shape, np.float32)
    step = max(1, _BLOCK // max(1, inputs.shape[1]))
    for start in range(0, len(found), step):
        wide = inputs[start : start + step]
        if len(shift):
            wide = (np.ldexp(wide, exponents) if exponents.any() else wide) - shift
        found[start : start + step] = wide
    return found


def reorder(rows: Values, order: NDArray[np.intp]) -> Values:
    """``rows[order]`` in the memory of ``rows``, a block of columns at a time (32 MB)."""
    width = max(1, 32 * _BLOCK // max(1, len(rows) * rows.itemsize))
    for start in range(0, rows.shape[1], width):
        rows[:, start : start + width] = rows[order, start : start + width]
    return rows
