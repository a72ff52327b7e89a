"""SVG: one chart as a file that loads nothing."""

from __future__ import annotations

from tuiml.export.charts import CHARTS
from tuiml.export.drawing import alone
from tuiml.export.exported_run import Source
from tuiml.export.formats import Files, Order


def make(source: Source, order: Order) -> Files:
    """The chart."""
    return {".svg": alone(CHARTS[order.choice](source)).encode()}
