"""A field of the form: what it shows, and the value that typed text stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tuiml import typed_numbers
from tuiml.registry import Option, Registry
from tuiml.tui.model import stepping
from tuiml.tui.widgets.picker import Pick

Kind = Literal["int", "float", "bool", "text", "note", "choice", "words", "unknown"]
NUMBERS = ("int", "float")
TYPED = ("int", "float", "text")
"""Kinds that are typed; the others are picked, or opened."""
YES, NO = "yes", "no"
FILE = "a file of yours…"
"""Among the data sets to choose from."""


@dataclass(frozen=True)
class Field:
    """One line of the form. Every text is safe to show."""

    path: str
    label: str
    kind: Kind
    text: str
    """The value as the user types it; ``""`` if the document has none."""
    help: str
    """Its meaning."""
    placeholder: str = ""
    """Its default."""
    allowed: str = ""
    """The allowed values, in words."""
    problem: str | None = None
    depth: int = 0
    """Indentation: 1 for an option of the choice above it."""
    picks: tuple[Pick, ...] = ()
    registry: Registry[Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Choices above it that the document leaves out, with their default entries."""
    option: Option | None = None
    """Of a number: its bounds, and the steps that keys change it by."""
    increment: float = 0.0
    """Of a number without an option: what keys change it by."""
    marked: tuple[str, ...] = ()
    """The values that a study varies it over."""
    owner: str = ""
    key: str = ""
    """Of an unknown setting: the path of its table, and its key."""

    @property
    def typed(self) -> bool:
        """True if it is edited as text."""
        return self.kind in TYPED

    @property
    def picked(self) -> str:
        """The name of the current choice."""
        return self.text or self.placeholder

    @property
    def pick(self) -> Pick | None:
        """The current choice."""
        return next((p for p in self.picks if p.name == self.picked), None)


@dataclass(frozen=True)
class Section:
    """Fields under one heading."""

    title: str
    path: str
    fields: tuple[Field, ...]
    problems: tuple[str, ...] = ()
    """Problems of the section that belong to none of its fields."""
    layer: int | None = None


def find(found: Sequence[Section], path: str) -> int | None:
    """Index, over all sections, of the field at a path or of the nearest one above it."""
    paths = [f.path for section in found for f in section.fields]
    while path:
        if path in paths:
            return paths.index(path)
        cut = max(path.rfind("."), path.rfind("["))
        path = path[: max(cut, 0)]
    return None


def parse(field: Field, text: str) -> Any:
    """The value of typed text: a number if it is one, else the text itself, which is then a problem.

    ``None`` means that the field is left out.
    """
    text = text.strip() if field.kind in NUMBERS else text
    if not text:
        return None
    if field.kind in NUMBERS:
        try:
            return typed_numbers.evaluate(text, integer=field.kind == "int")
        except ValueError:
            return text
    return text


def misread(field: Field, text: str) -> str:
    """Why typed text is no number, in words; empty if it is one, or need not be."""
    if field.kind not in NUMBERS or not text.strip():
        return ""
    try:
        typed_numbers.evaluate(text, integer=field.kind == "int")
    except ValueError as error:
        return str(error)
    return ""


def stepped(field: Field, way: int) -> Any:
    """The next number above (+1) or below (−1) a field's, or its default's; ``None``: there is none."""
    value = parse(field, field.text or field.placeholder)
    number = value if isinstance(value, int | float) else None
    if field.option is None:
        return None if number is None or not field.increment else _added(number, way * field.increment)
    return stepping.step(field.option, number, way)


def _added(number: float, increment: float) -> float:
    """The sum without the digits that binary fractions add."""
    return float(f"{number + increment:.12g}")
