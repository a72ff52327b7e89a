"""New examples with their labels, coded as those that a run was trained on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data import idx
from tuiml.data.base import Dataset
from tuiml.data.own import new_examples, new_table
from tuiml.data.own.blocks import Layout
from tuiml.data.own.cells import BLANKS, MISSING, PLAIN, is_missing, number
from tuiml.data.own.columns import LABEL_NAMES
from tuiml.data.own.entries import Arrays, Idx, Images, Table
from tuiml.data.own.facts import MOST_BYTES, Wrong
from tuiml.data.own.idx_files import pairs as pairs_beside
from tuiml.data.own.labels import Coding
from tuiml.data.own.layout import layout_of
from tuiml.data.own.location import first_bytes, open_file
from tuiml.data.own.new_examples import NewExamples, listed
from tuiml.data.own.new_table import find_column, lacks
from tuiml.data.own.npy import Archive
from tuiml.data.own.npz import bounded, pairs
from tuiml.data.own.rows import Rows
from tuiml.data.own.table_plan import Feature, Plan, missing_of
from tuiml.registry import short
from tuiml.text import plain_text

Array = NDArray[Any]
UNSEEN, ABSENT = -1, -2
"""Codes of a label that training never had, and of none."""


class Targets:
    """What a run predicts, and how labels of new examples are written that mean it."""

    def __init__(self, classes: Sequence[str], outputs: int, texts: Mapping[str, int] | None = None) -> None:
        """Args:
        classes: their names; none of a regression.
        outputs: numbers that a regression predicts of an example.
        texts: from a label's text in the run's own file to its class; ``None``: it had no such texts,
            and labels may be the places of the classes, from 0.
        """
        self.classes, self.outputs = tuple(classes), outputs
        counts = Counter(self.classes)  # a name that was cut may be that of two classes: it tells nothing
        names = {name: place for place, name in enumerate(self.classes) if counts[name] == 1}
        self._texts = names | dict(texts or {})
        values = {number(text): place for text, place in self._texts.items()}
        self.by_place = texts is None and all(value is None for value in values)
        if self.by_place:
            values = {float(place): place for place in range(len(self.classes))}
        self._values = values if None not in values else {}

    @property
    def regression(self) -> bool:
        return not self.classes

    def code(self, text: str, missing: Collection[str] = MISSING) -> int:
        """The class of a label's text, :data:`UNSEEN` or :data:`ABSENT`; 1.0 means the class 1, too."""
        cell = text.strip(BLANKS)
        for key in (cell, plain_text(cell)[:60]):
            if key in self._texts:
                return self._texts[key]
        if is_missing(cell, missing):
            return ABSENT
        return self._values.get(number(cell), UNSEEN)


def read(path: Path, dataset: Dataset, targets: Targets) -> NewExamples:
    """The labelled examples that lie at a path.

    Args:
        dataset: what the run was trained on.

    Raises:
        DataError: they cannot be read, are not such as the run was trained on, or none has a label.
    """
    kind = new_examples.kind_of(path)
    if kind == Table.name:
        return table(path, dataset, targets)
    readers = {Images.name: pictures, Arrays.name: arrays, Idx.name: idx_files}
    return readers[kind](path, dataset.shape, targets)


def _classified(
    examples: NewExamples,
    texts: Sequence[str],
    targets: Targets,
    title: str,
    missing: Collection[str] = MISSING,
) -> NewExamples:
    """The examples with classes, from their labels' texts."""
    codes = {text: targets.code(text, missing) for text in set(texts)}
    return _labelled(examples, np.array([codes[text] for text in texts], np.int64), texts, targets, title)


def _labelled(
    examples: NewExamples, labels: Array, texts: Sequence[object], targets: Targets, title: str
) -> NewExamples:
    """The examples that have a label.

    Args:
        labels: (n,) codes, or (n, outputs) numbers with NaN for one that is missing.
        texts: the labels as they are written, for a message.
    """
    notes, kind = list(examples.notes), examples.kind
    absent: Array = np.asarray(np.isnan(labels).any(axis=1) if targets.regression else labels == ABSENT)
    if absent.all():
        raise Wrong("path", f"{title}: no {kind} has a label")
    if absent.any():
        some = listed([str(examples.names[at]) for at in np.flatnonzero(absent).tolist()])
        notes.append(f"{kind}s without a label are passed over ({int(absent.sum()):,}): {some}")
    if not targets.regression:
        odd = Counter(str(texts[at]) for at in np.flatnonzero(labels == UNSEEN).tolist())
        found = listed([f"{short(text)} ({n:,})" for text, n in odd.most_common()])
        if odd and (labels[~absent] == UNSEEN).all():
            raise Wrong(
                "path", f"{title}: no label is a class of the run ({listed(targets.classes)}): {found}"
            )
        if targets.by_place and any(number(str(text)) is not None for text in set(texts)):
            notes.append("labels are numbers: they are taken as the places of the classes, from 0")
        if odd:
            notes.append(f"labels that training never had, left out: {found}")
    kept = ~absent
    names = tuple(name for name, keep in zip(examples.names, kept.tolist(), strict=True) if keep)
    return replace(
        examples, names=names, inputs=examples.inputs[kept], labels=labels[kept], notes=tuple(notes)
    )


# -- tables -----------------------------------------------------------------------------------------------


def table(path: Path, dataset: Dataset, targets: Targets) -> NewExamples:
    """The rows of a table with their labels.

    Args:
        dataset: what the run was trained on.

    Raises:
        Wrong: as :func:`.new_table.read`; it has no label's column, or no label.
    """
    title, own = plain_text(path.name)[:80], new_table.table_of(path, dataset)
    plan = new_table.plan_of(dataset)
    if not isinstance(dataset, Table):
        plan = _plan_with_labels(path, math.prod(dataset.shape), targets)
    examples = new_table.read(path, dataset, plan, labelled=True)
    layout, _, _ = new_table.placed(path, title, own, plan)
    columns = _label_columns(title, layout, plan)
    kept = set(examples.names)
    if targets.regression:
        features = [Feature(at, style=style) for at, style in zip(columns, plan.label_styles, strict=True)]
        values, _, numbers = new_table.TableReader(path, title, own, layout, features, []).values()
        rows = [at for at, row in enumerate(numbers) if row in kept]
        return _labelled(examples, values[rows], (), targets, title)
    reading = Rows(path, layout)
    cells = [cell for block in reading.blocks() for cell in block.column(columns[0])]
    numbers = new_table.row_numbers(len(cells), layout.header, reading.blank)
    texts = [cell.strip(BLANKS) for cell, row in zip(cells, numbers, strict=True) if row in kept]
    return _classified(examples, texts, targets, title, missing_of(own))


def _label_columns(title: str, layout: Layout, plan: Plan) -> list[int]:
    wanted = [plan.layout.names[index] for index in plan.labels]
    if layout.names == plan.layout.names or not (plan.layout.header and layout.header):
        if len(layout.names) == len(plan.layout.names):
            return list(plan.labels)
        raise Wrong("path", f"{title} has no labels: the column {listed(wanted)} is not there")
    found = [find_column(title, name, layout.names) for name in wanted]
    lacking = [name for name, at in zip(wanted, found, strict=True) if at is None]
    if lacking:
        raise lacks(title, lacking, layout.names, wanted, "label")
    return [at for at in found if at is not None]


def _plan_with_labels(path: Path, features: int, targets: Targets) -> Plan:
    """How to read a table with labels for a run that was trained on no table.

    The label is the column called label, class, target or y, else the last; of several numbers they are the
    last ones. The other columns are the inputs, in their order.

    Raises:
        Wrong: it has another number of columns.
    """
    title = plain_text(path.name)[:80]
    layout = layout_of(path, Table(path=str(path)))
    count, labels = len(layout.names), targets.outputs
    if count != features + labels:
        word = "a label" if labels == 1 else f"{labels:,} labels"
        text = f"{title} has {count:,} column{'s' * (count != 1)}; {features:,} inputs and {word} are needed"
        raise Wrong("path", text)
    lower = [name.lower() for name in layout.names]
    named = [lower.index(name) for name in LABEL_NAMES if lower.count(name) == 1]
    places = named[:1] if named and labels == 1 else list(range(features, count))
    inputs = tuple(Feature(index) for index in range(count) if index not in places)
    columns = tuple(f"column {index + 1}" for index in range(count))
    return Plan(Layout(",", False, columns), inputs, tuple(places), (PLAIN,) * labels, {}, 0, frozenset())


# -- arrays and images ------------------------------------------------------------------------------------


def arrays(path: Path, shape: tuple[int, ...], targets: Targets) -> NewExamples:
    """The examples and labels of an NPZ file: x and y, else those of its test part.

    Args:
        shape: of one example.

    Raises:
        Wrong: it has no labels, or other ones than the run; or as :func:`.new_examples.arrays`.
    """
    title = plain_text(path.name)[:80]
    if first_bytes(path, 6) == b"\x93NUMPY":
        text = f"{title} has no labels: save examples and labels with numpy.savez(file, x=…, y=…)"
        raise Wrong("path", text)
    with open_file(path, MOST_BYTES) as file:
        archive = Archive(file, title)
        found = pairs(archive, title, least=1)
        role = next((role for role in ("", "test", "validation", "training") if role in found), None)
        if role is None:
            names = listed(list(archive.headers))
            raise Wrong("path", f"{title} holds {names}; examples are to be called x and their labels y")
        bounded([found[role][1]], title)
        inputs, raw = (archive.read(header) for header in found[role])
    used = [plain_text(header.name)[:30] for header in found[role]]
    others = [name for name in archive.headers if name not in [header.name for header in found[role]]]
    notes = [f"{used[0]} and {used[1]} are evaluated; not used: {listed(others)}"] if others else []
    return _of_arrays(new_examples.of_array(inputs, shape, title, notes), raw, targets, title)


def idx_files(path: Path, shape: tuple[int, ...], targets: Targets) -> NewExamples:
    """The examples of an IDX file and the labels beside it; of a folder those of its test part if it has one.

    Raises:
        DataError: there are no labels; or as :func:`.new_examples.idx_file`.
    """
    found = {pair.role: pair for pair in pairs_beside(path)}
    pair = found.get("test", next(iter(found.values())))
    title = plain_text(pair.images.name)[:80]
    notes = [f"{title} and {plain_text(pair.labels.name)[:80]} are evaluated"]
    examples = new_examples.of_array(idx.read_any(pair.images), shape, title, notes)
    return _of_arrays(examples, idx.read_any(pair.labels), targets, title)


def _of_arrays(examples: NewExamples, raw: Array, targets: Targets, title: str) -> NewExamples:
    """The examples with the labels in an array."""
    if len(examples.inputs) != len(raw):
        raise Wrong("path", f"{title} has {len(examples.inputs):,} examples, but {len(raw):,} labels")
    if targets.regression:
        return _labelled(examples, _numbers(raw, targets, title), (), targets, title)
    return _classified(examples, _texts(raw, targets, title), targets, title)


def _numbers(raw: Array, targets: Targets, title: str) -> Array:
    if raw.dtype.kind not in "buif" or raw.size != len(raw) * targets.outputs:
        found = "×".join(map(str, raw.shape[1:])) or "1"
        text = f"labels are {found} of {raw.dtype}; the run predicts {targets.outputs:,} numbers an example"
        raise Wrong("path", f"{title}: {text}")
    values = raw.reshape(len(raw), -1).astype(np.float64)
    wrong = np.flatnonzero(np.isinf(values).any(axis=1))
    if len(wrong):
        raise Wrong("path", f"{title}: the label of example {wrong[0]:,} is not finite")
    return values


def _texts(raw: Array, targets: Targets, title: str) -> list[str]:
    """Labels of classes as they are written in a table; of one-hot rows the name of the class."""
    if raw.ndim == 2 and raw.shape[1] == len(targets.classes) and raw.dtype.kind in "buif":
        single: list[bool] = (np.count_nonzero(raw, axis=1) == 1).tolist()
        places: list[int] = raw.argmax(axis=1).tolist()
        return [targets.classes[k] if one else "" for k, one in zip(places, single, strict=True)]
    if raw.size != len(raw):
        raise Wrong("path", f"{title}: labels of shape {'×'.join(map(str, raw.shape[1:]))} are no classes")
    return _written(raw.reshape(-1))


def _written(values: Array) -> list[str]:
    if values.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in values.tolist()]
    return [str(value) for value in values.tolist()]


def texts_of(coding: Coding) -> dict[str, int] | None:
    """From the labels of a run's own arrays, as texts, to their classes; ``None`` of one-hot rows."""
    if coding.values is None:
        return None
    return {text: place for place, text in enumerate(_written(coding.values))}


def pictures(path: Path, shape: tuple[int, ...], targets: Targets) -> NewExamples:
    """The pictures in a folder that has a folder for each class, or of its test part.

    Raises:
        Wrong: it has no such folders; or as :func:`.new_examples.pictures`.
    """
    from tuiml.data.own.image_folders import labelled_images

    title = plain_text(path.name)[:80]
    if targets.regression:
        raise Wrong("path", f"{title} is for images of classes; the run predicts numbers")
    if not path.is_dir():
        raise Wrong("path", f"{title} has no label: give a folder with a folder of images for each class")
    files, notes = labelled_images(path)
    examples = new_examples.pictures(path, shape, files, notes)
    return _classified(examples, [file.parent.name for file in files], targets, title, ())
