"""What tuiml makes of a user's file, as plain data to show: for ``tuiml data check`` and the app's preview.

Importable without numpy. Every text in a report is safe to show; its size is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tuiml.data import prepare
from tuiml.data.base import datasets
from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress, Target
from tuiml.data.own import reading
from tuiml.data.own.entries import DataFiles, Own, Table
from tuiml.data.own.facts import Column
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.arrays import Data

RARER = 10
"""Times as many examples of the largest class as of the smallest, above which class weights are mentioned."""
MOST = 50
"""Rows, columns and classes that a preview is given of each."""


@dataclass(frozen=True)
class Remedy:
    """A way to use a table that cannot be used as it is."""

    words: str
    options: dict[str, Any]
    """Of the entry, beside those given."""
    why: str = ""


@dataclass(frozen=True)
class Report:
    """A file as it would be trained on."""

    path: str
    format: str
    """``csv``, ``npz``, ``idx`` or ``pictures``."""
    kind: str = ""
    """In words, with what was found out about it."""
    examples: int = 0
    test: int = 0
    """Fraction of the examples held out as the test part."""
    shape: tuple[int, ...] = ()
    target: Target = "classes"
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """Examples of each class."""
    target_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The first rows of a table as text, its header (or the numbers of the columns) first."""
    problems: tuple[str, ...] = ()
    """Why it cannot be used, a line each; empty: it can."""
    remedies: tuple[Remedy, ...] = ()
    """What can be done about the problems, without another file."""
    warnings: tuple[str, ...] = ()
    """What is odd, or was decided."""
    table: dict[str, Any] | None = None
    """The ``[data]`` of a preset that uses it."""

    @property
    def usable(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        lists = {"columns": self.columns, "remedies": self.remedies}
        return {**vars(self), **{name: [vars(one) for one in found] for name, found in lists.items()}}


def inspect(
    path: str | Path,
    files: DataFiles | None = None,
    *,
    deep: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """What a file holds, however it turns out: what is wrong is among ``problems``.

    It reads as much as validation does: a table whole, of arrays their headers and labels, of pictures the
    names. It may take seconds: not for the thread of a screen.

    Args:
        files: finds what the file holds; ``None``: it is read here.
        deep: read every example as well, for what only that shows: numbers that are not finite, pictures
            that cannot be read, columns that never vary.
        progress: called with the progress of reading a large table, and of a deep inspection.
        options: of the entry, as ``label`` of a table; ``None`` is as if not given.
    """
    given = {name: value for name, value in options.items() if value is not None}
    table = {"path": str(path), **given}
    files = files or reading.DataFiles(partial(reading.find, progress=progress))
    kind: type[Own] = datasets.entry_of(table, files) or Table  # type: ignore[assignment]  # it has a path
    try:
        dataset = datasets.read(table, files)
    except ValidationError as error:
        columns, rows = _glimpse(kind, given, str(path))
        errors = [dict(found) for found in error.errors(include_url=False)[:MOST]]
        problems = tuple(_message(found, kind) for found in errors)
        return Report(
            plain_text(str(path)), kind.name, rows=rows, columns=columns, problems=problems,
            remedies=_remedies(errors, given, {column.name for column in columns}),
        )  # fmt: skip
    assert isinstance(dataset, Own)
    return _report(dataset, deep, progress)


def _report(dataset: Own, deep: bool, progress: Progress | None) -> Report:
    found = dataset.facts
    problems = [f"{field}: {message}" for field, message in dataset.problems()]
    warnings, counts = [*found.notes, *_counted(found.classes, found.counts)], found.counts
    if deep and not problems:
        try:
            data = prepare.load(dataset, 0, progress)
            warnings += [text for about, text in data.notices if about != "data classes"]
            counts = _all(data) or counts
        except DataError as error:
            problems.append(str(error))
        except MemoryError:
            problems.append(f"there is not enough free memory to read {dataset.title}")
    return Report(
        path=plain_text(dataset.path),
        format=dataset.name,
        kind=found.kind,
        examples=found.pool + found.test,
        test=found.test,
        shape=found.shape,
        target=found.target,
        classes=found.classes,
        counts=counts,
        target_names=found.target_names,
        columns=found.columns,
        rows=found.rows,
        problems=tuple(problems),
        warnings=tuple(dict.fromkeys(warnings)),
        table=datasets.table(dataset),
    )


def _all(data: Data) -> tuple[int, ...]:
    """The examples of each class, in all three parts."""
    import numpy as np

    if data.target != "classes":
        return ()
    labels = np.concatenate([part.labels for part in (data.train, data.validation, data.test)])
    return tuple(np.bincount(labels.astype(np.intp), minlength=len(data.classes)).tolist())


def _message(found: dict[str, Any], kind: type[Own]) -> str:
    where = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        return plain_text(f"{kind.name} files have no option '{where}'"[:200])
    text = found["msg"] if found["type"] == "plain" else f"{where}: {found['msg']}"
    return plain_text(text)


def _remedies(errors: Sequence[dict[str, Any]], given: dict[str, Any], known: set[str]) -> tuple[Remedy, ...]:
    """What the messages of ``errors`` advise; ``known``: the names of the table's columns."""
    found = []
    if any(error["loc"][-1:] == ("missing",) for error in errors):
        found = [
            Remedy("leave these rows out", {"missing": "drop"}, "their other values are not used either"),
            Remedy("fill them with the mean", {"missing": "mean"}, "of the column, in the training part"),
        ]
    named = [match[1] for error in errors if (match := re.search(r' ignore = "(.+)"$', error["msg"]))]
    columns = [name for name in named if name in known]  # a long name is cut in a message
    if columns:
        ignored = {"ignore": [*given.get("ignore", ()), *columns]}
        found.append(Remedy(f"leave out {', '.join(columns)}", ignored, "a column that is not an input"))
    return tuple(found)


def _glimpse(
    kind: type[Own], options: dict[str, Any], path: str
) -> tuple[tuple[Column, ...], tuple[tuple[str, ...], ...]]:
    """The first rows of a table that cannot be used as it is, so that one sees why."""
    if not issubclass(kind, Table):
        return (), ()
    from tuiml.data.own import location
    from tuiml.data.own.scan import glimpse

    try:
        layout, rows = glimpse(location.resolve(path), Table.model_validate({**options, "path": path}))
    except (DataError, OSError, ValidationError):
        return (), ()
    columns = tuple(Column(name, "") for name in layout.names[:MOST])
    return columns, (tuple(name[:24] for name in layout.names[:MOST]), *rows)


def _counted(classes: Sequence[str], counts: Sequence[int]) -> list[str]:
    """What is odd about the numbers of examples of the classes."""
    from tuiml.data.notices import imbalance

    found, there = [imbalance(classes, counts)], sorted(filter(None, counts))
    if len(there) > 1 and RARER * there[0] < there[-1]:
        text = (
            f"the smallest class has {there[0]:,} examples, less than a tenth of the largest's {there[-1]:,}"
        )
        found.append(f'{text}: class_weight = "balanced" in [training] gives each class the same weight')
    return [text for text in found if text]
