"""The charts of Train, found in the modules of this package."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import tuiml.tui.chart_views as package
from tuiml.tui.chart_views.chart import Chart


def find_charts() -> tuple[Chart, ...]:
    """Every :class:`Chart` at the top level of a module, by rank."""
    names = [found.name for found in pkgutil.iter_modules(package.__path__, package.__name__ + ".")]
    modules = [import_module(name) for name in names if name != __name__]
    found = {
        id(value): value for module in modules for value in vars(module).values() if isinstance(value, Chart)
    }
    return tuple(sorted(found.values(), key=lambda entry: (entry.rank, entry.id)))


CHARTS = find_charts()
TOP = tuple(entry.id for entry in CHARTS if entry.slot == "top")
"""The default charts above the layer table, from the left, if there is room for them."""
BESIDE = next(entry.id for entry in CHARTS if entry.slot == "beside")
"""The default chart beside the table."""


def chart(id: str) -> Chart | None:
    """The chart with that id, if there is one."""
    return next((entry for entry in CHARTS if entry.id == id), None)
