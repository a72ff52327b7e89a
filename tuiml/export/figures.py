"""The figures of a run as tables: each epoch, each line about batches, the layers of each snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tuiml.export.exported_run import Source
from tuiml.runs.folder import Line
from tuiml.training import codec
from tuiml.training.events import Epoch, Progress, Scalars
from tuiml.training.layer_statistics import HISTOGRAMS

NOT_FIGURES = ("event", "seconds_left", "watched", "note")
Table = tuple[list[str], list[list[Any]]]
"""The names of columns, and the rows; ``None`` is a figure that is missing."""


def table(lines: Iterable[Line]) -> Table:
    """Lines as rows; a column for each of their numbers that any line has."""
    names: dict[str, None] = {}
    rows: list[list[Any]] = []
    for line in lines:
        values = line.get("values")
        figures = {
            name: value
            for name, value in (line | (values if isinstance(values, dict) else {})).items()
            if name not in NOT_FIGURES and isinstance(value, int | float) and not isinstance(value, bool)
        }
        names |= dict.fromkeys(figures)
        rows.append([figures.get(name) for name in names])
    for row in rows:
        row += [None] * (len(names) - len(row))
    return list(names), rows


def epochs(source: Source) -> Table:
    """A row for each epoch."""
    return table(source.lines(Epoch))


def steps(source: Source) -> Table:
    """A row for each line about batches: means over the batches since the line before."""
    return table(source.lines(Progress, Scalars))


def layer_rows(source: Source) -> Iterator[Line]:
    """The statistics of each layer in each snapshot, without histograms."""
    for snapshot in source.snapshots:
        for at, layer in enumerate(snapshot.layers):
            figures = {k: v for k, v in codec.plain(layer).items() if k not in HISTOGRAMS}
            yield {"step": snapshot.step, "epoch": snapshot.epoch, "layer": at, **figures}


def layers(source: Source) -> Table:
    """A row for each layer of each snapshot."""
    return table(layer_rows(source))
