"""Formulas as a graph: run a formula of ``nn`` on symbols and see which operations it is made of.

A :class:`Graph` is also an array namespace (the ``xp`` that formulas take), whose arrays are :class:`Node`.
Equal operations on equal arguments are one node, so a value that the forward pass computed is not computed
again by the backward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partialmethod
from typing import Any

import numpy as np

from tuiml.nn.layers.windows import Window

Shape = tuple[int, ...]
REDUCED = frozenset({"sum", "max"})
SMALL = 2048
"""Values of an array for which a call's own time counts more than the work done in it."""


@dataclass(eq=False, slots=True)
class Node:
    """One value: an input, a constant or the result of an operation."""

    graph: Graph
    op: str
    args: tuple[Node, ...]
    shape: Shape
    dtype: np.dtype[Any]
    attributes: tuple[Any, ...] = ()

    def __add__(self, other: Any) -> Node:
        return self.graph.binary("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Node:
        return self.graph.binary("subtract", self, other)

    def __rsub__(self, other: Any) -> Node:
        return self.graph.binary("subtract", other, self)

    def __mul__(self, other: Any) -> Node:
        return self.graph.binary("multiply", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Node:
        return self.graph.binary("divide", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return self.graph.binary("divide", other, self)

    def __neg__(self) -> Node:
        return self.graph.unary("negative", self)

    def __gt__(self, other: Any) -> Node:
        return self.graph.binary("greater", self, other, np.bool_)

    def __ge__(self, other: Any) -> Node:
        return self.graph.binary("greater_equal", self, other, np.bool_)

    def __xor__(self, other: Any) -> Node:
        return self.graph.binary("bitwise_xor", self, other)

    def __rshift__(self, other: Any) -> Node:
        return self.graph.binary("right_shift", self, other)


class Graph:
    """Collects operations; the namespace ``xp`` of a formula."""

    float32 = np.dtype(np.float32)

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], Node] = {}

    # -- leaves ---------------------------------------------------------------------------------------

    def input(self, label: str, shape: Shape, dtype: Any = np.float32) -> Node:
        """A value handed in under ``label``; shape ``()`` is a scalar that may change from run to run."""
        return self._node("input", (), shape, np.dtype(dtype), (label,))

    def constant(self, value: float, dtype: Any = np.float32) -> Node:
        return self._node("constant", (), (), np.dtype(dtype), (value,))

    def _node(
        self,
        op: str,
        args: tuple[Node, ...],
        shape: Shape,
        dtype: np.dtype[Any],
        attributes: tuple[Any, ...] = (),
    ) -> Node:
        key = (op, tuple(map(id, args)), dtype, attributes)
        if key not in self._known:
            self._known[key] = Node(self, op, args, shape, dtype, attributes)
            self.nodes.append(self._known[key])
        return self._known[key]

    # -- element by element ---------------------------------------------------------------------------

    def unary(self, op: str, x: Node) -> Node:
        return self._node(op, (x,), x.shape, x.dtype)

    def binary(self, op: str, a: Any, b: Any, dtype: Any = None) -> Node:
        for one, other in ((a, b), (b, a)):
            if op == "multiply" and isinstance(other, Node) and not isinstance(one, Node) and one == 1.0:
                return other
        like = a.dtype if isinstance(a, Node) else b.dtype
        if like == np.bool_:  # a mask times a number is a number
            like = self.float32
        a, b = (v if isinstance(v, Node) else self.constant(v, like) for v in (a, b))
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = (self._spread(v, shape) for v in (a, b))
        return self._node(op, (a, b), shape, np.dtype(dtype or like))

    def _spread(self, row: Node, shape: Shape) -> Node:
        """A reduced row repeated to ``shape``, if that is small: NumPy's own broadcasting takes longer."""
        if row.op in REDUCED and row.shape != shape and math.prod(shape) <= SMALL:
            return self._node("spread", (row,), shape, row.dtype)
        return row

    def __getattr__(self, name: str) -> Any:
        function = getattr(np, name, None)
        if isinstance(function, np.ufunc) and (function.nin, function.nout) == (1, 1):
            return lambda x: self.unary(name, x)
        raise AttributeError(f"formulas have no operation {name!r} here: add it to backends/graph.py")

    maximum = partialmethod(binary, "maximum")
    minimum = partialmethod(binary, "minimum")

    def where(self, mask: Node, a: Any, b: Any) -> Node:
        a, b = (v if isinstance(v, Node) else self.constant(v) for v in (a, b))
        shape = np.broadcast_shapes(mask.shape, a.shape, b.shape)
        return self._node("where", (mask, a, b), shape, self.float32)

    def astype(self, x: Node, dtype: Any) -> Node:
        return self._node("astype", (x,), x.shape, np.dtype(dtype))

    # -- over an axis ---------------------------------------------------------------------------------

    def sum(self, x: Node, axis: int | tuple[int, ...], keepdims: bool = True) -> Node:
        return self._reduce("sum", x, axis)

    def max(self, x: Node, axis: int | tuple[int, ...], keepdims: bool = True) -> Node:
        return self._reduce("max", x, axis)

    def mean(self, x: Node, axis: int | tuple[int, ...], keepdims: bool = True) -> Node:
        total = self.sum(x, axis)
        return total * (math.prod(total.shape) / math.prod(x.shape))

    def _reduce(self, op: str, x: Node, axis: int | tuple[int, ...]) -> Node:
        axes = axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(i for i in axes if x.shape[i] > 1)
        if not axes:
            return x
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        return self._node(op, (x,), shape, x.dtype, (axes[0] if len(axes) == 1 else axes,))

    # -- layers ---------------------------------------------------------------------------------------

    def image(self, x: Node, shape: Shape) -> Node:
        """(features, batch) as (channels, width, height, batch); ``shape`` is (channels, height, width)."""
        channels, height, width = shape
        logical = (channels, width, height, x.shape[-1])
        return self._node("image", (x,), logical, x.dtype, shape)

    def flatten(self, x: Node) -> Node:
        """(features, batch), channel by channel and row by row; a flat input as it is."""
        if len(x.shape) == 2:
            return x
        return self._node("flatten", (x,), (math.prod(x.shape[:-1]), x.shape[-1]), x.dtype)

    def unflatten(self, g: Node, x: Node) -> Node:
        """A gradient of :meth:`flatten`'s result in the shape of ``x``."""
        if len(x.shape) == 2:
            return g
        channels, width, height, _ = x.shape
        return self.image(g, (channels, height, width))

    def broadcast_to(self, x: Node, shape: Shape) -> Node:
        return x if x.shape == shape else self._node("broadcast_to", (x,), shape, x.dtype)

    def affine(self, weight: Node, bias: Node | None, x: Node) -> Node:
        """W x + b, (units, batch)."""
        args = (weight, x) if bias is None else (weight, x, bias)
        return self._node("affine", args, (weight.shape[0], x.shape[1]), self.float32)

    def affine_input_gradient(self, weight: Node, x: Node, g: Node) -> Node:
        """Wᵀ g, of x's shape."""
        return self._node("affine_input_gradient", (weight, g), x.shape, self.float32)

    def affine_gradients(self, weight: Node, bias: Node | None, x: Node, g: Node) -> dict[str, Node]:
        """g xᵀ for the weights and, in the same product, g's sum over the batch for the bias."""
        gradient = self._node("affine_gradient", (x, g), weight.shape, self.float32, (bias is not None,))
        return {"weight": gradient}

    def convolve(self, weight: Node, bias: Node | None, x: Node, rows: Window, columns: Window) -> Node:
        """Sums of weight × window, and the bias; ``weight`` is (filters, channels, height, width)."""
        args = [weight, self._patches(x, bias, rows, columns), *([] if bias is None else [bias])]
        shape = (weight.shape[0], columns.outputs, rows.outputs, x.shape[-1])
        return self._node("convolve", tuple(args), shape, self.float32, (rows, columns))

    def convolve_gradients(
        self, weight: Node, bias: Node | None, x: Node, g: Node, rows: Window, columns: Window
    ) -> dict[str, Node]:
        """dL/dweight and, in the same product, dL/dbias from ``g`` = dL/dy."""
        args = (self._patches(x, bias, rows, columns), g)
        attributes = (rows, columns, bias is not None)
        return {"weight": self._node("convolve_gradient", args, weight.shape, self.float32, attributes)}

    def convolve_input_gradient(self, weight: Node, x: Node, g: Node, rows: Window, columns: Window) -> Node:
        """dL/dx, of x's shape."""
        return self._node("convolve_input_gradient", (weight, g), x.shape, self.float32, (rows, columns))

    def _patches(self, x: Node, bias: Node | None, rows: Window, columns: Window) -> Node:
        """The image's rows, each once for every column of the kernel, and a row of ones for the bias."""
        channels, _, _, batch = x.shape
        shape = (rows.span, columns.size * channels + (bias is not None), columns.outputs * batch)
        return self._node("patches", (x,), shape, self.float32, (rows, columns))

    def max_window(self, x: Node, axis: int, window: Window) -> Node:
        """The greatest value of each window along an axis."""
        return self._window("max_window", x, axis, window, window.outputs)

    def mean_window(self, x: Node, axis: int, window: Window) -> Node:
        """The mean of each window along an axis; what lies beyond the edge does not count."""
        return self._window("mean_window", x, axis, window, window.outputs)

    def mean_window_gradient(self, g: Node, axis: int, window: Window, length: int) -> Node:
        return self._window("mean_window_gradient", g, axis, window, length)

    def max_window_gradient(self, x: Node, y: Node, g: Node, axis: int, window: Window) -> Node:
        """``g`` for the first of each window's greatest values, 0 for the others."""
        return self._node("max_window_gradient", (x, y, g), x.shape, self.float32, (axis, window))

    def _window(self, op: str, x: Node, axis: int, window: Window, length: int) -> Node:
        shape = tuple(length if i == axis else n for i, n in enumerate(x.shape))
        return self._node(op, (x,), shape, self.float32, (axis, window))
