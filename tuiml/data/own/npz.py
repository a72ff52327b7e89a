"""NPZ files as data sets: which arrays are examples and labels, and reading them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuiml.data.arrays import Part, PoolAndTest
from tuiml.data.kinds import Progress
from tuiml.data.own.byte_range import PIXELS, top_of
from tuiml.data.own.facts import MOST_BYTES, MOST_LABELS, Column, Facts, Wrong
from tuiml.data.own.labels import Coding, coding
from tuiml.data.own.location import first_bytes, open_file
from tuiml.data.own.npy import Archive, Header
from tuiml.data.own.passed_over import PassedOver
from tuiml.data.own.split import joined, said, test_count
from tuiml.data.own.values import example_shape, rows_of
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.entries import Arrays

INPUTS = ("x", "inputs", "input", "images", "image", "imgs", "data", "features", "samples", "arr_0")
LABELS = ("y", "labels", "label", "targets", "target", "classes", "outputs", "output", "t", "arr_1")
ROLES = {
    **dict.fromkeys(("train", "training", "tr"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "te"), "test"),
}
"""What the names of arrays begin or end with, and the part that they are of."""
_KINDS, _ROLES = ("|".join(sorted(some, key=len, reverse=True)) for some in ((*INPUTS, *LABELS), ROLES))
_NAME = re.compile(rf"((?P<first>{_ROLES})[-_. ]?)?(?P<kind>{_KINDS})([-_. ]?(?P<last>{_ROLES}))?")
MOST_LABEL_BYTES = 8 * MOST_LABELS
LONGEST_LABEL = 4000
"""Bytes of one label: a thousand characters of text."""
Pair = tuple[Header, Header]
"""Examples and their labels."""


@dataclass(frozen=True)
class Plan:
    """Which arrays are read, and how."""

    parts: dict[str, Pair]
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
        parts = _parts(archive, title)
        shape, last = example_shape(parts["training"][0].shape, title)
        for role, (x, _) in parts.items():
            if x.shape[1:] != parts["training"][0].shape[1:]:
                raise Wrong("path", f"{title}: {role} examples have another shape than the others")
        found = [y for _, y in parts.values()]
        bounded(found, title)
        raw = [archive.read(y) for y in found]
        largest = -1
        if all(x.dtype == np.uint8 for x, _ in parts.values()):
            largest = max(archive.largest(x, PIXELS) for x, _ in parts.values())
        over = PassedOver()
        used = {header.name for pair in parts.values() for header in pair}
        for name in archive.headers:
            if name not in used:
                over.add("arrays that are not used", name)
    how = coding(raw, arrays.predict, title)
    return _facts(arrays, Plan(parts, last, how), shape, raw, largest, over.notes())


def _parts(archive: Archive, title: str) -> dict[str, Pair]:
    """The examples and labels of each part, by the arrays' names, whatever their capitals.

    Raises:
        Wrong: there are none, or they cannot be used.
    """
    parts: dict[str, Pair] = {}
    for role, pair in pairs(archive, title).items():
        parts.setdefault(role or "training", pair)
    if "training" not in parts:
        names = ", ".join(plain_text(name)[:30] for name in list(archive.headers)[:8])
        text = f"{title} holds {names}; x and y are needed (or x_train, y_train, x_test, y_test)"
        raise Wrong("path", text)
    return parts


def pairs(archive: Archive, title: str, least: int = 2) -> dict[str, Pair]:
    """The examples and labels of each part, by the part's name: empty where the arrays name none.

    Args:
        least: examples that a pair of no part needs.

    Raises:
        Wrong: a pair cannot be used.
    """
    named: dict[tuple[str, str], str] = {}
    for name in archive.headers:
        match = _NAME.fullmatch(name.lower())
        if match and not (match["first"] and match["last"]):
            named.setdefault((ROLES.get(match["first"] or match["last"], ""), match["kind"]), name)
    parts: dict[str, Pair] = {}
    for role in ("", "training", "validation", "test"):
        x, y = (next((named[role, n] for n in some if (role, n) in named), None) for some in (INPUTS, LABELS))
        if x is not None and y is not None:
            parts[role] = _pair(archive, x, y, title, 1 if role else least)
    return parts


def _pair(archive: Archive, inputs: str, labels: str, title: str, least: int) -> Pair:
    x, y = archive.headers[inputs], archive.headers[labels]
    for found in (x, y):
        if isinstance(found, Wrong):
            raise found
    assert isinstance(x, Header)
    assert isinstance(y, Header)
    if not x.shape or not y.shape or x.shape[0] != y.shape[0] or x.shape[0] < least:
        wanted = "one or more" if least == 1 else "two or more"
        text = f"'{plain_text(inputs)}' has shape {x.shape} and '{plain_text(labels)}' {y.shape}"
        raise Wrong("path", f"{title}: {text}; as many labels as examples are needed, {wanted}")
    if x.dtype.kind in "US":
        raise Wrong("path", f"{title}: '{plain_text(inputs)}' is text; numbers are needed")
    return x, y


def bounded(labels: list[Header], title: str) -> None:
    """Refuse labels that would take more memory than labels need, before any of them is read."""
    what = f"{title}: the labels '{plain_text(labels[0].name)[:60]}'"
    longest, size = max(y.dtype.itemsize for y in labels), sum(y.size for y in labels)
    if sum(y.count for y in labels) > MOST_LABELS:
        raise Wrong("path", f"{what} are more than {MOST_LABELS:,}, the most that are read")
    if longest > LONGEST_LABEL:
        raise Wrong("path", f"{what} have {longest:,} bytes each; at most {LONGEST_LABEL:,} are read")
    if size > MOST_LABEL_BYTES:
        raise Wrong("path", f"{what} have {size:,} bytes; at most {MOST_LABEL_BYTES:,} are read")


def _facts(
    arrays: Arrays, plan: Plan, shape: tuple[int, ...], raw: list[Any], largest: int, over: tuple[str, ...]
) -> Facts:
    x, y = plan.parts["training"]
    sizes = {role: pair[0].shape[0] for role, pair in plan.parts.items()}
    test = sizes.get("test") or test_count(sizes["training"], arrays.test)
    validation = sizes.get("validation", 0)
    notes = list(said({role: (plain_text(plan.parts[role][0].name), n) for role, n in sizes.items()}))
    notes += plan.coding.notes
    top = None
    if largest >= 0:
        top, scaled = top_of(shape, largest)
        notes += scaled
    if plan.channels_last:
        notes.append("images with their channels last: they are put first")
    elif len(shape) == 3:
        notes.append(f"images with their channels first ({shape[0]})")
    if x.dtype.itemsize > 4 or (x.dtype.kind in "iu" and largest < 0):
        notes.append(f"'{plain_text(x.name)}' is {x.dtype.name}: it is trained on as float32")
    numbers = not plan.coding.names
    label = Column(plain_text(y.name), "label", values=len(plan.coding.names) or None)
    return Facts(
        kind=f"NumPy arrays (NPZ): {plain_text(x.name)} {x.dtype.name}, {plain_text(y.name)} {y.dtype.name}",
        shape=shape,
        pool=sizes["training"] + validation - (0 if "test" in sizes else test),
        test=test,
        validation=validation,
        target="regression" if numbers else "classes",
        classes=plan.coding.names,
        counts=plan.coding.counts(raw, arrays.title),
        outputs=plan.coding.outputs if numbers else 1,
        top=top,
        itemsize=1 if largest >= 0 else 4,
        columns=(Column(plain_text(x.name), "number"), label),
        notes=(*notes, *over),
        how=plan,
    )


def read(arrays: Arrays, progress: Progress | None = None) -> Part | PoolAndTest:
    """The examples of an NPZ file.

    Raises:
        Wrong: it is damaged, or a value is not finite.
    """
    plan: Plan = arrays.facts.how
    with open_file(Path(arrays.path), MOST_BYTES) as file:
        archive = Archive(file, arrays.title)
        parts = {}
        for role, pair in plan.parts.items():
            if any(archive.headers.get(header.name) != header for header in pair):
                raise Wrong("path", f"{arrays.title} was changed while it was read: start again")
            parts[role] = _part(arrays, archive, plan, pair, progress)
    return joined(parts)


def _part(arrays: Arrays, archive: Archive, plan: Plan, pair: Pair, progress: Progress | None) -> Part:
    x, y = pair
    report = None if progress is None else (lambda done: progress(arrays.title, done, x.size))
    raw = archive.read(x, report)
    labels = plan.coding.apply(archive.read(y), arrays.title)
    return Part(rows_of(raw, plan.channels_last, arrays.title), labels)
