"""Sees the calls of one module by giving it a class of its own, derived from the one that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def see_calls(module: Any, called: Callable[[Any], None]) -> None:
    """Have ``called`` get what the module returns, until :func:`unsee_calls`."""
    base: Any = type(module)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        output = base.__call__(self, *args, **kwargs)
        called(output)
        return output

    names = {"__call__": call, "__module__": base.__module__, "__qualname__": base.__qualname__}
    object.__setattr__(
        module, "__class__", type(base)(base.__name__, (base,), {**names, "_tuiml_base": base})
    )


def unsee_calls(module: Any) -> None:
    """Give the module its own class again."""
    base = vars(type(module)).get("_tuiml_base")
    if base is not None:
        object.__setattr__(module, "__class__", base)
