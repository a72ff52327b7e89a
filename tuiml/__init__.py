"""tuiml: a terminal lab for neural networks.

``train``, ``open_run`` and ``watch`` are its Python API, with the types of what they return and the errors
that they raise: see :mod:`tuiml.api` and :mod:`tuiml.watch`. They are imported when they are first used: the
commands start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuiml.api import Answers as Answers
    from tuiml.api import DataError as DataError
    from tuiml.api import End as End
    from tuiml.api import Epoch as Epoch
    from tuiml.api import Event as Event
    from tuiml.api import LayerStatistics as LayerStatistics
    from tuiml.api import Notice as Notice
    from tuiml.api import Preset as Preset
    from tuiml.api import Progress as Progress
    from tuiml.api import Run as Run
    from tuiml.api import RunError as RunError
    from tuiml.api import SpecError as SpecError
    from tuiml.api import Start as Start
    from tuiml.api import open_run as open_run
    from tuiml.api import train as train
    from tuiml.watch import Watch

    watch: Watch

__version__ = "0.2.0"
__all__ = [
    "Answers", "DataError", "End", "Epoch", "Event", "LayerStatistics", "Notice", "Preset", "Progress", "Run",
    "RunError", "SpecError", "Start", "open_run", "train", "watch",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "watch":
        return importlib.import_module("tuiml.watch")
    if name in __all__:
        return getattr(importlib.import_module("tuiml.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
