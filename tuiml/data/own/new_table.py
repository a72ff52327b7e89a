"""A table of new examples, read as the one that a run was trained on: columns by name, numbers as written."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.base import Dataset
from tuiml.data.own.blocks import Block, Layout
from tuiml.data.own.cells import Ambiguous, Style, decide, is_missing, kinds_of
from tuiml.data.own.entries import Table
from tuiml.data.own.facts import MOST_VALUES, Wrong
from tuiml.data.own.layout import layout_of
from tuiml.data.own.new_examples import NewExamples, listed
from tuiml.data.own.rows import Rows
from tuiml.data.own.table_plan import Feature, Plan, missing_of
from tuiml.data.own.table_reader import enter, numbers_of
from tuiml.data.own.values import LARGEST
from tuiml.registry import closest, short
from tuiml.text import plain_text

UNUSED_LABEL = "the label is not used"


def plan_of(dataset: Dataset) -> Plan:
    """The columns of a table of new examples: as in training; of what was trained on no table one for each
    input, in order."""
    if isinstance(dataset, Table):
        plan: Plan = dataset.facts.how
        return plan
    features = math.prod(dataset.shape)
    names = dataset.feature_names if len(dataset.feature_names) == features else ()
    columns = names or tuple(f"column {index + 1}" for index in range(features))
    inputs = tuple(Feature(index) for index in range(features))
    return Plan(Layout(",", bool(names), columns), inputs, (), (), {}, 0, frozenset())


def table_of(path: Path, dataset: Dataset) -> Table:
    """The table that a run was trained on; of one that was trained on no table the new one."""
    return dataset if isinstance(dataset, Table) else Table(path=str(path))


def read(path: Path, dataset: Dataset, plan: Plan | None = None, *, labelled: bool = False) -> NewExamples:
    """The rows of a table as raw inputs; a row's name is its number in a spreadsheet.

    Args:
        dataset: what the run was trained on; the options of a table hold where they suit this one.
        plan: how the rows are read; default: :func:`plan_of`.
        labelled: the labels are read too, by :mod:`.new_labels`.

    Raises:
        Wrong: a column is lacking, a cell is no number, or a value is missing that was not in training.
    """
    title, plan = plain_text(path.name)[:80], plan or plan_of(dataset)
    table = table_of(path, dataset)
    layout, places, notes = placed(path, title, table, plan)
    notes = [text for text in notes if not (labelled and text.startswith(UNUSED_LABEL))]
    features = [replace(feature, index=at) for feature, at in zip(plan.features, places, strict=True)]
    return TableReader(path, title, table, layout, features, notes).examples()


# -- columns ----------------------------------------------------------------------------------------------


def placed(path: Path, title: str, table: Table, plan: Plan) -> tuple[Layout, list[int], list[str]]:
    """How the table is written, the column of each input, and what is to be said of other columns."""
    own = {"header": "auto", "delimiter": "auto", "comment": "auto", "encoding": "auto"}
    wanted = [plan.layout.names[feature.index] for feature in plan.features]
    lower = {name.lower() for name in wanted}
    detected = layout_of(path, table.model_copy(update={"header": "auto"}))
    for options in ({"header": "yes"}, {**own, "header": "yes"}) if plan.layout.header else ():
        named = layout_of(path, table.model_copy(update=options))
        if not lower.isdisjoint(name.lower() for name in named.names):
            return named, *_by_name(title, named.names, wanted, plan)
    if plan.layout.header and detected.header:
        raise lacks(title, wanted, detected.names, wanted)
    return detected, *_by_place(title, detected, wanted, plan)


def _by_name(
    title: str, names: Sequence[str], wanted: Sequence[str], plan: Plan
) -> tuple[list[int], list[str]]:
    if tuple(names) == plan.layout.names:
        places = [feature.index for feature in plan.features]
    else:
        found = [find_column(title, name, names) for name in wanted]
        lacking = [name for name, at in zip(wanted, found, strict=True) if at is None]
        if lacking:
            raise lacks(title, lacking, names, wanted)
        places = [at for at in found if at is not None]
    labels = {plan.layout.names[index].lower() for index in plan.labels}
    there = [name for name in names if name.lower() in labels]
    other = [name for at, name in enumerate(names) if at not in places and name.lower() not in labels]
    notes = [f"{UNUSED_LABEL}: {listed(there)}"] if there else []
    return places, notes + ([f"columns that are not used: {listed(other)}"] if other else [])


def find_column(title: str, name: str, names: Sequence[str]) -> int | None:
    """The column of a name, whatever its capitals if there is none with the same ones."""
    for wanted, some in ((name, list(names)), (name.lower(), [other.lower() for other in names])):
        if some.count(wanted) > 1:
            raise Wrong("path", f"{title}: {some.count(wanted)} columns are called {short(name)}")
        if wanted in some:
            return some.index(wanted)
    return None


def lacks(
    title: str, lacking: Sequence[str], names: Sequence[str], wanted: Sequence[str], kind: str = "column"
) -> Wrong:
    """What is said of columns that are not there."""
    near = closest(lacking[0], names)
    hint = f"did you mean {short(near)}?" if near else f"the run was trained on {listed(wanted)}"
    word = kind if len(lacking) == 1 else f"{kind}s"
    return Wrong("path", f"{title} lacks the {word} {listed(lacking)}; {hint}")


def _by_place(title: str, layout: Layout, wanted: Sequence[str], plan: Plan) -> tuple[list[int], list[str]]:
    """The columns of a table that names none of them: in the order of the run's own table."""
    count, every = len(layout.names), range(len(plan.layout.names))
    inputs = [feature.index for feature in plan.features]
    for order in (list(every), [index for index in every if index not in plan.labels], inputs):
        if count == len(order):
            places = [order.index(index) for index in inputs]
            unused = f"; not used: column {listed([str(n + 1) for n in range(count) if n not in places])}"
            said = f"no names of columns, so they are taken in their order: {listed(wanted)}"
            return places, [said + (unused if len(places) < count else "")] if plan.layout.header else []
    needed = f"{len(wanted):,} {'is' if len(wanted) == 1 else 'are'} needed ({listed(wanted)})"
    word = "column" if count == 1 else "columns"
    raise Wrong("path", f"{title} has {count:,} {word} and does not name them; {needed}")


# -- cells ------------------------------------------------------------------------------------------------


class TableReader:
    """Reads the rows; collects what is missing, and the values that no row had in training."""

    def __init__(
        self,
        path: Path,
        title: str,
        table: Table,
        layout: Layout,
        features: Sequence[Feature],
        notes: list[str],
    ) -> None:
        self.path, self.title, self.table = path, title, table
        self.layout, self.features, self.notes = layout, list(features), notes
        self.missing_values = missing_of(table)
        self.unknown: list[Counter[str]] = []
        """Of each input column: its values that are unknown, with their rows."""

    def examples(self) -> NewExamples:
        """The rows that are kept."""
        values, lacking, numbers = self.values()
        keep = self._settle_missing(lacking, numbers)
        self._say_unknown()
        names = tuple(number for number, kept in zip(numbers, keep, strict=True) if kept)
        return NewExamples("row", names, values[keep], tuple(self.notes))

    def values(self) -> tuple[NDArray[Any], NDArray[np.bool_], list[int]]:
        """The inputs of all rows, which columns are missing in them (rows × columns), the rows' numbers."""
        self._settle_styles()
        rows = Rows(self.path, self.layout)
        self.unknown = [Counter() for _ in self.features]
        width, count = sum(feature.width for feature in self.features), 0
        inputs, gone = [], []
        for block in rows.blocks():
            count += len(block)
            if count * width > MOST_VALUES:
                raise Wrong(
                    "path", f"{self.title} makes more than {MOST_VALUES:,} values: predict it in parts"
                )
            found, lacking = self._block(block, width)
            inputs.append(found)
            gone.append(lacking)
        if not inputs:
            raise Wrong("path", f"{self.title} has no rows below its header")
        numbers = row_numbers(count, self.layout.header, rows.blank)
        values = np.concatenate(inputs)
        self._refuse_infinite(values, numbers)
        return values, np.concatenate(gone), numbers

    def _block(self, block: Block, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The inputs of some rows, and which inputs' columns are missing in them (rows × columns)."""
        every, at = np.ones(len(block), np.bool_), 0
        inputs = np.empty((len(block), width))
        lacking = np.zeros((len(block), len(self.features)), np.bool_)
        for k, feature in enumerate(self.features):
            some = inputs[:, at : at + feature.width]
            unknown = enter(feature, block, every, some, self.missing_values)
            self.unknown[k].update(text for _, text in unknown)
            lacking[:, k] = ~some.any(axis=1) if feature.values else np.isnan(some[:, 0])
            lacking[[row for row, _ in unknown], k] = False
            at += feature.width
        return inputs, lacking

    def _settle_styles(self) -> None:
        """Find how the numbers are written of columns that are not written as in training."""
        other = {}
        rows = Rows(self.path, self.layout)
        for block in rows.blocks():
            every = np.ones(len(block), np.bool_)
            for k, feature in enumerate(self.features):
                if feature.values or k in other:
                    continue
                try:
                    numbers_of(block, feature.index, every, feature.style, self.missing_values)
                except ValueError:
                    other[k] = set[frozenset[str]]()
        for block in rows.blocks() if other else ():
            for k, kinds in other.items():
                cells = set(block.column(self.features[k].index))
                kinds.update(kinds_of(cell) for cell in cells if not is_missing(cell, self.missing_values))
        for k, kinds in other.items():
            self.features[k] = replace(self.features[k], style=self._style(self.features[k], kinds))

    def _style(self, feature: Feature, kinds: set[frozenset[str]]) -> Style:
        name = f"column '{plain_text(self.layout.names[feature.index])[:60]}'"
        try:
            found = decide(kinds, self.table.decimal, self.table.thousands)
        except Ambiguous as problem:
            raise Wrong("path", f"{self.title}: {name}: {problem}") from None
        if found is not None and found.date == feature.style.date:
            return found
        row, cell = self._not_a_number(feature)
        was = "dates" if feature.style.date else "numbers"
        text = f"is {short(cell)}; in training the column had {was}"
        raise Wrong("path", f"{self.title}: row {row:,}, {name} {text}")

    def _not_a_number(self, feature: Feature) -> tuple[int, str]:
        """The first row whose cell cannot be read as in training."""
        rows, start = Rows(self.path, self.layout), 0
        one = np.ones(1, np.bool_)
        for block in rows.blocks():
            for at, cell in enumerate(block.column(feature.index)):
                try:
                    numbers_of(Block([[cell]]), 0, one, feature.style, self.missing_values)
                except ValueError:
                    return row_numbers(start + at + 1, self.layout.header, rows.blank)[-1], cell
            start += len(block)
        return 0, ""  # pragma: no cover - there is one

    def _refuse_infinite(self, values: NDArray[Any], numbers: Sequence[int]) -> None:
        wrong: list[list[int]] = np.argwhere(np.abs(values) > LARGEST).tolist()  # NaN is missing
        if wrong:
            row, at = wrong[0]
            columns = [feature.index for feature in self.features for _ in range(feature.width)]
            name = plain_text(self.layout.names[columns[at]])[:60]
            where = f"{self.title}: row {numbers[row]:,}, column '{name}'"
            raise Wrong("path", f"{where} is {values[row, at]:g}, more than a float32 holds")

    def _settle_missing(self, lacking: NDArray[np.bool_], numbers: Sequence[int]) -> NDArray[np.bool_]:
        """Which rows are kept: values that are missing are dealt with as in training."""
        gone: NDArray[np.bool_] = np.asarray(lacking.any(axis=1))
        if not gone.any() or self.table.missing == "mean":
            names = [
                f"{plain_text(self.layout.names[feature.index])[:60]} ({int(n):,})"
                for feature, n in zip(self.features, lacking.sum(axis=0), strict=True)
                if n
            ]
            if names:
                self.notes.append(f"missing values, filled as in training: {listed(names)}")
            return np.ones(len(gone), np.bool_)
        some = [f"{numbers[row]:,}" for row in np.flatnonzero(gone).tolist()]
        if self.table.missing == "drop":
            self.notes.append(f"rows with missing values get no prediction: {listed(some)}")
            return ~gone
        name = plain_text(self.layout.names[self.features[int(lacking[gone][0].argmax())].index])[:60]
        text = f"row {some[0]}, column '{name}' is empty; the run was trained with missing = \"refuse\""
        raise Wrong("missing", f"{self.title}: {text}")

    def _say_unknown(self) -> None:
        for feature, found in zip(self.features, self.unknown, strict=True):
            if found:
                name = plain_text(self.layout.names[feature.index])[:60]
                values = listed([f"{short(text)} ({n:,})" for text, n in found.most_common()])
                self.notes.append(f"values of '{name}' that training never had, taken for none: {values}")


def row_numbers(count: int, header: bool, blank: Sequence[int]) -> list[int]:
    """The numbers that a spreadsheet shows for the first rows below the header."""
    passed = set(blank)
    numbers = (number for number in itertools.count(1) if number not in passed)
    return list(itertools.islice(numbers, int(header), int(header) + count))
