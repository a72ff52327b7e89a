"""IDX files of the user's: examples with their labels, of one part or of both."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.data.own.byte_range import top_of
from tuiml.data.own.facts import MOST_LABELS, MOST_VALUES, Column, Facts, Wrong
from tuiml.data.own.location import exists
from tuiml.data.own.location import signature as file_signature
from tuiml.data.own.passed_over import PassedOver, left_over
from tuiml.data.own.split import joined, said, test_count
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.arrays import Part, PoolAndTest
    from tuiml.data.own.entries import Idx
    from tuiml.data.own.labels import Coding

MOST_FILES = 1000
"""Maximum number of files of a folder that are inspected."""
_NAME = re.compile(r"idx\d|idx$|ubyte", re.IGNORECASE)
_OTHER = re.compile(r"\.(zip|tar|tgz|bz2|xz|md5|sha\d+|txt|csv|png|np[yz]|json|xml|asc|sig)$", re.IGNORECASE)
"""Endings of what is no IDX file, whatever else its name has."""
_ROLES = (
    ("test", re.compile(r"^(t10k|test|eval)|[-_.]test[-_.]", re.IGNORECASE)),
    ("validation", re.compile(r"(^|[-_.])val(id(ation)?)?[-_.]", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Pair:
    """Examples and their labels."""

    images: Path
    labels: Path
    role: str = "training"


def _role(name: str) -> str:
    return next((role for role, pattern in _ROLES if pattern.search(name)), "training")


def files_in(folder: Path, over: PassedOver | None = None) -> list[Path]:
    """The files of a folder that are called as IDX files are, sorted; the rest is counted."""
    over = over or PassedOver()
    try:
        with os.scandir(folder) as entries:
            some = [e.name for e, _ in zip(entries, range(MOST_FILES), strict=False) if e.is_file()]
    except OSError:
        return []
    found = []
    for name in sorted(some):
        kind = left_over(name)
        if not kind and not is_named_so(folder / name):
            kind = "not called as IDX files are"
        if kind:
            over.add(kind, name)
        else:
            found.append(folder / name)
    return found


def is_named_so(path: Path) -> bool:
    """Whether a file is called as IDX files are."""
    return _NAME.search(path.name.removesuffix(".gz")) is not None and _OTHER.search(path.name) is None


def pairs(path: Path) -> list[Pair]:
    """The part to train on and, where there are any, the validation and the test part.

    Raises:
        Wrong: examples or labels are missing.
    """
    title = plain_text(path.name)
    if not path.is_dir():
        if "label" in path.name.lower():
            raise Wrong("path", f"{title} seems to hold labels: give the file of the examples, or the folder")
        return [Pair(path, _labels_of(path, files_in(path.parent)))]
    files = files_in(path)
    images = [file for file in files if "label" not in file.name.lower()]
    found = []
    for role in ("training", "validation", "test"):
        mine = [file for file in images if _role(file.name) == role]
        if len(mine) > 1 and len({_stem(file) for file in mine}) > 1:
            names = ", ".join(plain_text(file.name) for file in mine[:4])
            raise Wrong("path", f"{title} has several files of examples ({names}): give one of them")
        if mine:
            found.append(Pair(mine[0], _labels_of(mine[0], files), role))
        elif role == "training":
            raise Wrong("path", f"{title} has no IDX file of examples (such as train-images-idx3-ubyte)")
    return found


def _stem(file: Path) -> str:
    return file.name.removesuffix(".gz")


def _labels_of(images: Path, files: list[Path]) -> Path:
    """The file of labels that goes with one of examples: called alike, or the only one there is."""
    plain = re.sub(r"(?i)images?|data|examples?", "labels", _stem(images))
    wanted = re.sub(r"(?i)idx\d", "idx1", plain)
    labels = [file for file in files if "label" in file.name.lower()]
    alike = [file for file in labels if _stem(file) in (wanted, plain)]
    alone = [file for file in labels if _role(file.name) == _role(images.name)]
    if alike or len(alone) == 1:
        return (alike or alone)[0]
    raise Wrong("path", f"{plain_text(images.name)} has no labels beside it (such as {plain_text(wanted)})")


def signature(path: Path) -> tuple[Any, ...]:
    """What changes when a file of the set does."""
    own = file_signature(path)
    try:
        found = pairs(path)
    except Wrong:
        return own
    return (*own[:1], *(file_signature(f) for pair in found for f in (pair.images, pair.labels) if exists(f)))


def find(dataset: Idx) -> Facts:
    """The facts of IDX files: the headers of the examples, and the labels.

    Raises:
        DataError: a file is missing, or damaged.
    """
    from tuiml.data import idx
    from tuiml.data.own.labels import coding
    from tuiml.data.own.values import example_shape

    title, found = dataset.title, pairs(Path(dataset.path))
    headers = [idx.header(pair.images) for pair in found]
    shape, last = example_shape(headers[0][1], title)
    for pair, (_, dimensions) in zip(found, headers, strict=True):
        _check(title, pair, dimensions, headers[0][1])
    labels = [idx.read_any(pair.labels) for pair in found]
    how = coding(labels, "classes", title)
    bytes_only = all(kind == ">u1" for kind, _ in headers)
    largest = max(int(idx.read_any(pair.images).max()) for pair in found) if bytes_only else 0
    top, scaled = top_of(shape, largest) if bytes_only else (None, ())
    sizes = {pair.role: len(part) for pair, part in zip(found, labels, strict=True)}
    count, validation = sizes["training"], sizes.get("validation", 0)
    test = sizes.get("test") or test_count(count, dataset.test)
    parts = said({pair.role: (plain_text(pair.images.name), sizes[pair.role]) for pair in found})
    if count < 2:
        raise Wrong("path", f"{title} has {count} example: training needs two")
    return Facts(
        kind=_kind(headers[0][0], found),
        shape=shape,
        pool=count + validation - (0 if "test" in sizes else test),
        test=test,
        validation=validation,
        classes=how.names,
        counts=how.counts(labels, title),
        top=top,
        itemsize=1 if bytes_only else 4,
        columns=(Column("examples", "number"), Column("labels", "label", values=len(how.names))),
        notes=parts + how.notes + scaled + _passed_over(Path(dataset.path), found),
        how=(found, last, how),
    )


def _kind(values: str, found: list[Pair]) -> str:
    import numpy as np

    names = ", ".join(plain_text(pair.images.name) for pair in found)
    return f"IDX files of {np.dtype(values).name}: {names}"


def _check(title: str, pair: Pair, dimensions: tuple[int, ...], first: tuple[int, ...]) -> None:
    """Refuse examples of another shape than the ``first``, without a label each, or too many."""
    from tuiml.data import idx

    _, shape = idx.header(pair.labels)
    if dimensions[1:] != first[1:]:
        raise Wrong("path", f"{title}: {pair.role} examples have another shape than the others")
    if shape[0] != dimensions[0]:
        text = f"{plain_text(pair.images.name)} has {dimensions[0]:,} examples but {shape[0]:,} labels"
        raise Wrong("path", text)
    for file, most, count in (
        (pair.images, MOST_VALUES, math.prod(dimensions)),
        (pair.labels, MOST_LABELS, math.prod(shape)),
    ):
        if count > most:
            text = f"{plain_text(file.name)} announces {count:,} values; at most {most:,} are read"
            raise Wrong("path", text)


def _passed_over(path: Path, used: list[Pair]) -> tuple[str, ...]:
    """What a folder has beside the files that are read."""
    if not path.is_dir():
        return ()
    over = PassedOver()
    for file in files_in(path, over):
        if all(file not in (pair.images, pair.labels) for pair in used):
            over.add("IDX files that belong to no part", file.name)
    return over.notes()


def read(dataset: Idx) -> Part | PoolAndTest:
    """The examples.

    Raises:
        DataError: a file is damaged, or was changed.
    """
    from tuiml.data import idx
    from tuiml.data.arrays import Part
    from tuiml.data.own.values import rows_of

    found: list[Pair]
    how: Coding
    found, last, how = dataset.facts.how
    parts = {}
    for pair in found:
        raw, labels = idx.read_any(pair.images), idx.read_any(pair.labels)
        parts[pair.role] = Part(rows_of(raw, last, dataset.title), how.apply(labels, dataset.title))
    return joined(parts)
