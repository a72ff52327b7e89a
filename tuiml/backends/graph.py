"""Formulas as a graph: run a formula of ``nn`` on symbols and see which operations it is made of.

A :class:`Graph` is also an array namespace (the ``xp`` that formulas take), whose arrays are :class:`Node`.
Equal operations on equal arguments are one node, so a value that the forward pass computed is not computed
again by the backward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
UNARY = frozenset({"exp", "expm1", "log", "log1p", "sqrt", "square", "tanh", "abs", "sign", "negative"})
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
        if name in UNARY:
            return lambda x: self.unary(name, x)
        raise AttributeError(f"formulas have no operation {name!r} here: add it to backends/graph.py")

    def maximum(self, a: Any, b: Any) -> Node:
        return self.binary("maximum", a, b)

    def minimum(self, a: Any, b: Any) -> Node:
        return self.binary("minimum", a, b)

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

    def flatten(self, x: Node) -> Node:
        """Examples lie flat already: (features, batch) whatever their shape."""
        return x

    def unflatten(self, g: Node, x: Node) -> Node:
        return g

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
