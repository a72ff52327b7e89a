"""Columns of a table by name or number, which of them are the label, and a label's classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tuiml.data.own.blocks import Layout
from tuiml.data.own.cells import PLAIN, Style, number
from tuiml.data.own.facts import Column, Wrong, taken_for
from tuiml.data.own.scan import LABELS, Scanned
from tuiml.registry import closest, short
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Table

LABEL_NAMES = ("label", "class", "target", "y")


def labels_of(table: Table, layout: Layout) -> tuple[int, ...]:
    """The target columns, from 0."""
    if table.label:
        found = tuple(column(word, layout, "label") for word in table.label)
        return tuple(dict.fromkeys(found))
    lower = [name.lower() for name in layout.names]
    for name in LABEL_NAMES:
        if lower.count(name) == 1:
            return (lower.index(name),)
    filled = [index for index, there in enumerate(layout.filled) if there]
    return (filled[-1] if filled else len(lower) - 1,)


def column(word: str, layout: Layout, field: str) -> int:
    """The column, from 0, that a name or a number from 1 means.

    Raises:
        Wrong: there is none, or several are called so.
    """
    for names in (layout.names, [name.lower() for name in layout.names]):
        wanted = word if names is layout.names else word.lower()
        if names.count(wanted) > 1:
            raise Wrong(field, f"{names.count(wanted)} columns are called {short(wanted)}: give its number")
        if wanted in names:
            return names.index(wanted)
    if word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= len(layout.names):
        return int(word) - 1
    near = closest(word, layout.names)
    some = ", ".join(layout.names[:12]) + (", …" if len(layout.names) > 12 else "")
    hint = f"did you mean '{near}'?" if near else f"there are {some}"
    raise Wrong(field, f"there is no column {short(word)}; {hint}")


def coded(found: Scanned) -> dict[str, int]:
    """From each text of a label to its class: sorted, numbers by their value (1 and 1.0 are the same)."""
    texts = sorted(found.counts or ())
    if found.texts or found.style.date:
        return {text: index for index, text in enumerate(texts)}
    values = {text: _exact(text, found.style) for text in texts}
    order = {value: index for index, value in enumerate(sorted(set(values.values())))}
    return {text: order[values[text]] for text in sorted(texts, key=lambda t: (values[t], len(t)))}


def _exact(text: str, style: Style) -> Decimal:
    """A number with all its digits: beyond 2**53 float64 takes neighbours for the same."""
    try:
        if style == PLAIN:
            return Decimal(text)
    except InvalidOperation:
        pass
    return Decimal(number(text, style) or 0.0)


def classes_of(
    table: Table, columns: Sequence[Scanned], notes: list[str], at: Callable[[Scanned, int], str]
) -> dict[str, int]:
    """From a label's text to its class, in the order of the classes; empty for a regression.

    Args:
        notes: what was decided is added.
        at: says in a message where a row of a column is.

    Raises:
        Wrong: the label cannot be predicted so.
    """
    for found in columns:
        if not found.numbers and not found.texts:
            raise Wrong("label", f"column '{found.name}' is empty: give the target column")
    found = columns[0]
    if table.predict == "regression" or len(columns) > 1:
        if table.predict == "classes":
            raise Wrong("predict", "several labels are a regression; for classes give one label")
        for found in columns:
            if found.texts:
                row, text = found.first_text or (0, "")
                raise Wrong("label", f"{at(found, row)} is not a number: {short(text)}")
        return {}
    if table.predict == "auto" and not _means_classes(found, notes):
        return {}
    if found.counts is None:
        text = f"column '{found.name}' has more than {LABELS:,} different values, too many for classes"
        hint = "give another label" if found.texts else 'give predict = "regression", or another label'
        raise Wrong("label", f"{text}; {hint}")
    classes = coded(found)
    if len(set(classes.values())) < 2:
        text = f"column '{found.name}' is the same in every row: there is nothing to tell apart"
        raise Wrong("label", f"{table.title}: {text}; give another label")
    return classes


def _means_classes(found: Scanned, notes: list[str]) -> bool:
    """Text is classes; so are whole numbers that are few, or go from 0 up without a gap."""
    if found.texts:
        return True
    if found.counts is None:
        return False
    names = len(set(coded(found).values()))
    name, low, high = f"'{found.name[:60]}'", found.low or 0, found.high or 0
    classes, said = taken_for(name, names, bool(found.integers), low, high, found.numbers)
    if names > 2:
        notes.append(said)
    return classes


def names_of(classes: dict[str, int]) -> tuple[str, ...]:
    """The classes' names, in their order."""
    names: dict[int, str] = {}
    for text, index in classes.items():
        names.setdefault(index, plain_text(text)[:60])
    return tuple(names[index] for index in range(len(names)))


def counts_of(classes: dict[str, int], found: Scanned) -> tuple[int, ...]:
    """Rows of each class, those that are left out for other columns counted too."""
    counts = [0] * (max(classes.values(), default=-1) + 1)
    for text, n in (found.counts or {}).items() if classes else ():
        counts[classes[text]] += n
    return tuple(counts)


def report(columns: Sequence[Scanned], kinds: dict[int, str]) -> tuple[Column, ...]:
    """The columns as they are shown.

    Args:
        kinds: of those that are used.
    """
    found = []
    for index, c in enumerate(columns):
        kind, numbers = kinds.get(index, "left out"), c.numbers > 0 and not c.texts
        values = len(c.counts) if c.counts is not None and kind in ("category", "label") else None
        low, high, mean = (c.low, c.high, c.mean) if numbers else (None, None, None)
        found.append(Column(c.name, kind, low, high, mean, len(c.missing), values))
    return tuple(found)
