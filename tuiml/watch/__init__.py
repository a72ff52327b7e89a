"""A loop of one's own as a run of tuiml: ``run = tuiml.watch(model, optimizer=optimizer, name="my-net")``.

The package itself can be called, and has the frameworks' callbacks: ``tuiml.watch.KerasCallback``,
``tuiml.watch.LightningCallback``. Neither it nor tuiml imports a framework: an adapter is imported for a
model of its framework alone.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuiml.watch.run import WatchedRun as WatchedRun

_ELSEWHERE = {
    "KerasCallback": "keras_callback",
    "LightningCallback": "lightning_callback",
    "WatchedRun": "run",
}


class Watch(ModuleType):
    """This package, which can be called."""

    KerasCallback: Any
    """``model.fit(…, callbacks=[tuiml.watch.KerasCallback(name="my-net")])``"""
    LightningCallback: Any
    """``Trainer(callbacks=[tuiml.watch.LightningCallback(name="my-net")])``"""

    def __call__(
        self, model: Any, *, optimizer: Any = None, name: str | None = None, probe: Any = None
    ) -> WatchedRun:
        from tuiml.watch.start import watch

        return watch(model, optimizer=optimizer, name=name, probe=probe)


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"tuiml.watch.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = Watch
