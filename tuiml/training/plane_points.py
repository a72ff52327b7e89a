"""The data's points for charts: the limits of what is drawn, a grid over it, some of the points."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuiml.data.arrays import Data
from tuiml.training.inspection_records_base import POINTS

Array = np.ndarray[Any, Any]
MARGIN = 0.08
"""Room around the data's points, as a part of their range."""
HELD_OUT = POINTS // 4
"""Points shown that are of the validation part, at most."""


def limits_of(data: Data) -> Array:
    """The least and the greatest of each input of the training points, with some room: left, right, …"""
    low, high = data.train.inputs.min(0), data.train.inputs.max(0)
    room = np.maximum((high - low) * MARGIN, 1e-6)
    return np.stack([low - room, high + room], axis=1).astype(np.float64).ravel()


def points_of(data: Data) -> tuple[Array, Array, int]:
    """Some points and their labels; the last ones, so many, are of the validation part."""
    held_out = data.validation[: min(HELD_OUT, len(data.validation))]
    train = data.train[: POINTS - len(held_out)]
    parts = (train, held_out)
    inputs, labels = (
        np.concatenate(values) for values in zip(*((p.inputs, p.labels) for p in parts), strict=True)
    )
    return inputs, labels, len(held_out)


def grid(limits: Array, columns: int, rows: int) -> Array:
    """The middles of a rectangle's cells, the top row first: (cells, 2)."""
    left, right, bottom, top = limits
    xs = left + (np.arange(columns) + 0.5) * (right - left) / columns
    ys = top - (np.arange(rows) + 0.5) * (top - bottom) / rows
    x, y = np.meshgrid(xs, ys)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def places(points: Array, limits: Array) -> tuple[bytes, bytes]:
    """Where points of the plane lie between its limits: x, y, each 0 to 255."""
    parts = (points - limits[::2]) / np.subtract(limits[1::2], limits[::2])
    xs, ys = as_bytes(parts).T
    return xs.tobytes(), ys.tobytes()


def as_bytes(parts: Array) -> Array:
    """Parts of a whole, 0 to 1, as bytes."""
    found: Array = np.rint(np.clip(np.nan_to_num(parts), 0, 1) * 255).astype(np.uint8)
    return found
