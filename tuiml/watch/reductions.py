"""Reductions of arrays in any library that has NumPy's names for them: NumPy itself, JAX, MLX and PyTorch.

They are written once, with the library (``xp``) as an argument, and give small arrays of that library.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tuiml.nn.activations import Activation
from tuiml.watch.facts import EXACT, ArrayFacts, ModuleFacts, stride

Library = Any
UNITS = 65_536
"""Units of a module up to which it is seen which of them are silent."""


def size_of(value: Any) -> int:
    return math.prod(value.shape)


def even(value: Any, most: int) -> Any:
    """An even sample, flat; a view where the library has views."""
    last = value.shape[-1] if len(value.shape) else 1
    return value.reshape(-1)[:: stride(size_of(value), last, most)]


def as_float32(xp: Library, value: Any) -> Any:
    return value.float() if hasattr(value, "float") else value.astype(xp.float32)


def norm(xp: Library, value: Any) -> Any:
    """Euclidean norm, in float32 at least."""
    value = value.reshape(-1)
    if hasattr(value, "float") and value.dtype.itemsize > 1:  # PyTorch's makes no copy
        return xp.linalg.vector_norm(value, dtype=xp.promote_types(value.dtype, xp.float32))
    return xp.linalg.norm(as_float32(xp, value))


def count(xp: Library, mask: Any) -> Any:
    """How many are true."""
    return xp.count_nonzero(mask) if hasattr(xp, "count_nonzero") else xp.sum(mask)


def reduced(
    xp: Library, value: Any, sample: int, output: bool = False, activation: Activation | None = None
) -> list[Any]:
    """Mean, standard deviation, norm, a sample; of outputs also how many are 0 and how many are saturated."""
    part = as_float32(xp, even(value, EXACT))
    mean = xp.mean(part)
    found = [mean, norm(xp, part - mean) / math.sqrt(size_of(part)), norm(xp, value)]
    found.append(as_float32(xp, even(value, sample)))
    if output:
        found.append(count(xp, part == 0.0))
    if output and activation is not None and activation.saturation is not None:
        low, high = activation.saturation
        found.append(count(xp, (part < low) | (part > high)))
    return found


def facts(found: Sequence[Any], size: int) -> ArrayFacts:
    """What :func:`reduced` has found, as NumPy's arrays.

    Args:
        size: how many numbers the mean is of.
    """
    mean, std, whole = (float(one) for one in found[:3])
    fractions = [float(one) / size for one in found[4:]] + [math.nan] * 2
    return ArrayFacts(size, mean, std, whole, found[3], *fractions[:2])


def highest(xp: Library, value: Any, axis: int) -> Any:
    """The highest output of each unit, over all examples and places."""
    axis %= len(value.shape)
    others = tuple(i for i in range(len(value.shape)) if i != axis)
    return xp.amax(value, others) if hasattr(xp, "amax") else xp.max(value, others)


def moved(xp: Library, before: Any, after: Any) -> list[Any]:
    """Mean and standard deviation of a change, and the standard deviation of what it led to."""
    before, after = as_float32(xp, before), as_float32(xp, after)
    found = []
    for values in (after - before, after):
        mean = xp.mean(values)
        found += [mean, norm(xp, values - mean) / math.sqrt(size_of(values))]
    return [found[0], found[1], found[3]]


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
        parts = reduced(self.xp, value, self.sample)
        if scale is not None:
            parts = [one / scale for one in parts]
        self.add(parts, partial(_tell, to, size_of(even(value, EXACT))))

    def output(self, value: Any, module: ModuleFacts, activation: Activation | None, axis: int) -> None:
        """Send what a module's output is, and which units along ``axis`` are silent."""
        module.examples = value.shape[0]
        parts = reduced(self.xp, value, self.sample, True, activation)
        self.add(parts, partial(_tell, partial(setattr, module, "output"), size_of(even(value, EXACT))))
        if activation is None or activation.silent is None or len(value.shape) < 2:
            return
        if value.shape[axis] <= UNITS:
            most = highest(self.xp, value, axis)
            self.add([most], partial(_tell_silent, module, activation.silent))

    def move(self, before: Any, after: Any, module: ModuleFacts) -> None:
        """Send how far a step has moved a sample of weights."""
        self.add(moved(self.xp, before, after), partial(_tell_move, module, size_of(after)))

    def open(self) -> None:
        """Fetch everything."""
        self.tell(self._fetch(self.parts))

    def tell(self, found: Sequence[Any]) -> None:
        """Call the makers, in order, with what has crossed."""
        at = 0
        for parts, make in self._makers:
            make(list(found[at : at + parts]))
            at += parts


def _tell(to: Callable[[ArrayFacts], None], size: int, found: list[Any]) -> None:
    to(facts(found, size))


def _tell_silent(module: ModuleFacts, level: float, found: list[Any]) -> None:
    module.silent = found[0] <= level


def _tell_move(module: ModuleFacts, size: int, found: list[Any]) -> None:
    mean, std, spread = (float(one) for one in found)
    module.moves.append((size, mean, std, spread))
