"""``xp`` for the formulas, as MLX has it and can differentiate it.

A batch of images is (channels, width, height, batch) to the formulas: the transpose of MLX's own (batch,
height, width, channels), so nothing is copied on the way.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from tuiml.nn.layers.windows import Window

Array = Any


class Namespace:
    """MLX's own names, and the few of ours."""

    def __getattr__(self, name: str) -> Any:
        return getattr(mx, name)

    @staticmethod
    def astype(x: Array, dtype: Any) -> Array:
        return x.astype(dtype)

    @staticmethod
    def affine(weight: Array, bias: Array | None, x: Array) -> Array:
        return weight @ x if bias is None else mx.addmm(bias, weight, x)

    @staticmethod
    def image(x: Array, shape: tuple[int, ...]) -> Array:
        return x.reshape(*shape, x.shape[-1]).transpose(0, 2, 1, 3)

    @staticmethod
    def flatten(x: Array) -> Array:
        return x if x.ndim == 2 else x.transpose(0, 2, 1, 3).reshape(-1, x.shape[-1])

    @staticmethod
    def convolve(weight: Array, bias: Array | None, x: Array, rows: Window, columns: Window) -> Array:
        x = _padded(_padded(x.T, 1, rows, 0.0), 2, columns, 0.0)
        y = mx.conv2d(x, weight.transpose(0, 2, 3, 1), (rows.stride, columns.stride))
        return y.T if bias is None else (y + bias).T

    @staticmethod
    def max_window(x: Array, axis: int, window: Window) -> Array:
        axis = x.ndim - 1 - axis  # of MLX's own order, as the next operation takes it
        found, *rest = _places(_padded(x.T, axis, window, -mx.inf), axis, window)
        for values in rest:
            found = mx.maximum(values, found)  # of equal ones, the second gets all of the gradient
        return found.T

    @staticmethod
    def mean_window(x: Array, axis: int, window: Window) -> Array:
        shape = [1] * x.ndim
        axis = x.ndim - 1 - axis
        shape[axis] = x.T.shape[axis]
        inside = _places(_padded(mx.ones(shape), axis, window, 0.0), axis, window)
        places = _places(_padded(x.T, axis, window, 0.0), axis, window)
        mean: Array = sum(places[1:], places[0]) / sum(inside[1:], inside[0])
        return mean.T


XP = Namespace()


def _padded(x: Array, axis: int, window: Window, value: float) -> Array:
    """``x`` with as much around it as its windows need, and without what no window reaches."""
    pads = [(0, 0)] * x.ndim
    pads[axis] = (window.before, max(0, window.span - window.before - x.shape[axis]))
    if any(pads[axis]):
        x = mx.pad(x, pads, constant_values=value)
    return x[(slice(None),) * axis + (slice(0, window.span),)]


def _places(x: Array, axis: int, window: Window) -> list[Array]:
    """The values at each place of every window."""
    end = window.span - window.size + 1
    return [
        x[(slice(None),) * axis + (slice(offset, offset + end, window.stride),)]
        for offset in range(window.size)
    ]
