"""Convolutions and pooling as bound NumPy calls for a :class:`~tuiml.backends.plan.Plan`.

A batch of pictures is (channels, width, height, batch) to the formulas, and lies in memory as a contiguous
(height, channels, width, batch). Then

* one row of the picture, shifted once for each column of the kernel, is a block of kernel width × channels
  rows of ``patches``; the blocks of the rows below follow it, so what an output row is made of is one
  contiguous matrix, that of the next output row overlaps it, and one batched product is the convolution:
  a picture is copied kernel-width times, not kernel-area times as in the usual "im2col";
* pooling works on long runs of the batch.

A row of ones in each block carries the bias, as it does for dense layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tuiml.backends.graph import Node
from tuiml.nn.layers.windows import Window

if TYPE_CHECKING:
    from tuiml.backends.plan import Plan

Array = np.ndarray[Any, Any]
Emitter = Callable[["Plan", Node, list[Array], Array], None]
OWN = frozenset({"patches"})
"""Operations whose array is theirs alone: zeros around the picture and rows of ones stay in it."""


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array as values of this shape lie in memory."""
    if len(shape) != 4:
        return np.empty(shape, dtype)
    channels, width, height, batch = shape
    return np.empty((height, channels, width, batch), dtype).transpose(1, 2, 0, 3)


def as_it_lies(logical: Array) -> Array:
    """A batch of pictures as (height, channels, width, batch), contiguous if :func:`empty` made it."""
    return logical.transpose(2, 0, 1, 3)


def unfolded(flat: Array, shape: tuple[int, ...]) -> Array:
    """(features, batch) as (channels, width, height, batch), a view; ``shape`` is that of a picture."""
    return flat.reshape(*shape, flat.shape[-1]).transpose(0, 2, 1, 3)


def laid(flat: Array, shape: tuple[int, ...]) -> Array:
    """A copy of (features, batch) as values of a layer of this output shape lie in memory."""
    if len(shape) == 1:
        return flat.copy()
    values = unfolded(flat, shape)
    found = empty(values.shape, flat.dtype)
    found[...] = values
    return found


def by_unit(output: Array) -> Array:
    """A layer's output as units × values: a picture's channels, each with all of its pixels and examples."""
    if output.ndim == 2:
        return output
    return output.transpose(0, 2, 1, 3).reshape(len(output), -1)


def _picture(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    plan.add("picture", node.shape, partial(np.copyto, out, unfolded(args[0], node.attributes)))


def _flatten(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    channels, width, height, _ = args[0].shape
    plan.add("flatten", node.shape, partial(np.copyto, unfolded(out, (channels, height, width)), args[0]))


def _broadcast_to(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    plan.add("broadcast_to", node.shape, partial(np.copyto, out, args[0]))


# -- convolution ------------------------------------------------------------------------------------------


def _patches(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    rows, columns = node.attributes
    x = as_it_lies(args[0])
    height, channels, width, batch = x.shape
    shifts = out.reshape(rows.span, -1, columns.outputs, batch)
    shifts.fill(0.0)
    shifts[:, columns.size * channels :] = 1.0
    used = min(height, rows.span - rows.before)
    for offset in range(columns.size):
        there, here = columns.places(offset, width)
        block = slice(offset * channels, (offset + 1) * channels)
        target = shifts[rows.before : rows.before + used, block, there]
        plan.add("patches", target.shape, partial(np.copyto, target, x[:used, :, here]))


def _each_row(patches: Array, rows: Window) -> Array:
    """What each output row is made of, (rows, kernel values, columns × batch): blocks that overlap."""
    _, block, columns = patches.shape
    shape = (rows.outputs, rows.size * block, columns)
    row, value, column = patches.strides
    return as_strided(patches, shape, (rows.stride * row, value, column), writeable=False)


def _convolve(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    rows, _ = node.attributes
    weight, patches = args[0], args[1]
    block, filters = patches.shape[1], node.shape[0]
    kernel = weight
    if len(args) == 3:  # between the weights of one kernel row and the next, place for the row of ones
        kernel = np.zeros((rows.size * block, filters), np.float32)
        by_row = kernel.reshape(rows.size, block, filters)
        values = weight[:-1].reshape(rows.size, block - 1, filters)
        plan.add("weights", values.shape, partial(np.copyto, by_row[:, :-1], values))
        plan.add("bias", (filters,), partial(np.copyto, by_row[0, -1], weight[-1]))
    product = as_it_lies(out).reshape(rows.outputs, filters, -1)
    plan.add("convolve", node.shape, partial(np.matmul, kernel.T, _each_row(patches, rows), out=product))


def _convolve_gradient(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    rows, _, bias = node.attributes
    patches, g = args
    filters, block = node.shape[0], patches.shape[1]
    behind = as_it_lies(g).reshape(rows.outputs, filters, -1).transpose(0, 2, 1)
    products = np.empty((rows.outputs, rows.size * block, filters), np.float32)
    product = partial(np.matmul, _each_row(patches, rows), behind, out=products)
    plan.add("convolve_gradient", products.shape, product)
    total = np.empty(products.shape[1:], np.float32) if bias else out
    plan.add("sum", products.shape, partial(np.add.reduce, products, axis=0, out=total))
    if bias:
        by_row = total.reshape(rows.size, block, filters)
        values = out[:-1].reshape(rows.size, block - 1, filters)
        plan.add("weights", values.shape, partial(np.copyto, values, by_row[:, :-1]))
        plan.add("bias", (filters,), partial(np.copyto, out[-1], by_row[0, -1]))


def _convolve_input_gradient(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    """The gradient of ``patches``, row by row, then summed over the columns of the kernel."""
    rows, columns = node.attributes
    dx, g = as_it_lies(out), as_it_lies(args[1])
    height, channels, width, batch = dx.shape
    filters, block = g.shape[1], columns.size * channels
    weight = args[0][: rows.size * block].reshape(rows.size, block, filters)
    spread = np.zeros((rows.span, block, columns.outputs * batch), np.float32)
    seen = range(rows.before, rows.before + height)
    for first in range(min(rows.stride, rows.size)):
        _spread(plan, weight[first :: rows.stride], g, spread, range(first, rows.span, rows.stride), seen)
    used = min(height, rows.span - rows.before)
    shifts = spread.reshape(rows.span, columns.size, channels, columns.outputs, batch)
    plan.add("zero", dx.shape, partial(dx.fill, 0.0))
    for offset in range(columns.size):
        there, here = columns.places(offset, width)
        target = dx[:used, :, here]
        source = shifts[rows.before : rows.before + used, offset, :, there]
        first_one = partial(np.copyto, target, source)
        plan.add("add", target.shape, partial(np.add, target, source, target) if offset else first_one)


def _spread(plan: Plan, weight: Array, g: Array, spread: Array, places: range, seen: range) -> None:
    """Fill the rows at ``places``: the sum over kernel rows k of weight[k] × (the output row k above).

    Args:
        weight: (kernel rows, kernel columns × channels, filters), those that meet these rows.
        g: (output rows, filters, columns, batch).
        seen: rows of ``spread`` that are not beyond the picture's edge.
    """
    size, block, filters = weight.shape
    outputs = len(g)
    kernel = np.empty((block, size, filters), np.float32)
    matrix = kernel.reshape(block, -1)
    backwards = weight[::-1].transpose(1, 0, 2)
    plan.add("weights", kernel.shape, partial(np.copyto, kernel, backwards))
    flat = g.reshape(outputs * filters, -1)
    inner = range(size - 1, outputs)  # rows that meet all of the kernel: one batched product
    if inner:
        row, value = filters * flat.strides[0], flat.strides[0]
        shape = (len(inner), size * filters, flat.shape[1])
        together = as_strided(flat, shape, (row, value, flat.strides[1]), writeable=False)
        target = spread[places.start :: places.step][inner.start : inner.stop]
        plan.add("convolve_input_gradient", target.shape, partial(np.matmul, matrix, together, out=target))
    for q, place in enumerate(places):
        if q in inner or place not in seen:
            continue
        low, high = max(0, q - size + 1), min(q, outputs - 1) + 1
        skipped = low - (q - size + 1)
        part = matrix[:, skipped * filters : (skipped + high - low) * filters]
        product = partial(np.matmul, part, flat[low * filters : high * filters], out=spread[place])
        plan.add("convolve_input_gradient", spread[place].shape, product)


# -- pooling ----------------------------------------------------------------------------------------------


def _along(array: Array, axis: int, places: slice) -> Array:
    return array[(slice(None),) * axis + (places,)]


def _pairs(out: Array, x: Array, axis: int, window: Window) -> list[tuple[Array, Array]]:
    """For each place in a window: the windows that have it (of ``out``), and it (of ``x``)."""
    found = []
    for offset in range(window.size):
        there, here = window.places(offset, x.shape[axis])
        found.append((_along(out, axis, there), _along(x, axis, here)))
    return found


def _max_window(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    pairs = _pairs(out, args[0], axis, window)
    if not window.within(args[0].shape[axis]):
        plan.add("lowest", out.shape, partial(out.fill, -np.inf))
    elif len(pairs) == 1:
        plan.add("max_window", out.shape, partial(np.copyto, *pairs[0]))
        return
    else:
        (_, first), (_, second), *pairs = pairs
        plan.add("max_window", out.shape, partial(np.maximum, first, second, out=out))
    for there, here in pairs:
        plan.add("max_window", there.shape, partial(np.maximum, there, here, out=there))


def _max_window_gradient(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    """Each place in turn takes what is left of the gradient where it holds the greatest value."""
    axis, window = node.attributes
    x, y, g = args
    length = x.shape[axis]
    apart = window.stride >= window.size and window.within(length)
    if not apart or window.outputs * window.size != length:
        plan.add("zero", out.shape, partial(out.fill, 0.0))
    if apart:
        _scatter(plan, _pairs(y, x, axis, window), _pairs(g, out, axis, window))
        return
    left, mask, share = empty(y.shape, np.float32), empty(y.shape, np.bool_), empty(y.shape, np.float32)
    plan.add("left", g.shape, partial(np.copyto, left, g))
    for offset in range(window.size):
        there, here = window.places(offset, length)
        rest, hit, part = (_along(a, axis, there) for a in (left, mask, share))
        into = _along(out, axis, here)
        value, greatest = _along(x, axis, here), _along(y, axis, there)
        plan.add("equal", hit.shape, partial(np.equal, value, greatest, hit))
        plan.add("share", part.shape, partial(np.multiply, rest, hit, part))
        plan.add("add", into.shape, partial(np.add, into, part, into))
        plan.add("left", rest.shape, partial(np.subtract, rest, part, rest))


def _scatter(plan: Plan, values: list[tuple[Array, Array]], places: list[tuple[Array, Array]]) -> None:
    """The same for windows that do not overlap: every place is written once.

    Args:
        values: for each place in a window: every window's greatest value, and the value there.
        places: for each place in a window: every window's gradient, and where the place's is written.
    """
    left, last = places[0][0], places[-1][1]
    if len(places) == 1:
        plan.add("share", last.shape, partial(np.copyto, last, left))
        return
    mask = empty(left.shape, np.bool_)
    rest = empty(left.shape, np.float32) if len(places) > 2 else last
    for index, ((greatest, value), (_, place)) in enumerate(zip(values[:-1], places, strict=False)):
        plan.add("equal", mask.shape, partial(np.equal, value, greatest, mask))
        plan.add("share", place.shape, partial(np.multiply, left, mask, place))
        after = last if index == len(values) - 2 else rest
        plan.add("left", left.shape, partial(np.subtract, left, place, after))
        left = after


def _shares(length: int, axis: int, window: Window) -> Array:
    """One over the number of places that each window has in the picture, along ``axis``."""
    count = np.zeros(window.outputs, np.float32)
    for offset in range(window.size):
        count[window.places(offset, length)[0]] += 1.0
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    return (1.0 / count).reshape(shape)


def _mean_window(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    plan.add("zero", out.shape, partial(out.fill, 0.0))
    for there, here in _pairs(out, args[0], axis, window):
        plan.add("add", there.shape, partial(np.add, there, here, there))
    shares = _shares(args[0].shape[axis], axis, window)
    plan.add("mean_window", out.shape, partial(np.multiply, out, shares, out))


def _mean_window_gradient(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    axis, window = node.attributes
    each = empty(args[0].shape, np.float32)
    shares = _shares(node.shape[axis], axis, window)
    plan.add("mean_window_gradient", each.shape, partial(np.multiply, args[0], shares, each))
    plan.add("zero", out.shape, partial(out.fill, 0.0))
    for there, here in _pairs(each, out, axis, window):
        plan.add("add", here.shape, partial(np.add, here, there, here))


EMITTERS: dict[str, Emitter] = {
    "picture": _picture,
    "flatten": _flatten,
    "broadcast_to": _broadcast_to,
    "patches": _patches,
    "convolve": _convolve,
    "convolve_gradient": _convolve_gradient,
    "convolve_input_gradient": _convolve_input_gradient,
    "max_window": _max_window,
    "max_window_gradient": _max_window_gradient,
    "mean_window": _mean_window,
    "mean_window_gradient": _mean_window_gradient,
}
