"""SVG: one chart as a file that loads nothing."""

from __future__ import annotations

from tuiml.export.charts import CHARTS
from tuiml.export.drawing import alone
from tuiml.export.formats import Files, Order
from tuiml.export.source import Source


def make(source: Source, order: Order) -> Files:
    """The chart."""
    return {".svg": alone(CHARTS[order.choice](source)).encode()}
