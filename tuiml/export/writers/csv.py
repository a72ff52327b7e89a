"""CSV: the figures of each epoch, of the steps, or of the layers."""

from __future__ import annotations

import csv
import io

from tuiml.export import figures
from tuiml.export.exported_run import Source
from tuiml.export.formats import Files, Order
from tuiml.runs.errors import RunError

TABLES = {"epochs": figures.epochs, "steps": figures.steps, "layers": figures.layers}


def make(source: Source, order: Order) -> Files:
    """The table; a figure that is missing is an empty cell."""
    names, rows = TABLES[order.choice](source)
    if not rows:
        raise RunError(f"{source.name} has no {order.choice} yet")
    out = io.BytesIO()
    with io.TextIOWrapper(out, "utf-8", newline="", write_through=True) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        return {".csv": out.getvalue()}
