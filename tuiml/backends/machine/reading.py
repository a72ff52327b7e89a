"""Bound NumPy calls read back as instructions.

A plan's call is a ``partial`` of a NumPy function on arrays that stay where they are, so all that is needed
can be read off it: which function, and each array's address, shape and strides.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import blas

Array = np.ndarray[Any, Any]
BoundCall = Callable[[], object]
PRODUCT = 12_000
"""Multiplications up to which our own product is faster than calling the matrix library."""
PLAIN, TURNED = 111, 112
"""CBLAS's words for a matrix as it is, and transposed."""
NARROW, MANY = 16, 64
"""More than ``MANY`` rows of fewer than ``NARROW`` values are left to NumPy."""

REDUCED = {"axis", "out", "keepdims"}
KINDS = {
    np.dtype(np.float32): "f",
    np.dtype(np.uint32): "u",
    np.dtype(np.bool_): "b",
    np.dtype(np.uint8): "B",
}
SIZES = {"f": 4, "u": 4, "b": 1, "B": 1}
OPERATIONS: dict[tuple[str, str], str] = {
    **{(f, "ff"): f + "({0})" for f in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sign")},
    ("absolute", "ff"): "abs({0})",
    ("negative", "ff"): "-{0}",
    ("square", "ff"): "{0} * {0}",
    ("add", "fff"): "{0} + {1}",
    ("subtract", "fff"): "{0} - {1}",
    ("multiply", "fff"): "{0} * {1}",
    ("divide", "fff"): "{0} / {1}",
    ("maximum", "fff"): "maximum({0}, {1})",
    ("minimum", "fff"): "minimum({0}, {1})",
    ("greater", "bff"): "{0} > {1}",
    ("greater_equal", "bff"): "{0} >= {1}",
    ("multiply", "ffb"): "{0} * f32({1})",
    ("multiply", "fbf"): "f32({0}) * {1}",
    ("multiply", "fBf"): "f32({0}) * {1}",
    ("subtract", "fBf"): "f32({0}) - {1}",
    ("bitwise_xor", "uuu"): "u32({0} ^ {1})",
    ("right_shift", "uuu"): "u32(({0} >> {1}) if {1} < 32 else 0)",
    ("add", "uuu"): "u32({0} + {1})",
    ("multiply", "uuu"): "u32({0} * {1})",
    ("copyto", "ff"): "{0}",
    ("copyto", "fu"): "f32({0})",
    ("copyto", "fb"): "f32({0})",
    ("copyto", "ffb"): "({0} if {1} else {2})",  # the last is what was there
}
"""The code of an operation, by its function's name and the kinds of its result and arguments."""


@dataclass(frozen=True)
class Operand:
    """Where a loop's values of a kind lie: an address, and how many bytes further the next row's."""

    address: int
    step: int
    kind: str
    single: bool = False
    """One value a row."""


@dataclass(frozen=True)
class Each:
    """An element-wise instruction on ``rows`` rows of ``size`` values; the result is the first operand."""

    words: str
    rows: int
    size: int
    operands: tuple[Operand, ...]

    def ends(self, operand: Operand) -> tuple[int, int]:
        """First address and the one behind the last."""
        values = (1 if operand.single else self.size) * SIZES[operand.kind]
        return operand.address, operand.address + (self.rows - 1) * operand.step + values

    def dense(self, operand: Operand) -> bool:
        """Whether there is no gap between its values, nor between rows."""
        first, last = self.ends(operand)
        return last - first == self.rows * self.size * SIZES[operand.kind]

    def in_rows(self, rows: int, size: int) -> Each | None:
        """The same instruction on other rows, where that is possible: a single row can be split."""
        if (self.rows, self.size) == (rows, size):
            return self
        if self.rows != 1 or self.size != rows * size:
            return None
        steps = [0 if o.single else size * SIZES[o.kind] for o in self.operands]
        cut = tuple(replace(o, step=s) for o, s in zip(self.operands, steps, strict=True))
        return Each(self.words, rows, size, cut)


@dataclass(frozen=True)
class Other:
    """An instruction of :mod:`tuiml.backends.machine.products`, by name, with its numbers."""

    name: str
    numbers: tuple[int, ...]


def address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


def read(call: BoundCall) -> Each | Other | None:
    """The instruction that does what a bound call does, or ``None``."""
    if not isinstance(call, partial):
        return None
    function, arguments, keywords = call.func, list(call.args), dict(call.keywords)
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if function is np.matmul and len(arguments) == 2 and set(keywords) == {"out"}:
        return _library_products(*arguments, **keywords)
    if isinstance(function, np.ufunc):
        out = keywords.pop("out", None)
        if out is None and len(arguments) > function.nin:
            out = arguments.pop()
        if keywords or not isinstance(out, np.ndarray) or len(arguments) != function.nin:
            return None
        return _one_hot(arguments[0], arguments[1], out) if name == "equal" else _each(name, out, arguments)
    if function is np.copyto:
        out, value = arguments
        mask = keywords.pop("where", None)
        if keywords.pop("casting", "unsafe") != "unsafe" or keywords:
            return None
        return _each("copyto", out, [value] if mask is None else [value, mask, out])
    if name == "dot" and isinstance(owner, np.ndarray) and len(arguments) == 2 and not keywords:
        return _product(owner, *arguments)
    if name == "take" and isinstance(owner, np.ndarray) and len(arguments) == 4 and not keywords:
        return _gather(owner, *arguments)
    if owner is np.maximum and name == "reduce" and len(arguments) == 1 and set(keywords) <= REDUCED:
        return _greatest(*arguments, **keywords)
    return None


def _each(name: str, out: Array, arguments: list[Array]) -> Each | None:
    """An element-wise instruction."""
    arrays = [out, *arguments]
    if not all(isinstance(a, np.ndarray) and a.dtype in KINDS for a in arrays) or not out.size:
        return None
    kinds = "".join(KINDS[a.dtype] for a in arrays)
    words = OPERATIONS.get((name, kinds[:3] if name == "copyto" and len(kinds) == 4 else kinds))
    lying = _lying(arrays) if words else None
    if words is None or lying is None:
        return None
    found = Each(words, *lying)
    result, *rest = found.operands
    first, last = found.ends(result)
    for operand in rest:
        begin, end = found.ends(operand)
        if operand != result and begin < last and first < end:
            return None  # NumPy makes a copy first
    return found


def _lying(arrays: list[Array]) -> tuple[int, int, tuple[Operand, ...]] | None:
    """Rows, their size and the operands in the memory order of the first array; ``None``: there are gaps."""
    out = arrays[0]
    spread = [np.broadcast_to(a, out.shape) for a in arrays]
    axes = [axis for axis in np.argsort([-s for s in out.strides], kind="stable") if out.shape[axis] > 1]
    sizes = [out.shape[axis] for axis in axes] or [1]
    strides = [[a.strides[axis] for axis in axes] or [a.itemsize] for a in spread]
    for i in range(len(sizes) - 1, 0, -1):  # two axes that all arrays run through as one
        if all(s[i - 1] == s[i] * sizes[i] for s in strides):
            sizes[i - 1 : i + 1] = [sizes[i - 1] * sizes[i]]
            for s in strides:
                del s[i - 1]
    if len(sizes) == 1:
        sizes, strides = [1, *sizes], [[0, *s] for s in strides]
    gaps = any(
        s[1] not in (0, a.itemsize) or s[0] < 0 for s, a in zip(strides, arrays, strict=True) if len(s) == 2
    )
    if len(sizes) > 2 or gaps or strides[0][1] == 0 or (sizes[1] < NARROW and sizes[0] > MANY):
        return None
    operands = [
        Operand(address(a), step, KINDS[a.dtype], single=inner == 0)
        for a, (step, inner) in zip(arrays, strides, strict=True)
    ]
    return sizes[0], sizes[1], tuple(operands)


def _product(a: Array, b: Array, out: Array) -> Each | Other | None:
    """A matrix product; of a column and a row it is element-wise."""
    if any(x.ndim != 2 or x.dtype != np.float32 for x in (a, b, out)) or not out.flags.c_contiguous:
        return None
    rows, inner = a.shape
    columns = b.shape[1]
    if inner == 1:
        return _each("multiply", out, [a, b])
    if rows * inner * columns > PRODUCT:
        return _library_products(a, b, out)
    strides = [s // 4 for x in (a, b) for s in x.strides]
    places = (address(a), *strides[:2], address(b), *strides[2:])
    return Other("product", (address(out), rows, columns, inner, *places))


def _library_products(a: Array, b: Array, out: Array) -> Other | None:
    """A product by the matrix library, or several on matrices that follow each other in memory."""
    function, arrays = blas.function("sgemm"), (a, b, out)
    lying = [_turned(x) for x in arrays]
    if function is None or out.ndim > 3 or None in lying or lying[2] != (PLAIN, out.strides[-2] // 4):
        return None
    sizes = (len(out) if out.ndim == 3 else 1, _address_of(function), *out.shape[-2:], a.shape[-1])
    steps = [x.strides[0] if x.ndim == 3 and len(x) > 1 else 0 for x in arrays]  # one matrix for all, or each
    places = [(address(x), step, *how) for x, step, how in zip(arrays, steps, lying, strict=True) if how]
    (*first, (place, step, _, row)) = places
    return Other("library_products", (*sizes, *(n for numbers in first for n in numbers), place, step, row))


def _turned(x: Array) -> tuple[int, int] | None:
    """CBLAS's word for whether a matrix lies transposed, and the values from row to row as it lies."""
    for word, (rows, columns), (down, right) in (
        (PLAIN, x.shape[-2:], x.strides[-2:]),
        (TURNED, x.shape[:-3:-1], x.strides[:-3:-1]),
    ):
        if x.dtype == np.float32 and right == 4 and down >= 4 * columns and down % 4 == 0 and rows:
            return word, down // 4
    return None


def _address_of(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _greatest(x: Array, axis: Any = 0, out: Array | None = None, keepdims: bool = False) -> Other | None:
    if out is None or x.ndim != 2 or axis != 0 or x.dtype != np.float32 or x.strides[1] != 4:
        return None
    return Other("greatest", (address(out), *x.shape, address(x), x.strides[0]))


def _one_hot(labels: Array, classes: Array, out: Array) -> Other | None:
    """Each class's row: whether it is the label; classes are counted on from the first."""
    bytes_ = labels.dtype == np.uint8 and classes.dtype == np.uint8 and out.dtype == np.float32
    if not bytes_ or out.shape != (len(classes), len(labels)) or not out.flags.c_contiguous:
        return None
    if labels.strides != (1,) or not np.array_equal(classes, classes[0] + np.arange(len(classes))[:, None]):
        return None
    return Other("one_hot", (address(out), *out.shape, address(labels), int(classes[0, 0])))


def _gather(source: Array, rows: Array, axis: int, out: Array, mode: str) -> Other | None:
    """The examples at ``rows``, which are in range."""
    if rows.dtype != np.int64 or not (source.flags.c_contiguous and out.flags.c_contiguous) or axis != 0:
        return None
    places = (address(source), address(rows))
    if source.dtype == np.uint8 and source.ndim == 1:
        return Other("gather_bytes", (address(out), len(rows), *places))
    if source.dtype == np.float32 and source.ndim == 2:
        return Other("gather", (address(out), *out.shape, *places))
    return None
