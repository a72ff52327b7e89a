"""Which adapter sees a model: found by where its class comes from, without importing a framework."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tuiml.watch.adapter import Adapter

FRAMEWORKS: dict[str, tuple[str, str]] = {
    "keras": ("tuiml.watch.keras", "Keras"),
    "flax": ("tuiml.watch.flax", "Flax"),
    "mlx": ("tuiml.watch.mlx", "MLX"),
    "torch": ("tuiml.watch.pytorch", "PyTorch"),
}
"""By the package that a model's class comes from: the module and the class of its adapter. The first that
fits is taken: with PyTorch below it, a model of Keras is a module of PyTorch too."""


def adapter_of(model: Any, optimizer: Any = None, probe: Any = None) -> Adapter:
    """An adapter that sees a model.

    Raises:
        TypeError: the model is of no framework that is known, or one that needs no probe.
    """
    packages = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    for package, (module, name) in FRAMEWORKS.items():
        if package in packages and _is_module(model):
            adapter: Callable[..., Adapter] = getattr(importlib.import_module(module), name)
            if probe is None:
                return adapter(model, optimizer)
            if package != "flax":
                raise TypeError(
                    f"tuiml.watch: probe is for models of Flax; {name} shows the outputs in training"
                )
            return adapter(model, optimizer, probe)
    raise TypeError(
        f"tuiml.watch takes a model of PyTorch, Keras 3, MLX or Flax NNX, or a dict of such, "
        f"not {type(model).__module__}.{type(model).__qualname__}"
    )


def _is_module(model: Any) -> bool:
    """Whether it is a model, not an array or an optimizer of such a framework."""
    return any(cls.__name__ in ("Module", "Layer") for cls in type(model).__mro__)
