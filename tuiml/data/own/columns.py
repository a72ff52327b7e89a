"""Columns of a table by name or number, which of them are the label, and a label's classes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from tuiml.data.own.cells import PLAIN, Style, number
from tuiml.data.own.facts import Wrong
from tuiml.data.own.rows import Layout
from tuiml.data.own.scan import Scanned
from tuiml.registry import closest, short

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
