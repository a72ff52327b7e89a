"""What numba lacks: addresses as pointers, values of arrays known not to overlap, calls of an address."""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

MOST = 24
"""The most arrays of a loop."""


def _pointer(kind: Any) -> Any:
    """A function that makes an address a pointer to values of a kind."""

    def typed(_typing: Any, address: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), build

    return intrinsic(typed)


floats, wholes, bytes_, longs = map(_pointer, (types.float32, types.uint32, types.uint8, types.int64))


def _no_alias(builder: Any, instruction: Any, number: int) -> None:
    """Mark a load or store as touching no memory of the other arrays.

    Without these marks the compiler tests for overlaps first; with many arrays, it takes values one by one.
    """
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "tuiml")])
    scopes = [module.add_metadata([ir.MetaDataString(module, f"tuiml {k}"), domain]) for k in range(MOST)]
    others = [scope for k, scope in enumerate(scopes) if k != number]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[number]]))
    instruction.set_metadata("noalias", module.add_metadata(others))


@functools.cache
def load(number: int) -> Any:
    """A function that reads a value of a loop's array: ``(pointer, place)``."""

    def typed(_typing: Any, pointer: Any, place: Any) -> Any:
        def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            value = builder.load(builder.gep(arguments[0], [arguments[1]]))
            _no_alias(builder, value, number)
            return value

        return pointer.dtype(pointer, types.int64), build

    return intrinsic(typed)


@functools.cache
def store(number: int) -> Any:
    """A function that writes a value of a loop's array: ``(pointer, place, value)``."""

    def typed(_typing: Any, pointer: Any, place: Any, value: Any) -> Any:
        def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            written = builder.store(arguments[2], builder.gep(arguments[0], [arguments[1]]))
            _no_alias(builder, written, number)
            return context.get_dummy_value()

        return types.void(pointer, types.int64, pointer.dtype), build

    return intrinsic(typed)


@intrinsic
def call(_typing: Any, function: Any, arguments: Any) -> Any:
    """Call the function at an address with the address of its arguments."""

    def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        pointer = ir.IntType(64).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer])
        target = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(target, [builder.inttoptr(values[1], pointer)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic
def sgemm(
    _typing: Any, function: Any, a_turned: Any, b_turned: Any, m: Any, n: Any, k: Any, a: Any, a_row: Any,
    b: Any, b_row: Any, out: Any, out_row: Any,
) -> Any:  # fmt: skip
    """``out`` = a × b by the matrix library's ``cblas_sgemm``, whose integers have 64 bits; rows contiguous.

    Args:
        a_turned: 112 if ``a`` lies transposed, else 111.
        a_row: values from the start of one row to the next as they lie.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        short, long, real, pointer = (
            ir.IntType(32),
            ir.IntType(64),
            ir.FloatType(),
            ir.IntType(8).as_pointer(),
        )
        kinds = [*[short] * 3, *[long] * 3, real, pointer, long, pointer, long, real, pointer, long]
        function, a_turned, b_turned, m, n, k, a, a_row, b, b_row, out, out_row = values
        turned = [builder.trunc(value, short) for value in (a_turned, b_turned)]
        a, b, out = (builder.inttoptr(value, pointer) for value in (a, b, out))
        factors = ir.Constant(real, 1.0), ir.Constant(real, 0.0)
        target = builder.inttoptr(function, ir.FunctionType(ir.VoidType(), kinds).as_pointer())
        by_rows = ir.Constant(short, 101)
        operands = [factors[0], a, a_row, b, b_row, factors[1], out, out_row]
        builder.call(target, [by_rows, *turned, m, n, k, *operands])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 12), build
