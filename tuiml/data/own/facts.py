"""What is known of a user's file: enough to validate a preset with, found once and kept while it is the same.

Validation asks here at every edit. In the app (:func:`in_background`) it is not kept waiting for a long
file: it gets "looking at my.csv …" as the problem, the file is among :func:`awaited`, and whoever calls
:func:`look` on it in a thread of its own validates once more when that returns.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuiml.data.errors import DataError

if TYPE_CHECKING:
    from tuiml.data.base import Target
    from tuiml.data.own.entries import Own

Signature = tuple[int, ...]
KEPT = 64
"""Files whose facts are kept."""
MOST_BYTES = 2_000_000_000
"""The largest file that is read."""
MOST_VALUES = 100_000_000
"""The most values of all examples together: 400 MB of float32."""


class Wrong(DataError):
    """A file cannot be used as the options say; ``field`` is the option that is to be changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


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
_background = False
_patient = threading.local()


def in_background(on: bool = True) -> None:
    """Whether a long file is left to whoever calls :func:`look`: as the app wants it, and no command."""
    global _background
    _background = on


@contextmanager
def patiently() -> Iterator[None]:
    """In this thread every file is waited for, whatever :func:`in_background` says."""
    before = getattr(_patient, "on", False)
    _patient.on = True
    try:
        yield
    finally:
        _patient.on = before


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
    if found is None:
        if _background and not getattr(_patient, "on", False) and not dataset.quick():
            with _lock:
                _awaited[key] = dataset
            raise Wrong("path", f"looking at {dataset.title} …")
        found = _find(key, dataset)
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
    try:
        key = dataset.key()
    except Wrong:  # gone by now: validation will say so
        return
    _find(key, dataset)


def _find(key: Hashable, dataset: Own) -> Facts | Wrong:
    try:
        found: Facts | Wrong = dataset.find()
    except Wrong as wrong:
        found = wrong
    except DataError as error:
        found = Wrong("path", str(error))
    except OSError as error:
        found = Wrong("path", f"{dataset.title} cannot be read: {error.strerror or error}")
    except MemoryError:  # not kept: there may be more the next time
        return Wrong("path", f"there is not enough free memory for {dataset.title}")
    with _lock:
        _facts[key] = found
        while len(_facts) > KEPT:
            _facts.popitem(last=False)
    return found
