"""The numbers of a run's metrics as columns: a row an epoch, or a row a step that was reported."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.runs.folder import Line
from tuiml.runs.run_lines import surviving
from tuiml.training.events import Epoch, Event, Progress, Scalars

Columns = dict[str, NDArray[Any]]
COUNTED = ("epoch", "step")
"""Columns of integers; all others are float64."""


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


def _columns(key: str, kind: type[Event], lines: Iterator[Line]) -> Columns:
    """A row for each value of ``key``; NaN where a row lacks a number. What ``kind`` requires is there."""
    names = [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]
    found = {name: array("d") for name in names}
    rows: dict[Hashable, int] = {}
    for line in lines:
        row = rows.setdefault(line.get(key), len(rows))
        values = line.get("values")
        for name, value in ((values if isinstance(values, dict) else {}) | line).items():
            if _is_number(value):
                column = found.setdefault(name, array("d"))
                column.extend([math.nan] * (row + 1 - len(column)))
                column[row] = math.nan if value is None else value
    for column in found.values():
        column.extend([math.nan] * (len(rows) - len(column)))
    ordered = [name for name in COUNTED if name in found]
    ordered += [name for name in found if name not in ordered]
    return {name: _column(name, found[name]) for name in ordered}


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _column(name: str, values: array[float]) -> NDArray[Any]:
    column = np.array(values)
    return np.nan_to_num(column, nan=0.0).astype(np.int64) if name in COUNTED else column
