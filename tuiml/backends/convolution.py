"""Convolutions as bound NumPy calls.

One row of an image, shifted once for each column of the kernel, is a block of kernel width × channels rows
of ``patches``. The blocks of the image's rows follow each other, so all that an output row is made of is
one contiguous matrix; that of the next output row overlaps it, and one batched product over them is the whole
convolution. An image is copied kernel-width times, where the usual "im2col" copies it kernel-area times.

A row of ones in each block carries the bias, as it does for dense layers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tuiml.backends.calls import CallList
from tuiml.backends.graph import Node
from tuiml.backends.layout import as_it_lies
from tuiml.nn.layers.windows import Window

Array = np.ndarray[Any, Any]


def patches(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
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
        calls.add("patches", target.shape, partial(np.copyto, target, x[:used, :, here]))


def _each_row(patches: Array, rows: Window) -> Array:
    """What each output row is made of, (rows, kernel values, columns × batch): blocks that overlap."""
    _, block, columns = patches.shape
    shape = (rows.outputs, rows.size * block, columns)
    row, value, column = patches.strides
    return as_strided(patches, shape, (rows.stride * row, value, column), writeable=False)


def convolve(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    rows, _ = node.attributes
    weight, patches = args[0], args[1]
    block, filters = patches.shape[1], node.shape[0]
    kernel = weight
    if len(args) == 3:  # between the weights of one kernel row and the next, place for the row of ones
        kernel = np.zeros((rows.size * block, filters), np.float32)
        by_row = kernel.reshape(rows.size, block, filters)
        values = weight[:-1].reshape(rows.size, block - 1, filters)
        calls.add("weights", values.shape, partial(np.copyto, by_row[:, :-1], values))
        calls.add("bias", (filters,), partial(np.copyto, by_row[0, -1], weight[-1]))
    product = as_it_lies(out).reshape(rows.outputs, filters, -1)
    calls.add("convolve", node.shape, partial(np.matmul, kernel.T, _each_row(patches, rows), out=product))


def convolve_gradient(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    rows, _, bias = node.attributes
    patches, g = args
    filters, block = node.shape[0], patches.shape[1]
    behind = as_it_lies(g).reshape(rows.outputs, filters, -1).transpose(0, 2, 1)
    products = np.empty((rows.outputs, rows.size * block, filters), np.float32)
    product = partial(np.matmul, _each_row(patches, rows), behind, out=products)
    calls.add("convolve_gradient", products.shape, product)
    total = np.empty(products.shape[1:], np.float32) if bias else out
    calls.add("sum", products.shape, partial(np.add.reduce, products, axis=0, out=total))
    if bias:
        by_row = total.reshape(rows.size, block, filters)
        values = out[:-1].reshape(rows.size, block - 1, filters)
        calls.add("weights", values.shape, partial(np.copyto, values, by_row[:, :-1]))
        calls.add("bias", (filters,), partial(np.copyto, out[-1], by_row[0, -1]))


def convolve_input_gradient(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    """The gradient of ``patches``, row by row, then summed over the columns of the kernel."""
    rows, columns = node.attributes
    dx, g = as_it_lies(out), as_it_lies(args[1])
    height, channels, width, batch = dx.shape
    filters, block = g.shape[1], columns.size * channels
    weight = args[0][: rows.size * block].reshape(rows.size, block, filters)
    spread = np.zeros((rows.span, block, columns.outputs * batch), np.float32)
    seen = range(rows.before, rows.before + height)
    for first in range(min(rows.stride, rows.size)):
        _spread(calls, weight[first :: rows.stride], g, spread, range(first, rows.span, rows.stride), seen)
    used = min(height, rows.span - rows.before)
    shifts = spread.reshape(rows.span, columns.size, channels, columns.outputs, batch)
    calls.add("zero", dx.shape, partial(dx.fill, 0.0))
    for offset in range(columns.size):
        there, here = columns.places(offset, width)
        target = dx[:used, :, here]
        source = shifts[rows.before : rows.before + used, offset, :, there]
        first_one = partial(np.copyto, target, source)
        calls.add("add", target.shape, partial(np.add, target, source, target) if offset else first_one)


def _spread(calls: CallList, weight: Array, g: Array, spread: Array, places: range, seen: range) -> None:
    """Fill the rows at ``places``: the sum over kernel rows k of weight[k] × (the output row k above).

    Args:
        weight: (kernel rows, kernel columns × channels, filters), those that meet these rows.
        g: (output rows, filters, columns, batch).
        seen: rows of ``spread`` that are not beyond the image's edge.
    """
    size, block, filters = weight.shape
    outputs = len(g)
    kernel = np.empty((block, size, filters), np.float32)
    matrix = kernel.reshape(block, -1)
    backwards = weight[::-1].transpose(1, 0, 2)
    calls.add("weights", kernel.shape, partial(np.copyto, kernel, backwards))
    flat = g.reshape(outputs * filters, -1)
    inner = range(size - 1, outputs)  # rows that meet all of the kernel: one batched product
    if inner:
        row, value = filters * flat.strides[0], flat.strides[0]
        shape = (len(inner), size * filters, flat.shape[1])
        together = as_strided(flat, shape, (row, value, flat.strides[1]), writeable=False)
        target = spread[places.start :: places.step][inner.start : inner.stop]
        calls.add("convolve_input_gradient", target.shape, partial(np.matmul, matrix, together, out=target))
    for q, place in enumerate(places):
        if q in inner or place not in seen:
            continue
        low, high = max(0, q - size + 1), min(q, outputs - 1) + 1
        skipped = low - (q - size + 1)
        part = matrix[:, skipped * filters : (skipped + high - low) * filters]
        product = partial(np.matmul, part, flat[low * filters : high * filters], out=spread[place])
        calls.add("convolve_input_gradient", spread[place].shape, product)
