"""A table's values as arrays, once it is known what its columns are."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.arrays import Part
from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress
from tuiml.data.own.blocks import Block
from tuiml.data.own.cells import BLANKS, MISSING, PLAIN, Style, is_missing, number
from tuiml.data.own.rows import Rows
from tuiml.data.own.table_plan import Feature, Plan, missing_of

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table


def read(table: Table, progress: Progress | None = None) -> Part:
    """Inputs (n, features) float64 and labels, in the file's order.

    Raises:
        DataError: the file was changed since it was inspected.
    """
    plan: Plan = table.facts.how
    path = Path(table.path)
    size = path.stat().st_size
    missing_values = missing_of(table)
    rows = Rows(path, plan.layout)
    keep = np.ones(plan.rows, np.bool_)
    keep[list(plan.dropped)] = False
    count = int(keep.sum())
    inputs = np.empty((count, plan.width))
    labels: NDArray[Any] = np.empty(count, np.uint8 if len(table.classes) <= 256 else np.int32)
    if not plan.classes:
        labels = np.empty((count, len(plan.labels)))
    start = at = 0
    for block in rows.blocks():
        kept = keep[start : start + len(block)]
        if len(kept) < len(block):
            raise _changed(table)
        start += len(block)
        some = slice(at, at + int(kept.sum()))
        try:
            _fill(plan, block, kept, inputs[some], labels[some], missing_values)
        except (KeyError, ValueError):
            raise _changed(table) from None
        at = some.stop
        if progress is not None:
            progress(table.title, min(rows.done, size), size)
    if start != plan.rows:
        raise _changed(table)
    if progress is not None:
        progress(table.title, size, size)
    return Part(inputs, labels if plan.classes else labels.astype(np.float32))


def _changed(table: Table) -> DataError:
    return DataError(f"{table.title} was changed while it was read: start again")


def _fill(
    plan: Plan,
    block: Block,
    kept: NDArray[np.bool_],
    inputs: NDArray[Any],
    labels: NDArray[Any],
    missing_values: Collection[str],
) -> None:
    at = 0
    plain = [feature.index for feature in plan.features if not feature.values and feature.style == PLAIN]
    whole = len(plain) == plan.width and missing_values is MISSING
    if whole and (found := block.matrix(plain)) is not None:
        inputs[:] = found if kept.all() else found[kept]
        at = plan.width
    for feature in plan.features if not at else ():
        if enter(feature, block, kept, inputs[:, at : at + feature.width], missing_values):
            raise ValueError
        at += feature.width
    if plan.classes:
        classes = plan.classes
        cells = compress(block.column(plan.labels[0]), kept)
        labels[:] = [classes[c] if c in classes else classes[c.strip(BLANKS)] for c in cells]
    else:
        for k, index in enumerate(plan.labels):
            labels[:, k] = numbers_of(block, index, kept, plan.label_styles[k], missing_values)


def enter(
    feature: Feature,
    block: Block,
    kept: NDArray[np.bool_],
    out: NDArray[Any],
    missing_values: Collection[str],
) -> list[tuple[int, str]]:
    """Write the inputs of a column into ``out``, (rows, width).

    Returns:
        The rows, from 0, whose value the column did not have in training.

    Raises:
        ValueError: a cell is no number in the column's style.
    """
    if feature.values:
        return one_hot(feature, compress(block.column(feature.index), kept), out, missing_values)
    out[:, 0] = numbers_of(block, feature.index, kept, feature.style, missing_values)
    return []


def numbers_of(
    block: Block, index: int, kept: NDArray[np.bool_], style: Style, missing_values: Collection[str]
) -> NDArray[Any]:
    """The numbers of a column; NaN for one that is missing.

    Raises:
        ValueError: a cell is no number in this style.
    """
    values = block.numbers(index) if style == PLAIN and missing_values is MISSING else None
    if values is not None:
        return np.asarray(values)[kept]
    return np.array([_number(cell, style, missing_values) for cell in compress(block.column(index), kept)])


def _number(cell: str, style: Style, missing_values: Collection[str]) -> float:
    if is_missing(cell, missing_values):
        return float("nan")
    found = number(cell, style)
    if found is None:
        raise ValueError
    return found


def one_hot(
    feature: Feature, cells: Iterable[str], out: NDArray[Any], missing_values: Collection[str]
) -> list[tuple[int, str]]:
    """A 1 for the cell's value among its inputs; a missing one has none.

    Returns:
        The rows, from 0, whose value the column did not have in training; they have none either.
    """
    places = {value: index for index, value in enumerate(feature.values)}
    unknown = []
    out[:] = 0
    for row, cell in enumerate(cells):
        text = cell.strip(BLANKS)
        place = places.get(text)
        if place is not None:
            out[row, place] = 1
        elif not is_missing(cell, missing_values):
            unknown.append((row, text))
    return unknown
