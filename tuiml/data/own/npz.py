"""NPZ files as data sets: which arrays are examples and labels, and reading them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.data.arrays import Part, Whole
from tuiml.data.kinds import Progress
from tuiml.data.own.facts import MOST_BYTES, MOST_LABELS, Column, Facts, Wrong
from tuiml.data.own.labels import Coding, coding
from tuiml.data.own.location import first_bytes, open_file
from tuiml.data.own.npy import Archive, Header
from tuiml.data.own.split import test_count
from tuiml.data.own.values import example_shape, rows_of
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Arrays

INPUTS = ("x", "inputs", "images", "data", "features")
LABELS = ("y", "labels", "label", "targets", "target")
MOST_LABEL_BYTES = 8 * MOST_LABELS
LONGEST_LABEL = 4000
"""Bytes of one label: a thousand characters of text."""
PARTS = ("", "_train"), ("_test",)
"""What the names of the pool's arrays end with, and those of the test part's."""


@dataclass(frozen=True)
class Plan:
    """Which arrays are read, and how."""

    pool: tuple[Header, Header]
    test: tuple[Header, Header] | None
    channels_last: bool
    coding: Coding


def find(arrays: Arrays) -> Facts:
    """The facts of an NPZ file: headers of its arrays, and its labels.

    Raises:
        Wrong: it is damaged, or no arrays in it are examples and labels.
    """
    path, title = Path(arrays.path), arrays.title
    if first_bytes(path, 6) == b"\x93NUMPY":
        text = f"{title} is one array alone; save examples and labels with numpy.savez(file, x=…, y=…)"
        raise Wrong("path", text)
    with open_file(path, MOST_BYTES) as file:
        archive = Archive(file, title)
        pool = _pair(archive, PARTS[0], title)
        if pool is None:
            names = ", ".join(plain_text(name)[:30] for name in list(archive.headers)[:8])
            raise Wrong(
                "path", f"{title} holds {names}; x and y are needed (or x_train, y_train, x_test, y_test)"
            )
        test = _pair(archive, PARTS[1], title)
        shape, last = example_shape(pool[0].shape, title)
        if test is not None and test[0].shape[1:] != pool[0].shape[1:]:
            raise Wrong("path", f"{title}: test examples have another shape than the training ones")
        found = [pair[1] for pair in (pool, test) if pair is not None]
        _bounded(found, title)
        raw = [archive.read(header) for header in found]
    how = coding(raw, arrays.predict, title)
    return _facts(arrays, Plan(pool, test, last, how), shape, raw)


def _pair(archive: Archive, endings: Iterable[str], title: str) -> tuple[Header, Header] | None:
    """The arrays of examples and labels whose names end so, whatever their capitals."""
    lower = {name.lower(): name for name in reversed(archive.headers)}
    for ending in endings:
        inputs = next((lower[n + ending] for n in INPUTS if n + ending in lower), None)
        labels = next((lower[n + ending] for n in LABELS if n + ending in lower), None)
        if inputs is None or labels is None:
            continue
        x, y = archive.headers[inputs], archive.headers[labels]
        for found in (x, y):
            if isinstance(found, Wrong):
                raise found
        assert isinstance(x, Header)
        assert isinstance(y, Header)
        if (
            not x.shape
            or not y.shape
            or x.shape[0] != y.shape[0]
            or x.shape[0] < (1 if "test" in ending else 2)
        ):
            text = f"'{inputs}' has shape {x.shape} and '{labels}' {y.shape}"
            raise Wrong("path", f"{title}: {text}; as many labels as examples are needed, two or more")
        if x.dtype.kind in "US":
            raise Wrong("path", f"{title}: '{inputs}' is text; numbers are needed")
        return x, y
    return None


def _bounded(labels: list[Header], title: str) -> None:
    """Refuse labels that would take more memory than labels need, before any of them is read."""
    what = f"{title}: the labels '{plain_text(labels[0].name)[:60]}'"
    longest, size = max(y.dtype.itemsize for y in labels), sum(y.size for y in labels)
    if sum(y.count for y in labels) > MOST_LABELS:
        raise Wrong("path", f"{what} are more than {MOST_LABELS:,}, the most that are read")
    if longest > LONGEST_LABEL:
        raise Wrong("path", f"{what} have {longest:,} bytes each; at most {LONGEST_LABEL:,} are read")
    if size > MOST_LABEL_BYTES:
        raise Wrong("path", f"{what} have {size:,} bytes; at most {MOST_LABEL_BYTES:,} are read")


def _facts(arrays: Arrays, plan: Plan, shape: tuple[int, ...], raw: list[Any]) -> Facts:
    import numpy as np

    x, y = plan.pool
    pixels = x.dtype == np.uint8 and (plan.test is None or plan.test[0].dtype == np.uint8)
    count = x.shape[0]
    test = plan.test[0].shape[0] if plan.test else test_count(count, arrays.test)
    notes = list(plan.coding.notes)
    if plan.channels_last:
        notes.append("images with their channels last: they are put first")
    if x.dtype.itemsize > 4 or (x.dtype.kind in "iu" and not pixels):
        notes.append(f"'{plain_text(x.name)}' is {x.dtype.name}: it is read as float32")
    counts: tuple[int, ...] = ()
    if plan.coding.names:
        coded = np.concatenate([plan.coding.apply(part, arrays.title) for part in raw])
        counts = tuple(np.bincount(coded, minlength=len(plan.coding.names)).tolist())
    numbers = not plan.coding.names
    label = Column(plain_text(y.name), "label", values=len(plan.coding.names) or None)
    return Facts(
        kind=f"NumPy arrays (NPZ): {plain_text(x.name)} {x.dtype.name}, {plain_text(y.name)} {y.dtype.name}",
        shape=shape,
        pool=count if plan.test else count - test,
        test=test,
        target="regression" if numbers else "classes",
        classes=plan.coding.names,
        counts=counts,
        outputs=plan.coding.outputs if numbers else 1,
        top=255.0 if pixels else None,
        itemsize=1 if pixels else 4,
        columns=(Column(plain_text(x.name), "number"), label),
        notes=tuple(notes),
        how=plan,
    )


def read(arrays: Arrays, progress: Progress | None = None) -> Part | Whole:
    """The examples of an NPZ file.

    Raises:
        Wrong: it is damaged, or a value is not finite.
    """
    plan: Plan = arrays.facts.how
    with open_file(Path(arrays.path), MOST_BYTES) as file:
        archive = Archive(file, arrays.title)
        parts = []
        for pair in (plan.pool, plan.test):
            if pair is not None:
                if (
                    archive.headers.get(pair[0].name) != pair[0]
                    or archive.headers.get(pair[1].name) != pair[1]
                ):
                    raise Wrong("path", f"{arrays.title} was changed while it was read: start again")
                parts.append(_part(arrays, archive, plan, pair, progress))
    if len(parts) == 1:
        return parts[0]
    pool, test = parts
    kind = "float64" if any(part.inputs.dtype == "float64" for part in parts) else "float32"
    if arrays.facts.itemsize == 4:
        pool, test = (Part(p.inputs.astype(kind, copy=False), p.labels) for p in (pool, test))
    return Whole(pool, test)


def _part(
    arrays: Arrays, archive: Archive, plan: Plan, pair: tuple[Header, Header], progress: Progress | None
) -> Part:
    x, y = pair
    told = None if progress is None else (lambda done: progress(arrays.title, done, x.size))
    raw = archive.read(x, told)
    labels = plan.coding.apply(archive.read(y), arrays.title)
    return Part(rows_of(raw, plan.channels_last, arrays.title), labels)
