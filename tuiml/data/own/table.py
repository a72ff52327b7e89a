"""What a table holds as its options say it is to be used: inputs, label, rows, and what is odd about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.data.own.columns import coded, column, labels_of
from tuiml.data.own.facts import MOST_VALUES, Column, Facts, Wrong
from tuiml.data.own.rows import SEPARATORS, Layout, layout_of
from tuiml.data.own.scan import CATEGORIES, LABELS, Scan, Scanned, scan
from tuiml.data.own.split import test_count
from tuiml.registry import short
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table

FEW = 20
"""Different whole numbers that a label may have to be taken for classes without being asked."""
NAMED = 8
"""Rows and columns that a message names."""


@dataclass(frozen=True)
class Feature:
    """A column that becomes one input, or one for each of its values."""

    index: int
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.values) or 1


@dataclass(frozen=True)
class Plan:
    """How to read a table."""

    layout: Layout
    features: tuple[Feature, ...]
    labels: tuple[int, ...]
    classes: dict[str, int]
    """From a cell's text to its class; empty where the target is numbers."""
    rows: int
    dropped: frozenset[int]
    """Rows left out, from 0."""

    @property
    def width(self) -> int:
        return sum(feature.width for feature in self.features)


def find(table: Table) -> Facts:
    """The facts of a table.

    Raises:
        Wrong: it cannot be used so; the message names rows as a spreadsheet numbers them.
    """
    path = Path(table.path)
    layout = layout_of(path, table.delimiter, table.header)
    if len(layout.names) < 2:
        text = f"{table.title} has one column; a table needs inputs and a label (what separates the columns?)"
        raise Wrong("delimiter", text)
    labels = labels_of(table, layout)
    found = scan(path, layout, labels)
    return _Planner(table, found, labels).facts()


class _Planner:
    """Decides on every column; collects what is to be known."""

    def __init__(self, table: Table, found: Scan, labels: tuple[int, ...]) -> None:
        self.table, self.scan, self.labels = table, found, labels
        self.title = table.title
        self.notes: list[str] = []
        ignored = {column(word, found.layout, "ignore") for word in table.ignore}
        if both := ignored & set(labels):
            name = found.columns[min(both)].name
            raise Wrong("ignore", f"column '{name}' is the label: it cannot be ignored")
        self.used = [i for i in range(len(found.columns)) if i not in ignored]

    def facts(self) -> Facts:
        layout, title = self.scan.layout, self.title
        features = self._features()
        if not features:
            raise Wrong("ignore", f"{title} has no column left for inputs")
        for index in self.used:
            self._finite(self.scan.columns[index])
        dropped = self._dropped(features)
        rows = self.scan.rows - len(dropped)
        if rows < 2:
            raise Wrong("missing", f"{title} has {_rows(rows)} that can be used; training needs two")
        classes = self._classes()
        plan = Plan(layout, tuple(features), self.labels, classes, self.scan.rows, dropped)
        if rows * plan.width > MOST_VALUES:
            text = f"{title} makes {rows * plan.width:,} values; at most {MOST_VALUES:,} are read"
            raise Wrong("path", text)
        test = test_count(rows, self.table.test)
        header = "with a header" if layout.header else "without a header"
        separator = next(name for name, sign in SEPARATORS.items() if sign == layout.separator)
        return Facts(
            kind=f"a table (CSV) {header}, separator {separator}",
            shape=(plan.width,),
            pool=rows - test,
            test=test,
            target="classes" if classes else "regression",
            classes=self._names(classes),
            counts=self._counts(classes),
            target_names=() if classes else tuple(self.scan.columns[i].name for i in self.labels),
            outputs=len(self.labels),
            feature_names=self._feature_names(features),
            columns=self._columns(features),
            rows=(tuple(name[:24] for name in layout.names[:50]), *self.scan.preview),
            notes=tuple(self.notes),
            how=plan,
        )

    # -- inputs -------------------------------------------------------------------------------------------

    def _features(self) -> list[Feature]:
        features, constant, empty, coded = [], [], [], []
        for index in self.used:
            found = self.scan.columns[index]
            if index in self.labels:
                continue
            if not found.numbers and not found.texts:
                empty.append(found.name)
            elif found.texts:
                features.append(self._category(index, found))
                coded.append(f"{found.name} ({features[-1].width})")
            else:
                features.append(Feature(index))
                if found.low == found.high and not found.missing:
                    constant.append(f"{found.name} ({found.low:g})")
        if empty:
            self.notes.append(f"left out, for they are empty: {_listed(empty)}")
        if coded:
            self.notes.append(f"text, made one input for each value (one-hot): {_listed(coded)}")
        if constant:
            self.notes.append(f"the same in every row, so they tell nothing: {_listed(constant)}")
        twice = [name for name, n in Counter(self.scan.layout.names).items() if n > 1]
        if twice:
            self.notes.append(f"several columns have the same name: {_listed(twice)}")
        if any(self.scan.columns[i].commas for i in self.used):
            self.notes.append("numbers with a decimal comma are read: 1,5 is 1.5")
        return features

    def _category(self, index: int, found: Scanned) -> Feature:
        assert found.first_text is not None
        row, text = found.first_text
        where = f"{self.title}: row {self.scan.row_number(row):,}, column '{found.name}'"
        leave = f'leave it out with ignore = "{found.name}"'
        if found.counts is None or 10 * found.texts < found.numbers:
            if found.texts < found.numbers:
                raise Wrong("ignore", f"{where} is not a number: {short(text)}; correct it, or {leave}")
            text = f"{where} is text, with more than {CATEGORIES} different values; {leave}"
            raise Wrong("ignore", text)
        return Feature(index, tuple(sorted(found.counts)))

    def _finite(self, found: Scanned) -> None:
        if found.odd:
            row, text = found.odd
            where = f"{self.title}: row {self.scan.row_number(row):,}, column '{found.name}'"
            raise Wrong(
                "path", f"{where} is {text}, more than a float32 holds; correct it, or ignore the column"
            )

    # -- rows ---------------------------------------------------------------------------------------------

    def _dropped(self, features: Sequence[Feature]) -> frozenset[int]:
        """The rows that are left out for a value that is missing."""
        inputs = [self.scan.columns[feature.index] for feature in features]
        labels = [self.scan.columns[index] for index in self.labels]
        gone = [found for found in (*inputs, *labels) if found.missing]
        if not gone:
            return frozenset()
        if self.table.missing == "refuse":
            raise Wrong("missing", self._missing(gone))
        leaving = labels if self.table.missing == "mean" else gone
        rows = frozenset(row for found in leaving for row in found.missing)
        if rows:
            some = self._numbers(sorted(rows))
            self.notes.append(f"{_rows(len(rows))} with missing values left out: {some}")
        if self.table.missing == "mean":
            names = [f"{found.name} ({len(found.missing)})" for found in inputs if found.missing]
            if names:
                self.notes.append(f"missing values become the column's mean: {_listed(names)}")
        return rows

    def _missing(self, gone: Sequence[Scanned]) -> str:
        first = min(gone, key=lambda found: found.missing[0])
        rows = sorted({row for found in gone for row in found.missing})
        text = f"{self.title}: row {self.scan.row_number(rows[0]):,}, column '{first.name}' is empty"
        if len(rows) > 1:
            text += f"; {_rows(len(rows))} have missing values: {self._numbers(rows)}"
        return f'{text}; give missing = "drop" or "mean"'

    def _numbers(self, rows: Sequence[int]) -> str:
        some = ", ".join(f"{self.scan.row_number(row):,}" for row in rows[:NAMED])
        return some + (", …" if len(rows) > NAMED else "")

    # -- label --------------------------------------------------------------------------------------------

    def _classes(self) -> dict[str, int]:
        """From a label's text to its class, in the order of the classes; empty: the target is numbers."""
        columns = [self.scan.columns[index] for index in self.labels]
        for found in columns:
            if not found.numbers and not found.texts:
                raise Wrong("label", f"column '{found.name}' is empty: give the target column")
        if self.table.predict == "regression" or len(columns) > 1:
            return self._only_numbers(columns)
        found = columns[0]
        if self.table.predict == "auto" and not self._tells_classes(found):
            return {}
        if found.counts is None:
            text = f"column '{found.name}' has more than {LABELS:,} different values, too many for classes"
            hint = "give another label" if found.texts else 'give predict = "regression", or another label'
            raise Wrong("label", f"{text}; {hint}")
        classes = coded(found, self.scan.layout.decimal_comma)
        if len(set(classes.values())) < 2:
            text = f"column '{found.name}' is the same in every row: there is nothing to tell apart"
            raise Wrong("label", f"{self.title}: {text}; give another label")
        return classes

    def _only_numbers(self, columns: Sequence[Scanned]) -> dict[str, int]:
        for found in columns:
            if self.table.predict == "classes":
                raise Wrong("predict", "several labels are numbers; for classes give one label")
            if found.texts:
                assert found.first_text is not None
                row, text = found.first_text
                where = f"row {self.scan.row_number(row):,}, column '{found.name}'"
                raise Wrong("label", f"{self.title}: {where} is not a number: {short(text)}")
        return {}

    def _tells_classes(self, found: Scanned) -> bool:
        """Text is classes; so are whole numbers that are few, or go from 0 up without a gap."""
        if found.texts:
            return True
        if not found.whole or found.counts is None:
            return False
        different = len(coded(found, self.scan.layout.decimal_comma))
        names = len(set(coded(found, self.scan.layout.decimal_comma).values()))
        few = names <= FEW or (found.low == 0 and found.high == names - 1)
        if few and names > 2 and different:
            self.notes.append(
                f"'{found.name}' has {names} different whole numbers: they are taken for classes "
                '(predict = "regression" for a regression)'
            )
        return few

    def _names(self, classes: dict[str, int]) -> tuple[str, ...]:
        names: dict[int, str] = {}
        for text, index in classes.items():
            names.setdefault(index, plain_text(text)[:60])
        return tuple(names[index] for index in range(len(names)))

    def _counts(self, classes: dict[str, int]) -> tuple[int, ...]:
        """Rows of each class, those that are left out for other columns counted too."""
        if not classes:
            return ()
        counts = [0] * (max(classes.values()) + 1)
        for text, n in (self.scan.columns[self.labels[0]].counts or {}).items():
            counts[classes[text]] += n
        return tuple(counts)

    def _feature_names(self, features: Sequence[Feature]) -> tuple[str, ...]:
        found = []
        for feature in features:
            name = self.scan.columns[feature.index].name
            found += [f"{name} = {plain_text(value)[:30]}" for value in feature.values] or [name]
        return tuple(found)

    def _columns(self, features: Sequence[Feature]) -> tuple[Column, ...]:
        kinds = {feature.index: "category" if feature.values else "number" for feature in features}
        kinds |= dict.fromkeys(self.labels, "label")
        found = []
        for index, c in enumerate(self.scan.columns):
            kind, numbers = kinds.get(index, "left out"), c.numbers > 0 and not c.texts
            values = len(c.counts) if c.counts is not None and kind in ("category", "label") else None
            low, high = (c.low, c.high) if numbers else (None, None)
            mean = c.mean if numbers else None
            found.append(Column(c.name, kind, low, high, mean, len(c.missing), values))
        return tuple(found)


def _rows(count: int) -> str:
    return f"{count:,} row" + "s" * (count != 1)


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(names[:NAMED])
    return some + (f", … ({len(names)} in all)" if len(names) > NAMED else "")
