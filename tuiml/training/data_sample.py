"""A small sample of a data set, which the app shows: images, values of columns, class balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tuiml.data.arrays import Data, Part
from tuiml.training import codec
from tuiml.training.codec import Bounded, Count
from tuiml.training.inspections import record
from tuiml.training.inspections.network import as_bytes, clipped, floats, image_size, thinned

IMAGES = 40
"""Images, at most."""
SEARCHED = 4000
"""Examples among which an image of each class is looked for."""
BINS = 32
ROWS = 300
"""Examples whose values are shown, at most."""
COUNTED = 1 << 21
"""Values that the bins are counted of, about, at most."""


@dataclass(frozen=True)
class ColumnSample:
    """One feature, or one number of the target, over the training part, in the units of the data."""

    low: Bounded
    high: Bounded
    counts: Annotated[tuple[Count, ...], Field(max_length=BINS)]
    """Of equal bins from ``low`` to ``high``; of large data, of a part of the examples."""
    values: Annotated[tuple[Bounded, ...], Field(max_length=ROWS)]
    """Of the first examples."""


@dataclass(frozen=True)
class DataSample:
    """What is shown of the training part of a data set."""

    counts: Annotated[tuple[Count, ...], Field(max_length=record.CLASSES)]
    """Examples of each class."""
    width: record.Side
    height: record.Side
    """Of the images; 0: the examples are none."""
    images: record.Grids
    """Images of 0 to 255, an example of each class in turn."""
    labels: Annotated[tuple[record.ClassIndex, ...], Field(max_length=ROWS)]
    """Of the images; else of the first examples, whose values the columns have."""
    columns: Annotated[tuple[ColumnSample, ...], Field(max_length=record.VALUES)]
    """The first features of examples that are no images."""
    targets: Annotated[tuple[ColumnSample, ...], Field(max_length=record.VALUES)]
    """The first targets of a regression."""

    def to_json(self) -> dict[str, Any]:
        """The sample as JSON's types."""
        return codec.plain(self)


def read(value: Any) -> DataSample:
    """A sample from JSON's types.

    Raises:
        ValueError: it is none.
    """
    found = codec.read(DataSample, value)
    record.require(all(len(image) == found.width * found.height for image in found.images))
    record.require(not found.images or len(found.images) == len(found.labels) or bool(found.targets))
    return found


def data_sample(data: Data) -> DataSample:
    """A sample of the training part."""
    classes, part = min(len(data.classes), record.CLASSES), data.train
    labelled = data.target == "classes"
    counts: list[int] = []
    if labelled:
        counts = np.bincount(part.labels.astype(np.intp), minlength=classes)[:classes].tolist()
    size = image_size(data.shape)
    width = height = 0
    images: tuple[bytes, ...] = ()
    rows: NDArray[np.intp] = np.arange(min(ROWS, len(part)))
    if size:
        height, width, stride = thinned(size, record.SIDE)
        most = min(IMAGES, record.CELLS // max(1, width * height))
        rows = _in_turn(part, most) if labelled else rows[:most]
        images = _images(part, rows, size, stride)
    labels = np.minimum(part.labels[rows], max(0, classes - 1)).tolist() if labelled else ()
    targets = () if labelled else _columns(data.original(part.labels), len(rows))
    columns: tuple[ColumnSample, ...] = ()
    if not size:
        some = part.inputs[: max(ROWS, COUNTED // part.inputs.shape[1])]
        columns = _columns(data.raw(some), len(rows))
    return DataSample(tuple(counts), width, height, images, tuple(labels), columns, targets)


def _in_turn(part: Part, count: int) -> NDArray[np.intp]:
    """The first examples of each class, then the second ones of each, and so on."""
    labels = part.labels[:SEARCHED].astype(np.intp)
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    turn = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    chosen: NDArray[np.intp] = order[np.lexsort((ordered, turn))][:count]
    return chosen


def _images(part: Part, rows: NDArray[np.intp], size: tuple[int, int], stride: int) -> tuple[bytes, ...]:
    some = part.inputs[:256]
    low, high = min(0.0, float(some.min())), float(some.max())
    raw = part.inputs[rows].reshape(len(rows), -1, *size)[:, :, ::stride, ::stride]
    fractions = (raw.astype(np.float64).mean(axis=1) - low) / ((high - low) or 1.0)
    return tuple(image.tobytes() for image in as_bytes(fractions))


def _columns(values: NDArray[Any], rows: int) -> tuple[ColumnSample, ...]:
    found = []
    for column in clipped(values)[:, : record.VALUES].T:
        known = column[np.isfinite(column)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        counts = np.histogram(known, BINS, (low, high))[0] if high > low else [len(known)]
        shown = floats(column[:rows].astype(np.float32))
        found.append(ColumnSample(low, high, tuple(map(int, counts)), shown))
    return tuple(found)
