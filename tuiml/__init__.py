"""tuiml: a terminal lab for neural networks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuiml.watch import Watch

    watch: Watch

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name == "watch":  # imported when it is asked for: so is numpy
        return importlib.import_module("tuiml.watch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
