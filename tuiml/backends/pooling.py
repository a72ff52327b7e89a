"""Pooling as bound NumPy calls, one axis of an image at a time."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tuiml.backends.calls import CallList
from tuiml.backends.graph import Node
from tuiml.backends.layout import empty
from tuiml.nn.layers.windows import Window

Array = np.ndarray[Any, Any]


def _along(array: Array, axis: int, places: slice) -> Array:
    return array[(slice(None),) * axis + (places,)]


def _pairs(out: Array, x: Array, axis: int, window: Window) -> list[tuple[Array, Array]]:
    """For each place in a window: the windows that have it (of ``out``), and it (of ``x``)."""
    found = []
    for offset in range(window.size):
        there, here = window.places(offset, x.shape[axis])
        found.append((_along(out, axis, there), _along(x, axis, here)))
    return found


def max_window(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    pairs = _pairs(out, args[0], axis, window)
    if not window.within(args[0].shape[axis]):
        calls.add("lowest", out.shape, partial(out.fill, -np.inf))
    elif len(pairs) == 1:
        calls.add("max_window", out.shape, partial(np.copyto, *pairs[0]))
        return
    else:
        (_, first), (_, second), *pairs = pairs
        calls.add("max_window", out.shape, partial(np.maximum, first, second, out=out))
    for there, here in pairs:
        calls.add("max_window", there.shape, partial(np.maximum, there, here, out=there))


def max_window_gradient(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    """Each place in turn takes what is left of the gradient where it holds the greatest value."""
    axis, window = node.attributes
    x, y, g = args
    length = x.shape[axis]
    apart = window.stride >= window.size and window.within(length)
    if not apart or window.outputs * window.size != length:
        calls.add("zero", out.shape, partial(out.fill, 0.0))
    if apart:
        _scatter(calls, _pairs(y, x, axis, window), _pairs(g, out, axis, window))
        return
    left, mask, routed = empty(y.shape, np.float32), empty(y.shape, np.bool_), empty(y.shape, np.float32)
    calls.add("left", g.shape, partial(np.copyto, left, g))
    for offset in range(window.size):
        there, here = window.places(offset, length)
        rest, hit, part = (_along(a, axis, there) for a in (left, mask, routed))
        into = _along(out, axis, here)
        value, greatest = _along(x, axis, here), _along(y, axis, there)
        calls.add("equal", hit.shape, partial(np.equal, value, greatest, hit))
        calls.add("route", part.shape, partial(np.multiply, rest, hit, part))
        calls.add("add", into.shape, partial(np.add, into, part, into))
        calls.add("left", rest.shape, partial(np.subtract, rest, part, rest))


def _scatter(calls: CallList, values: list[tuple[Array, Array]], places: list[tuple[Array, Array]]) -> None:
    """The same for windows that do not overlap: every place is written once.

    Args:
        values: for each place in a window: every window's greatest value, and the value there.
        places: for each place in a window: every window's gradient, and where the place's is written.
    """
    left, last = places[0][0], places[-1][1]
    if len(places) == 1:
        calls.add("route", last.shape, partial(np.copyto, last, left))
        return
    mask = empty(left.shape, np.bool_)
    rest = empty(left.shape, np.float32) if len(places) > 2 else last
    for index, ((greatest, value), (_, place)) in enumerate(zip(values[:-1], places, strict=False)):
        calls.add("equal", mask.shape, partial(np.equal, value, greatest, mask))
        calls.add("route", place.shape, partial(np.multiply, left, mask, place))
        after = last if index == len(values) - 2 else rest
        calls.add("left", left.shape, partial(np.subtract, left, place, after))
        left = after


def _fractions(length: int, axis: int, window: Window) -> Array:
    """One over the number of places that each window has in the image, along ``axis``."""
    count = np.zeros(window.outputs, np.float32)
    for offset in range(window.size):
        count[window.places(offset, length)[0]] += 1.0
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return (1.0 / count).reshape(shape)


def mean_window(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    calls.add("zero", out.shape, partial(out.fill, 0.0))
    for there, here in _pairs(out, args[0], axis, window):
        calls.add("add", there.shape, partial(np.add, there, here, there))
    fractions = _fractions(args[0].shape[axis], axis, window)
    calls.add("mean_window", out.shape, partial(np.multiply, out, fractions, out))


def mean_window_gradient(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    each = empty(args[0].shape, np.float32)
    fractions = _fractions(node.shape[axis], axis, window)
    calls.add("mean_window_gradient", each.shape, partial(np.multiply, args[0], fractions, each))
    calls.add("zero", out.shape, partial(out.fill, 0.0))
    for there, here in _pairs(each, out, axis, window):
        calls.add("add", here.shape, partial(np.add, here, there, here))
