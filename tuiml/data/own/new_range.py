"""Pixels of new examples in the units that a run's data has: bytes, or fractions from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.arrays import Data
from tuiml.data.own.byte_range import FEW, PIXELS
from tuiml.data.own.facts import Wrong
from tuiml.data.own.new_examples import NewExamples

WHITE = 255.0


def in_units_of(data: Data, top: float | None, examples: NewExamples) -> NewExamples:
    """The examples in the units of a run's data: fractions for bytes, or bytes for fractions, are scaled, and
    what is odd is said.

    Args:
        top: the raw value that stands for white in the run's data, where its columns share one.

    Raises:
        Wrong: the run was trained on pixels from 0 to 255, and these are neither such nor fractions.
    """
    known: NDArray[np.bool_] = np.isfinite(examples.inputs)
    if examples.pixels or not known.any():
        return examples
    values = examples.inputs[known]
    least, most = float(values.min()), float(values.max())
    if data.train.inputs.dtype == np.uint8:
        return _for_bytes(data, top, examples, bool((values == np.rint(values)).all()), (least, most))
    if _bytes(examples.inputs) and most >= PIXELS and _fractions(data):
        note = f"the values are {least:g} to {most:g}, the run was trained on 0 to 1: they are divided by 255"
        return replace(examples, inputs=examples.inputs / WHITE, notes=(*examples.notes, note))
    return examples


def _for_bytes(
    data: Data, top: float | None, examples: NewExamples, whole: bool, ends: tuple[float, float]
) -> NewExamples:
    (least, most), pixels = ends, top is not None and (top == WHITE or len(data.shape) > 1)
    said = f"the values are {least:g} to {most:g}"
    reach = top if top is not None else float(data.train.inputs.max())
    trained = f"the run was trained on whole numbers from 0 to {reach:g}"
    if pixels and (least < 0 or most > WHITE):
        raise Wrong("path", f"{said}; {trained}: give those, or fractions from 0 to 1")
    factor = 1.0
    if top is not None and least >= 0 and 0 < most <= 1 < top and (not whole or top >= PIXELS):
        factor = top
    elif top is not None and pixels and whole and top < PIXELS <= most:
        factor = top / WHITE
    if factor != 1.0:
        note = f"{said}, {trained}: they are multiplied by {factor:.3g}"
        return replace(examples, inputs=examples.inputs * factor, notes=(*examples.notes, note))
    if not whole or least < 0 or most > reach or (top is not None and 0 < most <= 1 < top):
        note = f"{said}{'' if whole else ', not all whole'}; {trained}: they are taken as they are"
        return replace(examples, notes=(*examples.notes, note))
    return examples


def _bytes(inputs: NDArray[Any]) -> bool:
    whole = (inputs >= 0) & (inputs <= WHITE) & (inputs == np.rint(inputs))
    return inputs.dtype == np.uint8 or bool(whole.all())


def _fractions(data: Data) -> bool:
    """Whether a run's data are pixels from 0 to 1."""
    moved = data.raw_shift.any() or data.raw_exponents.any()
    inputs = data.train.inputs
    return not moved and math.prod(data.shape) >= FEW and inputs.min() >= 0 and 0.5 < inputs.max() <= 1
