"""The data's points on charts: the limits of the chart, a grid over it, and some of the points."""

from __future__ import annotations

from typing import Any

import numpy as np

from tuiml.backends.engine import Array
from tuiml.data.arrays import Data
from tuiml.training.inspections.network import as_bytes
from tuiml.training.inspections.record import POINTS

MARGIN = 0.08
"""Room around the data's points, as a fraction of their range."""
HELD_OUT = POINTS // 4
"""Points of the validation part, at most."""


def limits_of(data: Data) -> Array:
    """The least and the greatest of each input of the training part, with a margin: left, right, …"""
    low, high = data.train.inputs.min(0), data.train.inputs.max(0)
    room = np.maximum((high - low) * MARGIN, 1e-6)
    return np.stack([low - room, high + room], axis=1).astype(np.float64).ravel()


def raw_limits(data: Data, limits: Array) -> Any:
    """Limits as the data set has its values: left, right, …"""
    return tuple(data.raw(limits.reshape(-1, 2).T).T.ravel().tolist())


def points_of(data: Data) -> tuple[Array, Array, int]:
    """Some points and their labels, and how many of them, the last ones, are of the validation part."""
    held_out = data.validation[: min(HELD_OUT, len(data.validation))]
    train = data.train[: POINTS - len(held_out)]
    inputs = np.concatenate([train.inputs, held_out.inputs])
    return inputs, np.concatenate([train.labels, held_out.labels]), len(held_out)


def grid(limits: Array, columns: int, rows: int) -> Array:
    """The centres of a rectangle's cells, the top row first: (cells, 2)."""
    left, right, bottom, top = limits
    xs = left + (np.arange(columns) + 0.5) * (right - left) / columns
    ys = top - (np.arange(rows) + 0.5) * (top - bottom) / rows
    x, y = np.meshgrid(xs, ys)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def places(points: Array, limits: Array) -> tuple[bytes, bytes]:
    """Where points of the plane lie between its limits: x, y, each 0 to 255."""
    fractions = (points - limits[::2]) / np.subtract(limits[1::2], limits[::2])
    xs, ys = as_bytes(fractions).T
    return xs.tobytes(), ys.tobytes()
