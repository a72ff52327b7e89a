"""How a batch of images lies in memory.

To the formulas it is (channels, width, height, batch); it lies as a contiguous (height, channels, width,
batch), so that a few rows of an image are one matrix, and whatever is done runs over the batch innermost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array as values of this shape lie in memory."""
    if len(shape) != 4:
        return np.empty(shape, dtype)
    channels, width, height, batch = shape
    return np.empty((height, channels, width, batch), dtype).transpose(1, 2, 0, 3)


def as_it_lies(logical: Array) -> Array:
    """A batch of images as (height, channels, width, batch), contiguous if :func:`empty` made it."""
    return logical.transpose(2, 0, 1, 3)


def unfolded(flat: Array, shape: tuple[int, ...]) -> Array:
    """(features, batch) as (channels, width, height, batch), a view; ``shape`` is that of an image."""
    return flat.reshape(*shape, flat.shape[-1]).transpose(0, 2, 1, 3)


def laid(flat: Array, shape: tuple[int, ...]) -> Array:
    """A copy of (features, batch) as values of a layer of this output shape lie in memory."""
    if len(shape) == 1:
        return flat.copy()
    values = unfolded(flat, shape)
    found = empty(values.shape, flat.dtype)
    found[...] = values
    return found


def by_feature(output: Array) -> Array:
    """A layer's output as features × examples: of an image channel by channel, each row by row."""
    if output.ndim == 2:
        return output
    return output.transpose(0, 2, 1, 3).reshape(-1, output.shape[-1])


def by_unit(output: Array) -> Array:
    """A layer's output as units × values: an image's channels, each with all of its pixels and examples."""
    if output.ndim == 2:
        return output
    return output.transpose(0, 2, 1, 3).reshape(len(output), -1)
