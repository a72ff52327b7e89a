"""Neighbouring NumPy calls as one call of the matrix library, which goes through the arrays once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tuiml.backends import blas

Array = np.ndarray[Any, Any]
Bound = Callable[[], object]
Range = tuple[int, int]
LEAST = 8192
"""Values from which the pass that is saved counts more than the way through ctypes."""
WHOLE, REAL, PLACE = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p


class Scaling(NamedTuple):
    """``out`` = values × factor."""

    values: Array
    factor: Array
    out: Array


def combined(calls: Sequence[Bound], own: Sequence[Range], later: Sequence[Bound]) -> list[Bound]:
    """The same work in fewer calls: ``y·c + x`` over ``y``, and ``y - c·x`` over ``y``.

    Args:
        own: addresses that nobody but these calls and ``later`` reads, and they only what they wrote.
        later: calls that run after these.
    """
    found = list(calls)
    if blas.function("saxpby") is None:
        return found
    for i in reversed(range(len(found) - 1)):
        scaling = _scaling(found[i])
        if scaling is None:
            continue
        after = next((k for k in range(i + 1, len(found)) if _mentions(found[k], scaling.out)), i)
        dead = _within(scaling.out, own) and not any(
            _mentions(call, scaling.out) for call in [*found[after + 1 :], *later]
        )
        if scaling.out is not scaling.values and after != i + 1:
            continue  # what is scaled may change in between
        together = _together(scaling, found[after], dead)
        if together:
            found[after] = together
            del found[i]
    return found


def _together(scaling: Scaling, call: Bound, dead: bool) -> Bound | None:
    """A scaling and the call that takes its result, as one; ``dead``: nobody else takes it."""
    values, factor, out = scaling
    if not isinstance(call, partial) or call.keywords or len(call.args) != 3:
        return None
    a, b, target = call.args
    if call.func is np.add and values is out is target and (a is out) != (b is out):
        x = b if a is out else a
        return _axpby(x, factor, out) if _plain(x, out) else None
    if call.func is np.subtract and dead and a is target and b is out and _plain(target, out):
        return _axpy(values, factor, target)
    return None


def _scaling(call: Bound) -> Scaling | None:
    if not isinstance(call, partial) or call.func is not np.multiply or len(call.args) != 3:
        return None
    *pair, out = call.args
    for values, factor in (pair, pair[::-1]):
        if factor.shape == () and factor.dtype == np.float32 and _plain(values, out) and out.size >= LEAST:
            return Scaling(values, factor, out)
    return None


def _plain(x: Array, like: Array) -> bool:
    """Whether an array's values follow each other as another's do, and the two are one or apart."""
    same = x.shape == like.shape and x.dtype == like.dtype == np.float32
    return (
        same
        and bool(x.flags.c_contiguous and like.flags.c_contiguous)
        and (x is like or not np.may_share_memory(x, like))
    )


def _mentions(call: Bound, array: Array) -> bool:
    """Whether a call may read or write an array."""
    if not isinstance(call, partial):
        return True
    things = [getattr(call.func, "__self__", None), *call.args, *call.keywords.values()]
    return any(isinstance(thing, np.ndarray) and np.may_share_memory(thing, array) for thing in things)


def _within(array: Array, own: Sequence[Range]) -> bool:
    first, last = np.lib.array_utils.byte_bounds(array)
    return any(begin <= first and last <= end for begin, end in own)


def _axpby(x: Array, factor: Array, y: Array) -> Bound:
    """``y`` = factor · y + x."""
    function: Any = blas.function("saxpby")
    function.argtypes, function.restype = (WHOLE, REAL, PLACE, WHOLE, REAL, PLACE, WHOLE), None
    n, a, b = y.size, x.ctypes.data, y.ctypes.data

    def run(_held: tuple[Array, ...] = (x, y)) -> None:
        function(n, 1.0, a, 1, float(factor), b, 1)

    return run


def _axpy(x: Array, factor: Array, y: Array) -> Bound:
    """``y`` -= factor · x."""
    function: Any = blas.function("saxpy")
    function.argtypes, function.restype = (WHOLE, REAL, PLACE, WHOLE, PLACE, WHOLE), None
    n, a, b = y.size, x.ctypes.data, y.ctypes.data

    def run(_held: tuple[Array, ...] = (x, y)) -> None:
        function(n, -float(factor), a, 1, b, 1)

    return run
