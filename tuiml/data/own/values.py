"""Raw values of examples made a network's: shape, channels first, float32 that is finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.own.facts import Wrong

CHANNELS = (1, 3, 4)
LARGEST = np.finfo(np.float32).max
_BLOCK = 1 << 20


def example_shape(shape: tuple[int, ...], title: str) -> tuple[tuple[int, ...], bool]:
    """The shape of one example, images with their channels first, and whether these were last.

    Args:
        shape: of all of them, the examples first.

    Raises:
        Wrong: no network takes it.
    """
    each = shape[1:]
    if len(each) > 3 or math.prod(each) == 0:
        text = f"examples of shape {'×'.join(map(str, each))}"
        raise Wrong("path", f"{title} has {text}; from one to three dimensions are read, none of them empty")
    if len(each) == 3 and each[0] not in CHANNELS and each[2] in CHANNELS:
        return (each[2], each[0], each[1]), True
    return each or (1,), False


def rows_of(raw: NDArray[Any], channels_last: bool, title: str) -> NDArray[Any]:
    """(n, features), C-contiguous: bytes as they are, all else as finite floats.

    Raises:
        Wrong: a value is not finite, or too large for float32; its place is said.
    """
    if channels_last:
        raw = raw.transpose(0, 3, 1, 2)
    if raw.dtype == np.uint8:
        return np.ascontiguousarray(raw).reshape(len(raw), -1)
    wide = raw.dtype.itemsize > 4 or (raw.dtype.kind in "iu" and raw.dtype.itemsize == 4)
    exact = np.float64 if wide else np.float32  # which may lose digits
    found = np.empty((len(raw), math.prod(raw.shape[1:])), exact)
    step = max(1, _BLOCK // max(1, found.shape[1]))
    wrong, first = 0, ""
    for start in range(0, len(raw), step):
        block = found[start : start + step]
        with np.errstate(over="ignore", invalid="ignore"):
            block[:] = raw[start : start + step].reshape(len(block), -1)
        bad = ~(np.abs(block) <= LARGEST)
        if bad.any():
            wrong += int(bad.sum())
            row, place = np.argwhere(bad)[0]
            value = raw[start : start + step].reshape(len(block), -1)[row, place]
            first = first or f"value {place:,} of example {start + row:,} is {value}"
    if wrong:
        raise Wrong("path", f"{title}: {first}, no finite float32 ({wrong:,} such values); correct them")
    return found
