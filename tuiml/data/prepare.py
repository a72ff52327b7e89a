"""From a data set's declaration to the arrays of a run: read, split into parts, scaled."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data import notices, store
from tuiml.data.arrays import Data, Labels, Part, PoolAndTest, Values, reorder, single
from tuiml.data.datasets import Dataset, Digits, Files, Own, Seeded
from tuiml.data.errors import DataError
from tuiml.data.kinds import Normalize, Progress, Scaling
from tuiml.data.own import reading, split

_DRAW = 0x5053
"""Keeps the draw of the parts apart from other uses of the same seed."""
_NOTHING = np.empty(0, np.float32)
_BLOCK = 1 << 20
"""Values converted at a time: a few megabytes, whatever the data's size."""
FAR = 1e3
"""Times its standard deviation that a column lies from 0 to be centred in float64."""
PIXEL = 255.0
"""What every byte was divided by before 0.3."""
SMALL = 1e-30
"""Values below this are near the smallest float32."""


def load(dataset: Dataset, seed: int, progress: Progress | None = None) -> Data:
    """The three parts, drawn with ``seed`` (at least 0), and their normalization.

    ``mnist`` and ``fashion-mnist`` are downloaded where no folder has them.

    Raises:
        DataError: the options do not fit the data; a file is missing, damaged or out of reach.
    """
    _refuse(dataset)
    return draw(dataset, read(dataset, seed, progress), seed)


def load_here(dataset: Dataset, seed: int) -> Data | None:
    """As :func:`load`, but never downloaded: ``None`` where the data is not on this machine.

    Raises:
        DataError: the options do not fit the data, or a file of the user's is damaged.
    """
    _refuse(dataset)
    examples = store.read_here(dataset.origin) if isinstance(dataset, Files) else read(dataset, seed)
    return None if examples is None else draw(dataset, examples, seed)


def read(dataset: Dataset, seed: int, progress: Progress | None = None) -> PoolAndTest:
    """Every example, as it lies in the files or comes from the generator, in new arrays.

    Raises:
        DataError: a file is missing or damaged.
    """
    if isinstance(dataset, Own):
        return split.pool_and_test(dataset, reading.examples(dataset, progress))
    if isinstance(dataset, Files):
        return store.read_origin(dataset.origin, progress)
    if isinstance(dataset, Digits):
        return store.read_digits(dataset.test_examples)
    assert isinstance(dataset, Seeded)
    return dataset.generate(seed)


def _refuse(dataset: Dataset) -> None:
    for field, message in dataset.problems():
        raise DataError(f"data.{field}: {message}")


def draw(dataset: Dataset, examples: PoolAndTest, seed: int) -> Data:
    """Draw the training and validation parts of ``examples`` and find the normalization.

    The validation examples come first in the draw: runs that differ in ``train`` alone are judged on
    the same ones, and a smaller training part is contained in a larger. ``examples`` is used up: its pool
    may be reordered where it lies.

    Raises:
        DataError: a label has no class, or an input or a number of the target is not finite.
    """
    for part in examples:
        _check(dataset, part)
    notices.refuse_unsound(dataset, examples)
    print_of = notices.fingerprint(examples) if dataset.kind == "own" else ""
    training, held_out, made_anew = _drawn(dataset, examples.pool, seed)
    if dataset.fills:
        _fill(training.inputs, (training, held_out, examples.test))
    (training, held_out, test), raw = _in_single(dataset.normalize, training, held_out, examples.test)
    shift, scale = normalization(training.inputs, dataset.normalize, dataset.top)
    middle, width = _NOTHING, _NOTHING
    if dataset.target == "regression":
        middle, width = _scaling(training.labels, dataset.target_scaling())
        training, held_out, test = (_scaled(part, middle, width) for part in (training, held_out, test))
    for part in (training, held_out, test):
        part.inputs.setflags(write=False)
        part.labels.setflags(write=False)
    data = Data(
        *(dataset.shape, dataset.classes, training, held_out, test, shift, scale),
        dataset.normalize,
        dataset.target,
        fingerprint=_with_rules(print_of, dataset, made_anew),
        target_shift=middle,
        target_scale=width,
        raw_shift=raw[0],
        raw_exponents=raw[1],
    )
    return replace(data, notices=notices.notices(dataset, data))


def _with_rules(print_of: str, dataset: Dataset, made_anew: bool) -> str:
    """A fingerprint with what no version before 0.3 did: a run of one gets a notice when it is resumed."""
    scaled = dataset.kind == "own" and dataset.itemsize == 1 and dataset.normalize == "unit"
    other = f" top {dataset.top}" if scaled and dataset.top != PIXEL else ""
    other += " stratified" if made_anew else ""
    return hashlib.sha256(f"{print_of}{other}".encode()).hexdigest() if other else print_of


def _fill(like: Values, parts: Iterable[Part]) -> None:
    """Put the mean of ``like``'s column in place of every value of the parts that is missing (NaN)."""
    found = list(parts)
    gone = np.zeros(like.shape[1], np.bool_)
    for part in found:
        gone |= np.isnan(part.inputs).any(axis=0)
    for column in np.flatnonzero(gone):
        known = like[:, column][~np.isnan(like[:, column])]
        mean = known.mean(dtype=np.float64) if len(known) else 0.0
        for part in found:
            values = part.inputs[:, column]
            values[np.isnan(values)] = mean


def _drawn(dataset: Dataset, pool: Part, seed: int) -> tuple[Part, Part, bool]:
    """The training and the validation part, and whether they are stratified since chance left a class out."""
    train, validation, _ = dataset.sizes()
    order = drawn = np.random.Generator(np.random.PCG64([seed, _DRAW])).permutation(len(pool))
    made_anew = False
    if dataset.folds is not None:
        labels = pool.labels if dataset.target == "classes" else None
        order = split.fold_first(order, labels, dataset.folds, dataset.fold)
    elif isinstance(dataset, Own) and dataset.facts.validation:
        order = split.held_first(order, dataset.facts.validation, validation)
    elif dataset.kind == "own" and dataset.target == "classes":
        order = split.stratified(order, pool.labels, validation)
        made_anew = order is not drawn
    chosen = order[: train + validation]
    labels = pool.labels[chosen]
    # Where most of it is wanted it is reordered where it lies: the parts are views, and nothing is doubled.
    most = 2 * len(chosen) >= len(pool)
    inputs = reorder(pool.inputs, order) if most else pool.inputs[chosen]
    training = Part(inputs[validation : len(chosen)], labels[validation:])
    return training, Part(inputs[:validation], labels[:validation]), made_anew


def _far_or_small(like: Values, normalize: Normalize) -> tuple[NDArray[Any], NDArray[Any]]:
    """The power of 2 that tiny columns are multiplied by, and what is subtracted from those that are then far
    from 0 beside their spread: float32 has 7 digits and ends at 1e-38."""
    shift, exponents = np.zeros(like.shape[1]), np.zeros(like.shape[1], np.int64)
    if normalize != "none":
        peak = np.maximum(-like.min(axis=0), like.max(axis=0))
        small = (peak > 0) & (peak < SMALL)
        exponents[small] = -np.floor(np.log2(peak[small])).astype(np.int64)
        mean, deviation = _moments(like)
        if small.any():
            mean[small], deviation[small] = _moments(np.ldexp(like[:, small], exponents[small]))
        far = (deviation > 0) & (np.abs(mean) > FAR * deviation)
        shift[far] = np.where(deviation > 1, np.rint(mean), mean)[far]
    return shift, exponents


def _in_single(
    normalize: Normalize, training: Part, *others: Part
) -> tuple[list[Part], tuple[NDArray[Any], NDArray[Any]]]:
    """The parts in float32, and the shift and the exponents of their columns; empty if they were in it."""
    parts = [training, *others]
    if all(part.inputs.dtype != np.float64 for part in parts):
        return parts, (np.empty(0), np.empty(0, np.int64))
    raw = _far_or_small(training.inputs, normalize)
    return [Part(single(part.inputs, *raw), part.labels) for part in parts], raw


def _scaled(part: Part, shift: NDArray[np.float32], scale: NDArray[np.float32]) -> Part:
    """The part with its targets as they are trained on."""
    return Part(part.inputs, (np.asarray(part.labels, np.float32) - shift) * scale)


def _scaling(targets: Labels, scaling: Scaling) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``target_shift`` and ``target_scale``; a number that never varies keeps its unit."""
    if scaling == "none":
        return np.zeros(targets.shape[1], np.float32), np.ones(targets.shape[1], np.float32)
    shift, scale = normalization(np.asarray(targets, np.float32), "standard")
    scale = np.asarray(scale)
    return np.asarray(shift), np.where(scale > 0, scale, np.float32(1))


def _check(dataset: Dataset, part: Part) -> None:
    """Every example has its label, and every label its class."""
    if len(part.inputs) != len(part.labels):
        raise DataError(
            f"'{dataset.title}' has {len(part.inputs)} examples but {len(part.labels)} labels: fetch it again"
        )
    if dataset.target == "regression":
        _check_numbers(dataset, part)
        return
    wrong = np.flatnonzero((part.labels < 0) | (part.labels >= len(dataset.classes)))
    if len(wrong):
        raise DataError(
            f"'{dataset.title}': example {wrong[0]} has label {part.labels[wrong[0]]}, "
            f"labels go from 0 to {len(dataset.classes) - 1}"
        )


def _check_numbers(dataset: Dataset, part: Part) -> None:
    if part.labels.dtype != np.float32 or part.labels.shape != (len(part), dataset.outputs):
        raise DataError(
            f"'{dataset.title}': its targets are not {dataset.outputs} float32 numbers an example"
        )
    wrong = np.flatnonzero(~np.isfinite(part.labels).all(axis=1))
    if len(wrong):
        raise DataError(f"'{dataset.title}': the target of example {wrong[0]} is not a finite number")


def normalization(
    inputs: Values, normalize: Normalize, top: float | None = None
) -> tuple[np.float32 | NDArray[np.float32], np.float32 | NDArray[np.float32]]:
    """``shift`` and ``scale`` so that ``(x - shift) * scale`` of the training part is normalized.

    ``none``: 0 and 1. ``unit``: 0…``top`` to 0…1, else each feature's smallest and largest value to 0
    and 1. ``standard``: each feature to mean 0 and variance 1 (divided by n). A feature that never
    varies gets scale 0.

    Args:
        inputs: (n, features), the training part, n ≥ 1.
        normalize: which of the three.
        top: the largest raw value there can be, where the data set declares it.
    """
    if normalize == "none":
        return np.float32(0), np.float32(1)
    if normalize == "unit" and top is not None:
        return np.float32(0), np.float32(1 / top)
    low = np.min(inputs, axis=0).astype(np.float64)
    high = np.max(inputs, axis=0).astype(np.float64)
    if normalize == "unit":
        shift, spread = low, high - low
    else:
        shift, spread = _moments(inputs)
    # Differences below the precision of float32 are rounding, not variance.
    varies = spread > 1e-7 * np.maximum(np.abs(low), np.abs(high))
    scale = np.zeros_like(spread)
    np.divide(1.0, spread, out=scale, where=varies)
    scale[scale > np.finfo(np.float32).max] = 0.0
    return shift.astype(np.float32), scale.astype(np.float32)


def _moments(inputs: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each column, in two passes of float64 blocks."""
    mean = np.zeros(inputs.shape[1])
    for rows in _blocks(inputs):
        mean += rows.sum(axis=0)
    mean /= len(inputs)
    squares = np.zeros_like(mean)
    for rows in _blocks(inputs):
        rows -= mean
        squares += np.einsum("ij,ij->j", rows, rows)
    return mean, np.sqrt(squares / len(inputs))


def _blocks(inputs: Values) -> Iterator[NDArray[np.float64]]:
    step = math.ceil(_BLOCK / inputs.shape[1])
    for start in range(0, len(inputs), step):
        yield inputs[start : start + step].astype(np.float64)
