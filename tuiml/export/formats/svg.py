"""SVG: one chart as a file that loads nothing."""

from __future__ import annotations

from tuiml.export.charts import CHARTS
from tuiml.export.drawing import alone
from tuiml.export.format import Files, Format, Order, Setting
from tuiml.export.source import Source


def make(source: Source, order: Order) -> Files:
    """The chart."""
    return {".svg": alone(CHARTS[order.choice](source)).encode()}


FORMAT = Format(
    "svg",
    "a chart as a picture of lines",
    ".svg",
    make,
    setting=Setting("chart", "what is drawn", tuple(CHARTS)),
)
