"""A table's values as arrays, once it is known what its columns are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.arrays import Part
from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress
from tuiml.data.own.rows import MISSING, Rows, number
from tuiml.data.own.table import Feature, Plan

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table


def read(table: Table, progress: Progress | None = None) -> Part:
    """Inputs (n, features) float32 and labels, in the file's order.

    Raises:
        DataError: the file is another than when it was looked at.
    """
    plan: Plan = table.facts.how
    path = Path(table.path)
    size = path.stat().st_size
    rows = Rows(path, plan.layout)
    keep = np.ones(plan.rows, np.bool_)
    keep[list(plan.dropped)] = False
    count = int(keep.sum())
    inputs = np.empty((count, plan.width), np.float32)
    labels: NDArray[Any] = np.empty(count, np.uint8 if len(table.classes) <= 256 else np.int32)
    if not plan.classes:
        labels = np.empty((count, len(plan.labels)), np.float32)
    start = at = 0
    for block, done in rows.blocks():
        kept = keep[start : start + len(block)]
        if len(kept) < len(block):
            raise _changed(table)
        start += len(block)
        if not kept.all():
            block = [cells for cells, stays in zip(block, kept, strict=True) if stays]
        if block:
            try:
                _fill(plan, block, inputs[at : at + len(block)], labels[at : at + len(block)])
            except (KeyError, ValueError):
                raise _changed(table) from None
        at += len(block)
        if progress is not None:
            progress(table.title, min(done, size), size)
    if start != plan.rows:
        raise _changed(table)
    return Part(inputs, labels)


def _changed(table: Table) -> DataError:
    return DataError(f"{table.title} was changed while it was read: start again")


def _fill(plan: Plan, block: Sequence[Sequence[str]], inputs: NDArray[Any], labels: NDArray[Any]) -> None:
    columns, comma = list(zip(*block, strict=True)), plan.layout.decimal_comma
    at = 0
    for feature in plan.features:
        cells = columns[feature.index]
        if feature.values:
            _one_hot(feature, cells, inputs[:, at : at + feature.width])
        else:
            inputs[:, at] = _numbers(cells, comma)
        at += feature.width
    if plan.classes:
        labels[:] = [plan.classes[cell.strip()] for cell in columns[plan.labels[0]]]
    else:
        for k, index in enumerate(plan.labels):
            labels[:, k] = _numbers(columns[index], comma)


def _numbers(cells: Sequence[str], comma: bool) -> list[float]:
    """The numbers of a column; NaN for one that is missing."""
    try:
        return list(map(float, cells))
    except ValueError:
        return [_number(cell.strip(), comma) for cell in cells]


def _number(cell: str, comma: bool) -> float:
    if cell.lower() in MISSING:
        return float("nan")
    found = number(cell, comma)
    if found is None:
        raise ValueError
    return found


def _one_hot(feature: Feature, cells: Sequence[str], out: NDArray[Any]) -> None:
    """A 1 for the cell's value among its inputs; a missing one has none."""
    places = {value: index for index, value in enumerate(feature.values)}
    out[:] = 0
    for row, cell in enumerate(cells):
        text = cell.strip()
        if text.lower() not in MISSING:
            out[row, places[text]] = 1
