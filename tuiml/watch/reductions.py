"""Reductions of arrays in any library that has NumPy's names for them: NumPy itself, JAX, MLX and PyTorch.

They are written once, with the library (``xp``) as an argument, and give small arrays of that library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tuiml.nn.activations import Activation
from tuiml.watch.facts import EXACT, ArrayFacts, ModuleFacts, stride

Library = Any
PART = 2**20
"""Numbers that are copied at a time,"""
NEAR = 2**17
"""and so many on a CPU, whose caches hold them."""
UNITS = 65_536
"""Units of a module up to which it is seen which of them are silent."""


def size_of(value: Any) -> int:
    return math.prod(value.shape)


def flat(value: Any) -> Any:
    """All numbers in a row, in the order in which they lie in memory where the library tells it."""
    if hasattr(value, "stride"):  # of PyTorch: channels that come last would else be copied
        value = value.permute(sorted(range(value.dim()), key=lambda axis: -value.stride(axis)))
    return value.reshape(-1)


def even(value: Any, most: int) -> Any:
    """An even sample, flat; a view where the library has views."""
    size, last = size_of(value), value.shape[-1] if len(value.shape) else 1
    return flat(value)[:: stride(size, last, most)] if size > most else flat(value)


def as_float32(xp: Library, value: Any) -> Any:
    return value.float() if hasattr(value, "float") else value.astype(xp.float32)


def norm(xp: Library, value: Any) -> Any:
    """Euclidean norm, in float32 at least."""
    if len(value.shape) != 1:
        value = flat(value)
    if hasattr(value, "float") and value.dtype.itemsize > 1:  # PyTorch's makes no copy
        return xp.linalg.vector_norm(value, dtype=xp.promote_types(value.dtype, xp.float32))
    return xp.linalg.norm(as_float32(xp, value))


def count(xp: Library, mask: Any) -> Any:
    """How many are true."""
    return xp.count_nonzero(mask) if hasattr(xp, "count_nonzero") else xp.sum(mask)


def parts(values: Any) -> list[Any]:
    """A flat array in parts that are small enough to be copied."""
    most = NEAR if isinstance(values, np.ndarray) or getattr(values, "is_cpu", False) else PART
    size = size_of(values)
    return [values[at : at + most] for at in range(0, size, most)] if size > most else [values]


def zeros(xp: Library, values: Any) -> Any:
    """How many of a flat array are 0."""
    if not hasattr(values, "is_cpu"):
        return count(xp, values == 0.0)
    # PyTorch takes four times as long to make and count booleans.
    return sum(xp.eq(part, 0.0, out=xp.empty_like(part, dtype=xp.float32)).sum() for part in parts(values))


def spread(xp: Library, values: Any) -> list[Any]:
    """Mean and standard deviation of a flat array."""
    size = size_of(values)
    mean = sum(xp.sum(as_float32(xp, part)) for part in parts(values)) / size
    around = [norm(xp, as_float32(xp, part) - mean) for part in parts(values)]
    return [mean, (norm(xp, xp.stack(around)) if len(around) > 1 else around[0]) / math.sqrt(size)]


def reduced(
    xp: Library, value: Any, sample: int, output: bool = False, activation: Activation | None = None
) -> Any:
    """Mean, standard deviation and norm, of outputs also how many are 0 and how many are saturated, and a
    sample: one small array, for there may be thousands."""
    part = even(value, EXACT)
    found = [*spread(xp, part), norm(xp, value)]
    if output:
        bounds = activation.saturation if activation is not None else None
        low, high = bounds or (-math.inf, math.inf)
        found.append(zeros(xp, part))
        found.append(count(xp, (part < low) | (part > high)) if bounds else found[0] * math.nan)
    head = xp.stack([as_float32(xp, one) for one in found])
    return xp.concatenate([head, as_float32(xp, even(value, sample))])


def facts(found: Any, size: int, output: bool) -> ArrayFacts:
    """What :func:`reduced` has found, as an array of NumPy's.

    Args:
        size: how many numbers the mean is of.
    """
    mean, std, whole = map(float, found[:3])
    if not math.isfinite(std):  # squares beyond float32: then of the sample
        values = found[5 if output else 3 :].astype(np.float64)
        std, whole = float(values.std()), math.sqrt(float(np.square(values).mean()) * size)
    if not output:
        return ArrayFacts(size, mean, std, whole, found[3:])
    zeros, saturated = (float(one) / size for one in found[3:5])
    return ArrayFacts(size, mean, std, whole, found[5:], zeros, saturated)


def highest(xp: Library, value: Any, axis: int) -> Any:
    """The highest output of each unit, over all examples and places."""
    axis %= len(value.shape)
    others = tuple(i for i in range(len(value.shape)) if i != axis)
    return xp.amax(value, others) if hasattr(xp, "amax") else xp.max(value, others)


def moved(xp: Library, before: Any, after: Any) -> list[Any]:
    """Mean and standard deviation of a change. PyTorch's ``before`` is written to: it is a copy."""
    before, after = as_float32(xp, before), as_float32(xp, after)
    return spread(xp, before.neg_().add_(after) if hasattr(before, "neg_") else after - before)


class Parcel:
    """Small arrays that cross from the device together; each comes back to what is made of it.

    Args:
        xp: the library of the arrays.
        sample: numbers of each array whose histogram is shown.
        fetch: arrays of the library as NumPy's.
    """

    def __init__(self, xp: Library, sample: int, fetch: Callable[[list[Any]], list[Any]]) -> None:
        self.xp, self.sample, self._fetch = xp, sample, fetch
        self.parts: list[Any] = []
        """What crosses."""
        self._makers: list[tuple[int, Callable[[list[Any]], None]]] = []

    def add(self, parts: Sequence[Any], make: Callable[[list[Any]], None]) -> None:
        """Send arrays; ``make`` gets them when they have crossed."""
        self.parts += parts
        self._makers.append((len(parts), make))

    def array(self, value: Any, to: Callable[[ArrayFacts], None], scale: Any = None) -> None:
        """Send what a weight or a gradient is, divided by ``scale``."""
        found = reduced(self.xp, value, self.sample)
        self.add([found if scale is None else found / scale], partial(_tell, to, _counted(value), False))

    def output(self, value: Any, module: ModuleFacts, activation: Activation | None, axis: int) -> None:
        """Send what a module's output is, and which units along ``axis`` are silent."""
        module.examples = value.shape[0]
        found = reduced(self.xp, value, self.sample, True, activation)
        self.add([found], partial(_tell, partial(setattr, module, "output"), _counted(value), True))
        if activation is None or activation.silent is None or len(value.shape) < 2:
            return
        if value.shape[axis] <= UNITS:
            most = highest(self.xp, value, axis)
            self.add([most], partial(_tell_silent, module, activation.silent))

    def move(self, before: Any, after: Any, module: ModuleFacts) -> None:
        """Send how far a step has moved a sample of weights."""
        change = self.xp.stack(moved(self.xp, before, after))
        self.add([change], partial(_tell_move, module, size_of(after)))

    def open(self) -> None:
        """Fetch everything."""
        self.tell(self._fetch(self.parts))

    def tell(self, found: Sequence[Any]) -> None:
        """Call the makers, in order, with what has crossed."""
        at = 0
        for parts, make in self._makers:
            make(list(found[at : at + parts]))
            at += parts


def _counted(value: Any) -> int:
    """How many numbers of an array its mean is of."""
    size = size_of(value)
    return size if size <= EXACT else size_of(even(value, EXACT))


def _tell(to: Callable[[ArrayFacts], None], size: int, output: bool, found: list[Any]) -> None:
    to(facts(found[0], size, output))


def _tell_silent(module: ModuleFacts, level: float, found: list[Any]) -> None:
    module.silent = found[0] <= level


def _tell_move(module: ModuleFacts, size: int, found: list[Any]) -> None:
    mean, std = map(float, found[0])
    module.moves.append((size, mean, std))
