"""What a table holds as its options say it is to be used: inputs, label, rows, and what is odd about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.data.kinds import Progress
from tuiml.data.own.ambiguities import SHOWN, ambiguities, spelled
from tuiml.data.own.cells import DECIMALS, MAYBE_MISSING, PLAIN, THOUSANDS, Ambiguous, Style, decide
from tuiml.data.own.columns import LABEL_NAMES, classes_of, column, counts_of, labels_of, names_of, report
from tuiml.data.own.dialect import JSON, PARQUET, name_of
from tuiml.data.own.facts import MOST_VALUES, Facts, Wrong
from tuiml.data.own.layout import layout_of
from tuiml.data.own.scan import CATEGORIES, NA, Scan, Scanned, scan
from tuiml.data.own.split import test_count
from tuiml.data.own.table_plan import Feature, Plan, missing_of
from tuiml.registry import short
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table

CODES = 10
"""Different values that a column of numbers and text may have to be taken for text."""
NAMED = 8
SEVERAL = 5
"""Rows from which on text that is different in most of them is no category."""
"""Rows and columns that a message names."""


def find(table: Table, progress: Progress | None = None) -> Facts:
    """The facts of a table.

    Raises:
        Wrong: it cannot be used so; the message names rows as a spreadsheet numbers them.
    """
    path = Path(table.path)
    layout = layout_of(path, table)
    if len(layout.names) < 2:
        text = f"{table.title} has one column; a table needs inputs and a label (what separates the columns?)"
        raise Wrong("delimiter", text)
    labels = labels_of(table, layout)
    styles: dict[int, Style] = {}
    for _ in range(4):
        found = scan(path, layout, labels, missing_of(table), styles, progress)
        planner = _Planner(table, found, labels)
        if (better := planner.styles()) == styles:
            break
        styles = better
    return planner.facts()


class _Planner:
    """Decides on every column; collects what is to be known, and what is wrong."""

    def __init__(self, table: Table, found: Scan, labels: tuple[int, ...]) -> None:
        self.table, self.scan, self.labels = table, found, labels
        self.title = table.title
        self.notes = list(found.layout.notes)
        self.problems: list[tuple[str, str]] = []
        ignored = {column(word, found.layout, "ignore") for word in table.ignore}
        if both := ignored & set(labels):
            name = found.columns[min(both)].name
            raise Wrong("ignore", f"column '{name}' is the label: it cannot be ignored")
        self.used = [i for i in range(len(found.columns)) if i not in ignored]

    def styles(self) -> dict[int, Style]:
        """How the numbers of the columns are written that are not as Python writes them."""
        self.problems.clear()
        options = self.table.decimal, self.table.thousands
        commas = any(c.style.decimal == "," and not c.style.checked for c in self.scan.columns)
        styles: dict[int, Style] = {}
        for index in self.used:
            found = self.scan.columns[index]
            kinds = set(found.kinds)
            if found.numbers and found.style == PLAIN:
                kinds.add(frozenset({"plain"}))
            if not found.kinds and options == ("auto", "auto"):
                if commas and found.numbers:
                    styles[index] = Style(checked=True)
                continue
            if not kinds:
                continue
            try:
                style = decide(kinds, *options, commas=commas)
            except Ambiguous as problem:
                row, text = found.unusual or (0, "")
                where = f"{self._at(found, row)} is {short(text)}" if text else self._named(found)
                self.problems.append(("thousands", f"{where}: {problem}"))
                # for now, so that the rest of the file is read
                style = Style("," if "1,234" in str(problem) else ".", checked=True)
            if style == PLAIN and options != ("auto", "auto") and found.style == PLAIN:
                style = Style(DECIMALS.get(options[0], "."), THOUSANDS.get(options[1], ""), checked=True)
            if style is not None and (style != PLAIN or found.style.checked):
                styles[index] = found.style if style == PLAIN else style
        return styles

    def _named(self, found: Scanned) -> str:
        return f"{self.title}: column '{found.name[:SHOWN]}'"

    def _at(self, found: Scanned, row: int) -> str:
        return f"{self.title}: row {self.scan.row_number(row):,}, column '{found.name[:SHOWN]}'"

    def facts(self) -> Facts:
        layout, title = self.scan.layout, self.title
        self._settle_na()
        features = self._features()
        guessed = not self.table.label and layout.names[self.labels[0]].lower() not in LABEL_NAMES
        self.notes += ambiguities(self.scan, self.used, self.labels, guessed)
        if not features and not self.problems:
            raise Wrong("ignore", f"{title} has no column left for inputs")
        for index in self.used:
            self._finite(self.scan.columns[index])
        dropped = self._dropped(features)
        rows = self.scan.rows - len(dropped)
        columns = [self.scan.columns[index] for index in self.labels]
        classes: dict[str, int] = {}
        if rows > 1:
            try:
                classes = classes_of(self.table, columns, self.notes, self._at)
                self.notes += spelled(columns[0], classes)
            except Wrong as wrong:
                self.problems.append((wrong.field, str(wrong)))
        if self.problems:
            raise Wrong(*self.problems[0], self.problems[1:])
        if rows < 2:
            raise Wrong("missing", f"{title} has {_rows(rows)} that can be used; training needs two")
        styles = tuple(found.style for found in columns)
        plan = Plan(layout, tuple(features), self.labels, styles, classes, self.scan.rows, dropped)
        if rows * plan.width > MOST_VALUES:
            text = f"{title} makes {rows * plan.width:,} values; at most {MOST_VALUES:,} are read"
            raise Wrong("path", text)
        return self._facts(plan, rows)

    def _facts(self, plan: Plan, rows: int) -> Facts:
        layout, classes = plan.layout, plan.classes
        columns = [self.scan.columns[index] for index in self.labels]
        test = test_count(rows, self.table.test)
        header = "with a header" if layout.header else "without a header"
        kinds = {feature.index: "category" if feature.values else "number" for feature in plan.features}
        kinds |= dict.fromkeys(self.labels, "label")
        kind = f"a table (CSV) {header}, separator {name_of(layout.separator)}"
        return Facts(
            kind={JSON: "a table (JSON lines)", PARQUET: "a table (Parquet)"}.get(layout.separator, kind),
            shape=(plan.width,),
            pool=rows - test,
            test=test,
            target="classes" if classes else "regression",
            classes=names_of(classes),
            counts=counts_of(classes, columns[0]),
            target_names=() if classes else tuple(found.name for found in columns),
            outputs=len(self.labels),
            feature_names=_feature_names(self.scan.columns, plan.features),
            columns=report(self.scan.columns, kinds),
            rows=(tuple(name[:24] for name in layout.names[:50]), *self.scan.preview),
            notes=tuple(self.notes),
            how=plan,
        )

    def _settle_na(self) -> None:
        """NA is a value of a column of text that has few, else a missing one."""
        for index in self.used:
            found = self.scan.columns[index]
            if not found.maybe:
                continue
            if found.texts and found.counts is not None and len(found.counts) < found.limit:
                found.counts[NA] += len(found.maybe)
                found.texts += len(found.maybe)
                self.notes.append(
                    f"'{NA}' in '{found.name[:SHOWN]}' is one of its values, not missing "
                    f'(missing_values = ["{NA}"] if it is)'
                )
            else:
                found.missing.extend(found.maybe)
                found.missing = type(found.missing)("I", sorted(found.missing))

    # -- inputs -------------------------------------------------------------------------------------------

    def _features(self) -> list[Feature]:
        features, constant, empty, texts = [], [], [], []
        for index in self.used:
            found = self.scan.columns[index]
            name = found.name[:SHOWN]
            if not found.numbers and not found.texts:
                if index not in self.labels:
                    empty.append(name)
                continue
            if found.broken is not None and 2 * found.half_quoted < found.texts:  # else inches: 5"
                where = self._at(found, found.broken)
                text = (
                    "holds a line end or half of a pair of quotation marks: is one missing, here or before?"
                )
                self.problems.append(("path", f"{where} {text}"))
            if index in self.labels:
                continue
            if found.texts:
                values = self._category(found)
                if values:
                    features.append(Feature(index, values))
                    texts.append(f"{name} ({features[-1].width})")
            else:
                features.append(Feature(index, style=found.style))
                if found.low == found.high and not found.missing:
                    constant.append(f"{name} ({found.low:g})")
        if empty:
            self.notes.append(f"left out, for they are empty: {_listed(empty)}")
        if texts:
            self.notes.append(f"text, made one input for each value (one-hot): {_listed(texts)}")
        if constant:
            self.notes.append(f"the same in every row, so they tell nothing: {_listed(constant)}")
        self._say_styles([feature.index for feature in features if not feature.values])
        return features

    def _say_styles(self, inputs: Sequence[int]) -> None:
        """What was decided on the numbers of columns, and names that are not what they should be."""
        twice = [name for name, n in Counter(self.scan.layout.names).items() if n > 1]
        if twice:
            self.notes.append(f"several columns have the same name: {_listed([n[:SHOWN] for n in twice])}")
        numeric = [(c.name[:SHOWN], c.style) for c in (self.scan.columns[i] for i in (*inputs, *self.labels))]
        for words, names in (
            ("decimal comma, 1,5 is 1.5 (decimal)", [n for n, s in numeric if s.decimal == ","]),
            ("digits in groups, as 1 000 (thousands)", [n for n, s in numeric if s.thousands]),
            ("numbers with a unit", [f"{n} ({s.unit})" for n, s in numeric if s.unit]),
            ("dates, as days since 1970 (ignore)", [n for n, s in numeric if s.date]),
        ):
            if names:
                self.notes.append(f"{words}: {_listed(names)}")

    @staticmethod
    def _mostly_numbers(found: Scanned) -> bool:
        """Numbers among which some are written as no number is; few different ones are codes (1, 2, A)."""
        return found.texts < found.numbers and len(found.counts or ()) > CODES

    def _category(self, found: Scanned) -> tuple[str, ...]:
        """The values of a column of text; none where it cannot be used, which is a problem."""
        assert found.unusual is not None or found.counts is not None
        row, text = found.first_text or found.unusual or (0, "")
        where = self._at(found, row)
        leave = f'leave it out with ignore = "{found.name[:SHOWN]}"'
        kinds = {kind for kinds in found.kinds for kind in kinds}
        if any(f"column '{found.name[:SHOWN]}'" in message for _, message in self.problems):
            return ()  # that is what is wrong with it
        if self.scan.layout.header and text == found.name[:40]:
            self.problems.append(("path", f"{where} repeats the header: delete the row"))
        elif "text" not in kinds and "day" not in kinds and len(found.kinds) > 1:
            text = f"is {short(text)}, written another way than other numbers of the column"
            self.problems.append(("path", f"{where} {text}; write them alike, or {leave}"))
        elif "text" not in kinds and not kinds.isdisjoint({"day", "date"}):
            text = f"is {short(text)}, a date or time; write it as 2020-12-31, hours as 12.5"
            self.problems.append(("ignore", f"{where} {text}, or {leave}"))
        elif found.counts is None or 10 * found.texts < found.numbers or self._mostly_numbers(found):
            if found.texts < found.numbers:
                word = f'give missing_values = "{text}", ' if text.lower() in MAYBE_MISSING else ""
                text = f"is not a number: {short(text)}; correct it, {word}or {leave}"
            else:
                text = f"is text, with more than {CATEGORIES} different values; {leave}"
            self.problems.append(("ignore", f"{where} {text}"))
        elif self.scan.layout.separator == JSON and text[:1] in ("[", "{"):
            self.problems.append(
                ("ignore", f"{where} is a list or an object: give each value a key, or {leave}")
            )
        elif self.scan.rows > SEVERAL and 2 * len(found.counts) > self.scan.rows:
            text = f"is text, with {len(found.counts)} different values in {self.scan.rows} rows"
            self.problems.append(("ignore", f"{where} {text}; {leave}"))
        else:
            return tuple(sorted(found.counts))
        return ()

    def _finite(self, found: Scanned) -> None:
        if found.odd:
            row, text = found.odd
            text = f"is {text}, more than a float32 holds; correct it, or ignore the column"
            self.problems.append(("path", f"{self._at(found, row)} {text}"))

    # -- rows ---------------------------------------------------------------------------------------------

    def _dropped(self, features: Sequence[Feature]) -> frozenset[int]:
        """The rows that are left out for a value that is missing."""
        inputs = [self.scan.columns[feature.index] for feature in features]
        labels = [self.scan.columns[index] for index in self.labels]
        gone = [found for found in (*inputs, *labels) if found.missing]
        if not gone:
            return frozenset()
        if self.table.missing == "refuse":
            self.problems.append(("missing", self._missing(gone)))
            return frozenset()
        leaving = labels if self.table.missing == "mean" else gone
        rows = frozenset(row for found in leaving for row in found.missing)
        if rows:
            some = self._row_numbers(sorted(rows))
            self.notes.append(f"{_rows(len(rows))} with missing values left out: {some}")
        if self.table.missing == "mean":
            names = [f"{found.name} ({len(found.missing)})" for found in inputs if found.missing]
            if names:
                self.notes.append(f"missing values become the column's mean: {_listed(names)}")
        return rows

    def _missing(self, gone: Sequence[Scanned]) -> str:
        first = min(gone, key=lambda found: found.missing[0])
        rows = sorted({row for found in gone for row in found.missing})
        text = f"{self.title}: row {self.scan.row_number(rows[0]):,}, column '{first.name[:SHOWN]}' is empty"
        if len(rows) > 1:
            text += f"; {_rows(len(rows))} have missing values: {self._row_numbers(rows)}"
        return f'{text}; give missing = "drop" or "mean"'

    def _row_numbers(self, rows: Sequence[int]) -> str:
        some = ", ".join(f"{self.scan.row_number(row):,}" for row in rows[:NAMED])
        return some + (", …" if len(rows) > NAMED else "")


def _feature_names(columns: Sequence[Scanned], features: Sequence[Feature]) -> tuple[str, ...]:
    found = []
    for feature in features:
        name = columns[feature.index].name
        found += [f"{name[:SHOWN]} = {plain_text(value)[:30]}" for value in feature.values] or [name]
    return tuple(found)


def _rows(count: int) -> str:
    return f"{count:,} row" + "s" * (count != 1)


def _listed(names: Sequence[str]) -> str:
    some = ", ".join(names[:NAMED])
    return some + (f", … ({len(names)} in all)" if len(names) > NAMED else "")
