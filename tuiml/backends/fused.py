"""Bound NumPy calls read back and written as programs for :mod:`tuiml.backends.kernels`.

A plan's call is a ``partial`` of a NumPy function on arrays that stay where they are, so all that a program
needs can be read off it: which function, and each array's address, shape and strides. Neighbours that can be
read become one call of a program; what cannot be read stays what it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import kernels as k

Array = np.ndarray[Any, Any]
BoundCall = Callable[[], object]
BLOCK = 512
"""Values in a block: a dozen arrays' fit into the fastest cache, and a block's work is worth its overhead."""
PRODUCT = 12_000
"""Multiplications up to which our own product is faster than calling the matrix library."""
NARROW, MANY = 16, 64
"""Rows shorter than the one are not taken one by one if there are more of them than the other."""

KINDS = {np.dtype(np.float32): "f", np.dtype(np.uint32): "u", np.dtype(np.bool_): "b"}
OPERATIONS: dict[tuple[str, str], int] = {
    **{
        (name, "ff"): getattr(k, name.upper())
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "square", "tanh", "sign", "negative")
    },
    ("absolute", "ff"): k.ABS,
    **{
        (name, "fff"): getattr(k, name.upper())
        for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
    },
    ("greater", "bff"): k.GREATER,
    ("greater_equal", "bff"): k.GREATER_EQUAL,
    ("multiply", "ffb"): k.MASK,
    ("bitwise_xor", "uuu"): k.WHOLE_XOR,
    ("right_shift", "uuu"): k.WHOLE_SHIFT,
    ("add", "uuu"): k.WHOLE_ADD,
    ("multiply", "uuu"): k.WHOLE_MULTIPLY,
    ("copyto", "ff"): k.COPY,
    ("copyto", "fu"): k.WHOLE_FLOAT,
    ("copyto", "ffb"): k.SELECT,
}
"""Instructions by a function's name and the kinds of its result and arguments."""


@dataclass(frozen=True)
class Form:
    """How a loop goes: ``blocks`` of ``size`` values, ``whole`` in all."""

    blocks: int
    size: int
    whole: int


@dataclass(frozen=True)
class Operand:
    """Where a block's values lie: an address, and how many bytes further the next block's."""

    address: int
    step: int
    single: bool = False
    """One value a block."""


@dataclass(frozen=True)
class Each:
    """An element-wise instruction; the result is the first operand."""

    op: int
    form: Form
    operands: tuple[Operand, ...]


Row = tuple[int, ...]


def fuse(calls: Sequence[BoundCall]) -> list[BoundCall]:
    """The same work in fewer calls."""
    found: list[BoundCall] = []
    together: list[tuple[BoundCall, Each | Row]] = []
    for call in calls:
        instruction = read(call)
        if instruction is not None:
            together.append((call, instruction))
            continue
        found += _closed(together)
        together = []
        found.append(call)
    return found + _closed(together)


def _closed(together: list[tuple[BoundCall, Each | Row]]) -> list[BoundCall]:
    """One call for all, but a single one as it was."""
    if len(together) < 2:
        return [call for call, _ in together]
    return [Program([instruction for _, instruction in together], [call for call, _ in together]).run]


class Program:
    """A program and what it works on.

    Args:
        calls: what it stands for; they hold the arrays that the program has but addresses of.
    """

    def __init__(self, instructions: Sequence[Each | Row], calls: Sequence[BoundCall]) -> None:
        self._calls = calls
        self._blocks: list[Array] = []
        rows: list[Row] = []
        loop: list[Each] = []
        for instruction in instructions:
            if isinstance(instruction, Each) and (not loop or loop[0].form == instruction.form):
                loop.append(instruction)
                continue
            rows += self._loop(loop)
            loop = []
            if isinstance(instruction, Each):
                loop.append(instruction)
            else:
                rows.append(instruction)
        rows += self._loop(loop)
        self.code = np.array([(*row, *[0] * (k.WIDTH - len(row))) for row in rows], np.int64)
        self.run = _Bound(self)

    def _loop(self, loop: list[Each]) -> list[Row]:
        if not loop:
            return []
        form = loop[0].form
        before: list[Row] = []
        body: list[Row] = []
        known: dict[Operand, Operand] = {}
        for each in loop:
            result, *arguments = each.operands
            for index, operand in enumerate(arguments):
                if not operand.single or each.op == k.FILL:
                    continue
                if operand not in known:
                    known[operand] = Operand(self._block(form), 0)
                    fill = (k.FILL, known[operand].address, 0, operand.address, operand.step)
                    (body if operand.step else before).append(fill)
                arguments[index] = known[operand]
            places = [number for o in (result, *arguments) for number in (o.address, o.step)]
            body.append((each.op, *places))
        rows: list[Row] = []
        if before:
            rows += [(k.LOOP, len(before), 1, form.size, form.size), *before]
        return [*rows, (k.LOOP, len(body), form.blocks, form.size, form.whole), *body]

    def _block(self, form: Form) -> int:
        self._blocks.append(np.empty(form.size, np.uint32))
        return address(self._blocks[-1])


class _Bound:
    """The call of a program; holds what it works on."""

    __slots__ = ("_code", "_program")

    def __init__(self, program: Program) -> None:
        self._program, self._code = program, program.code

    def __call__(self) -> None:
        k.run(self._code)


def address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])


# -- reading ------------------------------------------------------------------------------------------------


def read(call: BoundCall) -> Each | Row | None:
    """The instruction that does what a bound call does, or ``None``."""
    if not isinstance(call, partial):
        return None
    function, arguments, keywords = call.func, list(call.args), dict(call.keywords)
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(function, np.ufunc):
        if name == "equal":
            return _one_hot(*arguments)
        out = keywords.pop("out", None)
        if out is None:
            out = arguments.pop()
        return None if keywords else _each(name, out, arguments)
    if function is np.copyto:
        out, *values = arguments
        if keywords.pop("casting", "unsafe") != "unsafe":
            return None
        mask = keywords.pop("where", None)
        return None if keywords else _each("copyto", out, [*values, *([] if mask is None else [mask])])
    if name == "dot" and isinstance(owner, np.ndarray):
        return _product(owner, *arguments)
    if name == "take" and isinstance(owner, np.ndarray):
        return _gather(owner, *arguments)
    if owner is np.maximum and name == "reduce":
        return _greatest(*arguments, **keywords)
    return None


def _each(name: str, out: Array, arguments: list[Array]) -> Each | None:
    """An element-wise instruction."""
    arrays = [out, *arguments]
    if not out.size or not all(isinstance(a, np.ndarray) and a.dtype in KINDS for a in arrays):
        return None
    kinds = "".join(KINDS[a.dtype] for a in arrays)
    if name == "multiply" and kinds == "fbf":
        kinds, arrays = "ffb", [out, arguments[1], arguments[0]]
    op = OPERATIONS.get((name, kinds))
    if op is None:
        return None
    lying = _lying(arrays)
    if lying is None:
        return None
    form, operands = lying
    if op == k.COPY and operands[1].single:
        op = k.FILL
    if any(o.single and a.dtype == np.bool_ for o, a in zip(operands, arrays, strict=True)):
        return None
    return Each(op, form, operands)


def _lying(arrays: list[Array]) -> tuple[Form, tuple[Operand, ...]] | None:
    """The first array's values in the order they lie, the others' beside them; ``None`` if there are gaps."""
    out = arrays[0]
    spread = [np.broadcast_to(a, out.shape) for a in arrays]
    axes = [axis for axis in np.argsort([-s for s in out.strides], kind="stable") if out.shape[axis] > 1]
    sizes = [out.shape[axis] for axis in axes]
    strides = [[a.strides[axis] for axis in axes] for a in spread]
    for i in range(len(sizes) - 1, 0, -1):  # two axes that all arrays run through as one
        if all(s[i - 1] == s[i] * sizes[i] for s in strides):
            sizes[i - 1 : i + 1] = [sizes[i - 1] * sizes[i]]
            for s in strides:
                del s[i - 1]
    if not sizes:
        sizes, strides = [1], [[a.itemsize] for a in arrays]
    if len(sizes) > 2 or any(
        s[-1] not in (0, a.itemsize) for s, a in zip(strides, arrays, strict=True)
    ) or strides[0][-1] == 0:
        return None
    places = [address(a) for a in arrays]
    if len(sizes) == 1:
        size = min(BLOCK, sizes[0])
        steps = [s[0] * size for s in strides]
        form = Form(-(-sizes[0] // size), size, sizes[0])
    else:
        if sizes[1] < NARROW and sizes[0] > MANY:
            return None
        steps = [s[0] for s in strides]
        form = Form(sizes[0], sizes[1], sizes[0] * sizes[1])
    singles = [s[-1] == 0 for s in strides]
    return form, tuple(map(Operand, places, steps, singles))


def _product(a: Array, b: Array, out: Array) -> Row | None:
    """A matrix product, if it is small."""
    if any(x.ndim != 2 or x.dtype != np.float32 for x in (a, b, out)) or not out.flags.c_contiguous:
        return None
    rows, inner = a.shape
    columns = b.shape[1]
    if rows * inner * columns > PRODUCT:
        return None
    strides = [s // 4 for x in (a, b) for s in x.strides]
    places = (address(a), *strides[:2], address(b), *strides[2:])
    return (k.PRODUCT, address(out), rows, columns, inner, *places)


def _greatest(x: Array, axis: Any = 0, out: Array | None = None, keepdims: bool = False) -> Row | None:
    if out is None or x.ndim != 2 or axis != 0 or x.dtype != np.float32 or x.strides[1] != 4:
        return None
    return (k.GREATEST, address(out), *x.shape, address(x), x.strides[0])


def _one_hot(labels: Array, classes: Array, out: Array) -> Row | None:
    """Each class's row: whether it is the label; classes are counted on from the first."""
    if labels.dtype != np.uint8 or out.dtype != np.float32 or classes.dtype != np.uint8 or classes.ndim != 2:
        return None
    return (k.ONE_HOT, address(out), *out.shape, address(labels), int(classes[0, 0]))


def _gather(source: Array, rows: Array, axis: int, out: Array, mode: str) -> Row | None:
    """The examples at ``rows``, which are in range."""
    if rows.dtype != np.int64 or not (source.flags.c_contiguous and out.flags.c_contiguous):
        return None
    places = (address(source), address(rows))
    if source.dtype == np.uint8 and source.ndim == 1:
        return (k.GATHER_BYTES, address(out), len(rows), *places)
    if source.dtype == np.float32 and source.ndim == 2:
        return (k.GATHER, address(out), *out.shape, *places)
    return None
