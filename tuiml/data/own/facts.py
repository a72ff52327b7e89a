"""What is known of a user's file: enough to check a preset with. Nothing here reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tuiml.data.errors import DataError
from tuiml.data.kinds import Target

Signature = tuple[int, ...]
MOST_BYTES = 2_000_000_000
"""The largest file that is read."""
MOST_VALUES = 100_000_000
"""The most values of all examples together: 400 MB of float32."""
MOST_LABELS = 20_000_000
FEWEST = 5
"""Different whole numbers that are classes however few the examples are."""
FEW = 20
"""Different whole numbers that labels may have to be taken for classes without being asked."""


def taken_for(name: str, count: int, whole: bool, low: float, high: float, examples: int) -> tuple[bool, str]:
    """Whether labels that are numbers are classes, and what is said of it; one rule for every format.

    Whole numbers are classes if they are few, or numbered from 0 or 1 on without a gap; but not where hardly
    any example shares its number with another.

    Args:
        count: different ones, at least as far as they were counted.
    """
    shared = count <= FEWEST or 2 * count <= examples
    classes = whole and shared and (count <= FEW or (low in (0, 1) and high - low == count - 1))
    what = f"{count:,} different whole numbers: they" if whole else "numbers that are not all whole: they"
    if classes:
        return True, f'{name} has {what} are taken for classes (predict = "regression" for a regression)'
    return False, f'{name} has {what} are taken for a regression (predict = "classes" for classes)'


class Wrong(DataError):
    """A file cannot be used as the options say; ``field`` is the option that is to be changed."""

    def __init__(self, field: str, message: str, more: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.more = tuple(more)
        """What else is wrong: field and message of each."""

    @property
    def all(self) -> list[tuple[str, str]]:
        """Field and message of everything that is wrong."""
        return [(self.field, str(self)), *self.more]


class Unknown(Wrong):
    """Reading a file did not end; it is tried again when it is asked for."""


@dataclass(frozen=True)
class Column:
    """A column of a table, or all the values of arrays and images, as a report shows them."""

    name: str
    kind: str
    """``number``, ``category`` (text, one input for each value), ``label``, ``left out``."""
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    missing: int = 0
    values: int | None = None
    """Different ones, of a category."""


@dataclass(frozen=True)
class Facts:
    """What is in a file, as its options say that it is to be used."""

    kind: str
    """In words: ``a CSV table with a header, separated by commas``."""
    shape: tuple[int, ...]
    pool: int
    """Examples that are not the test part's."""
    test: int
    validation: int = 0
    """The last of the pool, where the file has a validation part of its own."""
    target: Target = "classes"
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """Examples of each class, as far as they were counted."""
    target_names: tuple[str, ...] = ()
    """The target columns of a regression."""
    outputs: int = 1
    """Target values of an example."""
    feature_names: tuple[str, ...] = ()
    """Of the inputs of a table, one each."""
    top: float | None = None
    itemsize: int = 4
    """Bytes of a raw value."""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The first ones, as text."""
    notes: tuple[str, ...] = ()
    """What was decided, or is odd: a line each."""
    how: Any = field(default=None, compare=False, repr=False)
    """What the format's reader wants to know again."""


def to_json(found: Facts | Wrong) -> dict[str, Any]:
    """What was found as plain data, without ``how``: that is for a process that reads the examples."""
    if isinstance(found, Wrong):
        return {"problems": found.all, "unknown": isinstance(found, Unknown)}
    data: dict[str, Any] = _adapter().dump_python(found, mode="json", exclude={"how"})
    return data


def from_json(data: dict[str, Any]) -> Facts | Wrong:
    """What :func:`to_json` gave.

    Raises:
        ValueError: it is something else.
    """
    if "problems" in data:
        first, *more = [(str(field), str(message)) for field, message in data["problems"]]
        return (Unknown if data.get("unknown") else Wrong)(*first, more)
    found: Facts = _adapter().validate_python(data)
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Facts)
