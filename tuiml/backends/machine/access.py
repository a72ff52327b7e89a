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
