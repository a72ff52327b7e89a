"""New examples given as Python values: an array, or rows whose values are as the run's own table has them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.base import Dataset
from tuiml.data.own.cells import BLANKS, Style, is_missing, number
from tuiml.data.own.entries import Table
from tuiml.data.own.facts import Wrong
from tuiml.data.own.new_examples import NewExamples, listed, of_array
from tuiml.data.own.table_plan import Feature, Plan, missing_of
from tuiml.data.own.values import LARGEST
from tuiml.registry import closest, short
from tuiml.text import plain_text


def examples(given: Any, dataset: Dataset) -> NewExamples:
    """Raw inputs of the examples in an array, or in rows by column names.

    Args:
        given: n examples of the data set's shape, or flat ones, or one; or a row by column names, a list of
            rows, or columns (a dict of lists, a data frame), of which
            those that are no inputs are passed over.
        dataset: what the run was trained on.

    Raises:
        Wrong: they are not such as the run was trained on.
    """
    inputs = _inputs(dataset)
    if _is_rows(given):
        return _rows(given, dataset if isinstance(dataset, Table) else None, inputs)
    if any(feature.values for _, feature in inputs):
        raise Wrong("path", "the run was trained on columns of text: give rows by column names")
    try:
        raw = np.asarray(given)
    except ValueError:
        raise Wrong("path", "the examples have different lengths") from None
    return of_array(raw, dataset.shape, "the array", ())


def _inputs(dataset: Dataset) -> list[tuple[str, Feature]]:
    """The columns that are inputs, with their names."""
    if isinstance(dataset, Table):
        plan: Plan = dataset.facts.how
        return [(plan.layout.names[feature.index], feature) for feature in plan.features]
    count = math.prod(dataset.shape)
    names = dataset.feature_names if len(dataset.feature_names) == count else ()
    return [(names[n] if names else f"column {n + 1}", Feature(n)) for n in range(count)]


def _is_rows(given: Any) -> bool:
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return bool(given) and all(isinstance(row, Mapping) for row in given)
    return isinstance(given, Mapping) or hasattr(given, "columns")


def _rows(given: Any, table: Table | None, inputs: Sequence[tuple[str, Feature]]) -> NewExamples:
    columns, count = _columns(given)
    names = [name for name, _ in inputs]
    lacking = [name for name in names if name not in columns]
    if lacking:
        raise _lacking(lacking, list(columns), names)
    out = np.empty((count, sum(feature.width for _, feature in inputs)))
    notes: list[str] = []
    at = 0
    for name, feature in inputs:
        some = out[:, at : at + feature.width]
        gone = _Column(name, feature, table, notes).fill(columns[name], some)
        if gone and (table is None or table.missing != "mean"):
            raise Wrong("missing", f"row {gone[0]:,}, {_called(name)}: a value is missing")
        at += feature.width
    return NewExamples("row", tuple(range(count)), out, tuple(notes))


def _columns(given: Any) -> tuple[dict[str, Sequence[Any]], int]:
    if isinstance(given, Sequence):
        keys = dict.fromkeys(key for row in given for key in row)
        return {str(key): [row.get(key) for row in given] for key in keys}, len(given)
    keys = given.columns if hasattr(given, "columns") else given
    found = {str(key): given[key] for key in keys}
    one = [name for name, values in found.items() if _is_one(values)]
    if len(one) == len(found):
        return {name: [value] for name, value in found.items()}, 1
    if one:
        raise Wrong("path", f"{_called(one[0])} has one value, others have several: give lists of one length")
    columns: dict[str, Sequence[Any]] = {name: list(values) for name, values in found.items()}
    counts = {len(values) for values in columns.values()}
    if len(counts) > 1:
        raise Wrong(
            "path", f"the columns have {' or '.join(map(str, sorted(counts)[:3]))} values, not as many"
        )
    count = counts.pop() if counts else 0
    if not count:
        raise Wrong("path", "there are no rows")
    return columns, count


def _is_one(values: Any) -> bool:
    return isinstance(values, str) or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0


def _lacking(lacking: Sequence[str], there: Sequence[str], wanted: Sequence[str]) -> Wrong:
    near = closest(lacking[0], there)
    hint = f"did you mean {short(near)}?" if near else f"the run was trained on {listed(wanted)}"
    word = "the column" if len(lacking) == 1 else "the columns"
    return Wrong("path", f"{word} {listed(lacking)} {'is' if len(lacking) == 1 else 'are'} lacking; {hint}")


def _called(name: str) -> str:
    return f"column '{plain_text(name)[:60]}'"


class _Column:
    """Turns the values of one column into inputs."""

    def __init__(self, name: str, feature: Feature, table: Table | None, notes: list[str]) -> None:
        self._name, self._feature, self._notes = name, feature, notes
        self._missing = missing_of(table) if table is not None else frozenset({""})

    def fill(self, values: Sequence[Any], out: NDArray[Any]) -> list[int]:
        """Write the inputs of each row; the rows whose value is missing (NaN in a number, else none)."""
        if self._feature.values:
            return self._one_hot(values, out)
        for row, value in enumerate(values):
            out[row, 0] = self._number(value, row)
        return [int(row) for row in np.flatnonzero(np.isnan(out[:, 0]))]

    def _one_hot(self, values: Sequence[Any], out: NDArray[Any]) -> list[int]:
        places = {value: place for place, value in enumerate(self._feature.values)}
        unknown: Counter[str] = Counter()
        gone = []
        out[:] = 0
        for row, value in enumerate(values):
            text = _text(value)
            place = places.get(str(value).strip(BLANKS), places.get(text))
            if place is not None:
                out[row, place] = 1
            elif is_missing(text, self._missing):
                gone.append(row)
            else:
                unknown[text] += 1
        if unknown:
            said = listed([f"{short(text)} ({n:,})" for text, n in unknown.most_common()])
            self._notes.append(
                f"values of {_called(self._name)} that training never had, taken for none: {said}"
            )
        return gone

    def _number(self, value: Any, row: int) -> float:
        style = self._feature.style
        if not style.date and _is_number(value):
            found: float | None = float(value)
        else:
            text = _text(value)
            found = math.nan if is_missing(text, self._missing) else _read(text, style)
        if found is None:
            wanted = "a date such as 2024-05-31" if style.date else "a number"
            raise Wrong("path", f"row {row:,}, {_called(self._name)}: {short(value)} is not {wanted}")
        if abs(found) > float(LARGEST):
            raise Wrong("path", f"row {row:,}, {_called(self._name)}: {found:g} is more than a float32 holds")
        return found


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.number | np.bool_)


def _read(text: str, style: Style) -> float | None:
    """A number in the style of the run's own table, else as Python writes it, which means one number only."""
    found = number(text, style)
    return number(text) if found is None and not style.date and not (style.thousands or style.unit) else found


def _text(value: Any) -> str:
    """A value as a cell of a table has it; empty for one that is missing."""
    if value is None or (_is_number(value) and value != value):
        return ""
    if hasattr(value, "isoformat"):  # a date, a time, or pandas' own, whose missing one is written NaT
        return str(value.isoformat()).replace("NaT", "")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # a column of whole numbers with a gap is one of floats
    return str(value).strip(BLANKS)
