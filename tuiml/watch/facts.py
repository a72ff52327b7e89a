"""What an adapter tells of the modules of a model at one step: a few numbers and small samples of each array.

Adapters reduce arrays where they are, on the device; only what is here crosses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tuiml.training.statistics import NEVER, SAMPLE

Array = np.ndarray[Any, Any]
NAN = math.nan
EXACT = 2**24
"""Numbers of an array up to which its mean, standard deviation and fractions are those of all; above, they
are those of an even sample of so many."""
COPIED = 2**22
"""Numbers of all weights together that are copied before a step, to see how far it moved them."""
CROSSING = 2**20
"""Numbers of all samples together that cross from the device for one snapshot."""
FEWEST = 256
"""Numbers of a sample at least."""


@dataclass(frozen=True)
class ArrayFacts:
    """One array."""

    size: int
    """How many numbers the mean and the standard deviation are of."""
    mean: float
    std: float
    norm: float
    """Euclidean norm of the whole array."""
    sample: Array
    """An even sample, flat: its histogram is shown."""
    zeros: float = NAN
    """Fraction of exact zeros."""
    saturated: float = NAN
    """Fraction beyond the activation's saturation bounds."""


@dataclass
class ModuleFacts:
    """One module; what it does not have, or what was not seen, is missing."""

    output: ArrayFacts | None = None
    silent: Array | None = None
    """Which units were 0 on every example, as booleans; ``None`` where the activation is never silent."""
    examples: int = 0
    weights: list[ArrayFacts] = field(default_factory=list)
    biases: list[ArrayFacts] = field(default_factory=list)
    gradients: list[ArrayFacts] = field(default_factory=list)
    """Of the weights."""
    moves: list[tuple[int, float, float]] = field(default_factory=list)
    """Of each of the weights: numbers compared, mean and standard deviation of their change in the step."""

    @property
    def update_ratio(self) -> float:
        """log₁₀ of std(Δw) / std(w); NaN if not known."""
        whole = pooled(self.weights)
        if not self.moves or whole is None:
            return NAN
        total = sum(n for n, _, _ in self.moves)
        mean = sum(n * m for n, m, _ in self.moves) / total
        moved = math.sqrt(sum(n * (s * s + (m - mean) ** 2) for n, m, s in self.moves) / total)
        if not (math.isfinite(moved) and whole.std > 0.0):
            return NAN
        return max(NEVER, math.log10(moved / whole.std)) if moved > 0.0 else NEVER


def pooled(arrays: Sequence[ArrayFacts]) -> ArrayFacts | None:
    """Several arrays as one; ``None`` if there is none."""
    if len(arrays) <= 1:
        return arrays[0] if arrays else None
    size = sum(a.size for a in arrays)
    mean = sum(a.size * a.mean for a in arrays) / size
    with np.errstate(all="ignore"):
        variance = sum(a.size * (np.float64(a.std) ** 2 + (np.float64(a.mean) - mean) ** 2) for a in arrays)
        norm = math.hypot(*(a.norm for a in arrays))
        sample = np.concatenate([a.sample for a in arrays])
        return ArrayFacts(size, mean, float(np.sqrt(variance / size)), norm, sample)


def stride(size: int, last: int, most: int) -> int:
    """Every how manieth number is in an even sample of at most ``most``.

    Args:
        last: the length of the last axis; the stride has no divisor in common with it, or some columns would
            never be in the sample.
    """
    found = max(1, -(-size // most))
    while found > 1 and math.gcd(found, last) > 1:
        found += 1
    return found


def sample_size(arrays: int) -> int:
    """How many numbers of each of so many arrays are in its sample."""
    return max(FEWEST, min(SAMPLE, CROSSING // max(1, arrays)))


def copied_each(sizes: Sequence[int], total: int = COPIED) -> int:
    """How many numbers of each array may be copied, so that no more than ``total`` are copied together."""
    left = total
    for rank, size in enumerate(sorted(sizes)):
        fair = left // (len(sizes) - rank)
        if size > fair:
            return max(1, fair)
        left -= size
    return max([1, *sizes])
