"""Sees the calls of one object by giving it a class of its own, derived from the one that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def see_calls(module: Any, called: Callable[..., None], method: str = "__call__") -> None:
    """Have ``called`` get what a method returns and its arguments, until :func:`unsee_calls`."""
    base: Any = type(module)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        output = getattr(base, method)(self, *args, **kwargs)
        if self is module:  # not a copy
            called(output, *args, **kwargs)
        return output

    def reduce(self: Any, protocol: Any) -> Any:
        """A copy or a file has the class that the module had."""
        object.__setattr__(self, "__class__", base)
        try:
            made = base.__reduce_ex__(self, protocol)
        finally:
            object.__setattr__(self, "__class__", own)
        # pickle compares the class of copyreg's function with that of the object
        return (base.__new__, *made[1:]) if made[0].__name__ == "__newobj__" else made

    names = {method: call, "__reduce_ex__": reduce}
    names |= {"__module__": base.__module__, "__qualname__": base.__qualname__}
    own = type(base)(base.__name__, (base,), {**names, "_tuiml_base": base})
    object.__setattr__(module, "__class__", own)


def unsee_calls(module: Any) -> None:
    """Give the module its own class again."""
    base = vars(type(module)).get("_tuiml_base")
    if base is not None:
        object.__setattr__(module, "__class__", base)
