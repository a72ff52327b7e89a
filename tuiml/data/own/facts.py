"""What is known of a user's file: enough to validate a preset with, found once and kept while it is the same.

Validation asks here at every edit. In the app (:func:`in_background`) it is not kept waiting for a long
file: it gets "looking at my.csv …" as the problem, the file is among :func:`awaited`, and whoever calls
:func:`look` on it in a thread of its own validates once more when that returns. Another process looks then.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tuiml.data.base import Target
from tuiml.data.errors import DataError

if TYPE_CHECKING:
    from tuiml.data.own.entries import Own

Signature = tuple[int, ...]
KEPT = 64
"""Files whose facts are kept."""
MOST_BYTES = 2_000_000_000
"""The largest file that is read."""
MOST_VALUES = 100_000_000
"""The most values of all examples together: 400 MB of float32."""
MOST_LABELS = 20_000_000


class Wrong(DataError):
    """A file cannot be used as the options say; ``field`` is the option that is to be changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Unknown(Wrong):
    """Looking at a file came to no end; asked in so many words, one looks again."""


@dataclass(frozen=True)
class Column:
    """A column of a table, or all the values of arrays and pictures, as a report shows them."""

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
    test: int
    target: Target = "classes"
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """Examples of each class, as far as they were counted."""
    target_names: tuple[str, ...] = ()
    """The columns of a target that is numbers."""
    outputs: int = 1
    """The numbers of such a target."""
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


_facts: OrderedDict[Hashable, Facts | Wrong] = OrderedDict()
_awaited: OrderedDict[Hashable, Own] = OrderedDict()
_lock = threading.Lock()
_elsewhere: Callable[[Own], Facts | Wrong] | None = None
_patient = threading.local()


def in_background(elsewhere: Callable[[Own], Facts | Wrong] | None) -> None:
    """Whether a long file is left to whoever calls :func:`look`: as the app wants it, and no command.

    Args:
        elsewhere: has another process look at a file and waits for it; ``None``: no file is left.
    """
    global _elsewhere
    _elsewhere = elsewhere
    _awaited.clear()


@contextmanager
def patiently(anew: bool = False) -> Iterator[None]:
    """In this thread every file is waited for, whatever :func:`in_background` says.

    Args:
        anew: a look that came to no end is tried once more.
    """
    before = vars(_patient).copy()
    _patient.on, _patient.anew = True, anew
    try:
        yield
    finally:
        vars(_patient).update({"on": False, "anew": False} | before)


def of(dataset: Own) -> Facts:
    """The facts of a file.

    Raises:
        Wrong: the file cannot be used so; or it is to be looked at in the background first.
    """
    key = dataset.key()
    with _lock:
        found = _facts.get(key)
        if found is not None:
            _facts.move_to_end(key)
    if found is None or (getattr(_patient, "anew", False) and isinstance(found, Unknown)):
        elsewhere = None if dataset.quick() else _elsewhere
        if elsewhere and not getattr(_patient, "on", False):
            with _lock:
                _awaited[key] = dataset
            raise Wrong("path", f"looking at {dataset.title} …")
        found = _find(key, dataset, elsewhere or here)
    if isinstance(found, Wrong):
        raise Wrong(found.field, str(found))
    return found


def awaited() -> list[Own]:
    """The files that validation could not wait for, each told once: for :func:`look`."""
    with _lock:
        found = list(_awaited.values())
        _awaited.clear()
    return found


def look(dataset: Own) -> None:
    """Find the facts of a file, however long it takes; whatever is wrong with it is among them."""
    with suppress(Wrong):  # gone by now: validation will say so
        _find(dataset.key(), dataset, _elsewhere or here)


def to_json(found: Facts | Wrong) -> dict[str, Any]:
    """What was found as plain data, without ``how``: that is for a process that reads the examples."""
    if isinstance(found, Wrong):
        return {"field": found.field, "wrong": str(found), "unknown": isinstance(found, Unknown)}
    data: dict[str, Any] = _adapter().dump_python(found, mode="json", exclude={"how"})
    return data


def from_json(data: dict[str, Any]) -> Facts | Wrong:
    """What :func:`to_json` gave.

    Raises:
        ValueError: it is something else.
    """
    if "wrong" in data:
        return (Unknown if data.get("unknown") else Wrong)(str(data.get("field")), str(data["wrong"]))
    found: Facts = _adapter().validate_python(data)
    return found


@cache
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Facts)


def here(dataset: Own) -> Facts | Wrong:
    """Look at a file in this process."""
    try:
        return dataset.find()
    except Wrong as wrong:
        return wrong
    except DataError as error:
        return Wrong("path", str(error))
    except OSError as error:
        return Wrong("path", f"{dataset.title} cannot be read: {error.strerror or error}")
    except MemoryError:
        return Unknown("path", f"there is not enough free memory for {dataset.title}")


def _find(key: Hashable, dataset: Own, find: Callable[[Own], Facts | Wrong]) -> Facts | Wrong:
    found = find(dataset)
    with _lock:
        _facts[key] = found
        while len(_facts) > KEPT:
            _facts.popitem(last=False)
    return found
