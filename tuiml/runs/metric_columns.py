"""The numbers of a run's metrics as columns: a row an epoch, or a row a step that was reported."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.runs import timeline
from tuiml.runs.folder import METRICS, Line, beginnings
from tuiml.runs.metrics import lines_having, parse, read_lines
from tuiml.training.events import Epoch, Event, Intervention, Progress, Scalars

Columns = dict[str, NDArray[Any]]
COUNTED = ("epoch", "step")
"""Columns of integers; all others are float64."""
_MANUAL = (Intervention,)


def of_epochs(path: Path) -> Columns:
    """``epoch``, ``step``, ``train_loss``, ``val_accuracy``, … of the epochs of the run in a folder.

    Raises:
        OSError: its metrics cannot be read.
    """
    return _columns("epoch", Epoch, surviving(path, Epoch))


def of_steps(path: Path) -> Columns:
    """The same of the steps that were reported, and the numbers that a watched loop reports by names of its
    own: of a long run there are ever fewer.

    Raises:
        OSError: its metrics cannot be read.
    """
    return _columns("step", Progress, surviving(path, Progress, Scalars))


def surviving(path: Path, *kinds: type[Event]) -> Iterator[Line]:
    """The lines of some kinds of events of the run in a folder, without what a rewind undid.

    Raises:
        OSError: its metrics cannot be read.
    """
    rewinds = filter(timeline.is_rewind, filter(None, map(parse, lines_having(path / METRICS, b"rewind"))))
    wanted = beginnings(*kinds, *_MANUAL)
    data = (data for _, data in read_lines(path / METRICS) if data.startswith(wanted))
    lines = timeline.surviving(rewinds, filter(None, map(parse, data)))
    return (line for line in lines if line.get("event") not in Intervention.names)


def _columns(key: str, kind: type[Event], lines: Iterator[Line]) -> Columns:
    """A row for each value of ``key``; NaN where a row lacks a number. What ``kind`` requires is there."""
    rows: dict[Hashable, Line] = {}
    names = {field.name: None for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    for line in lines:
        values = line.get("values")
        row = (values if isinstance(values, dict) else {}) | line
        found = {name: value for name, value in row.items() if _is_number(value)}
        names |= dict.fromkeys(found)
        rows.setdefault(line.get(key), {}).update(found)
    first = [name for name in COUNTED if name in names]
    ordered = [*first, *(name for name in names if name not in first)]
    return {name: _column(name, list(rows.values())) for name in ordered}


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _column(name: str, rows: list[Line]) -> NDArray[Any]:
    if name in COUNTED:
        return np.array([row.get(name, 0) for row in rows], np.int64)
    values = (row.get(name) for row in rows)
    return np.array([np.nan if value is None else value for value in values], np.float64)
