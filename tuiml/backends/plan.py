"""A graph compiled to a list of bound NumPy calls on buffers that were allocated once.

Each value gets an array when it is computed and gives it up after its last use; an element-wise result is
written over an argument that nobody needs any more. So a run of the plan allocates nothing, and reads as what
it is: ``print(plan)``.

Every (n, batch) buffer has one more row of ones behind its last: an activation is then ready to be multiplied
by weights whose last row is the bias, without a pass to add it or to sum its gradient. How images lie is
in :mod:`tuiml.backends.layout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import convolution, pooling
from tuiml.backends.calls import CallList, CallSequence
from tuiml.backends.graph import Graph, Node
from tuiml.backends.layout import empty, unfolded

Array = np.ndarray[Any, Any]
KEYWORD_OUT = frozenset({"maximum", "minimum"})
EMITTERS = {
    emit.__name__: emit
    for emit in (
        *(convolution.patches, convolution.convolve),
        *(convolution.convolve_gradient, convolution.convolve_input_gradient),
        *(pooling.max_window, pooling.max_window_gradient),
        *(pooling.mean_window, pooling.mean_window_gradient),
    )
}
"""What adds the calls of an operation on images, by its name."""
OWN = frozenset({"patches"})
"""Operations whose array is theirs alone: zeros around the image and rows of ones stay in it."""
SHAPED = frozenset(
    {"affine", "affine_input_gradient", "affine_gradient", "spread", "sum", "max"}
    | {"image", "flatten", "broadcast_to", *EMITTERS}
)
"""Operations whose result cannot be written over an argument."""


class Plan(CallSequence):
    """Calls to run in order.

    Args:
        inputs: the array of each of the graph's inputs, by label.
        outputs: for each value wanted, the array it is written to (which may be that of an input), or
            ``None`` for a buffer of the plan's own, found with :meth:`array`.
        donated: labels of inputs that may be overwritten once they are no longer needed.
        with_ones: the arrays of inputs that have a row of ones behind their last, by label, with that row.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Mapping[str, Array],
        outputs: Mapping[Node, Array | None],
        donated: Iterable[str] = (),
        with_ones: Mapping[str, Array] | None = None,
    ) -> None:
        self.calls = CallList()
        self._taken: list[Array] = []
        self._inputs = inputs
        self._outputs = outputs
        self._donated = frozenset(donated)
        self._arrays: dict[Node, Array] = {}
        self._free: dict[tuple[Any, ...], list[Array]] = {}
        self._constants: dict[tuple[Any, ...], Array] = {}
        self._copies: list[tuple[Array, Array]] = []
        self._order = _needed(graph, outputs)
        self._last_use = _last_uses(self._order, outputs)
        self._owner: dict[int, Node] = {}
        self._done_at: dict[Node, int] = {}
        self._with_ones = {id(inputs[label]): full for label, full in (with_ones or {}).items()}
        self._compile()
        super().__init__([call.run for call in self.calls], self._temporary())

    def split(self, node: Node) -> tuple[CallSequence, CallSequence]:
        """The calls up to the one that computes ``node``, and the rest."""
        cut = self._done_at[node]
        then = self.bound[cut:]
        return CallSequence(self.bound[:cut], self.own, then), CallSequence(then, self.own)

    def array(self, node: Node) -> Array:
        """Where an output lies."""
        return self._arrays[node]

    def __str__(self) -> str:
        return "\n".join(f"{c.op} {'×'.join(map(str, c.shape))}" for c in self.calls)

    # -- buffers --------------------------------------------------------------------------------------

    def _compile(self) -> None:
        for now, node in enumerate(self._order):
            if node.op == "input":
                self._arrays[node] = self._inputs[node.attributes[0]]
                self._owner[id(self._arrays[node])] = node
            elif node.op == "constant":
                self._arrays[node] = np.asarray(node.attributes[0], node.dtype)
            else:
                out = self._buffer(node, now)
                self._emit(node, out)
                self._arrays[node] = out
                self._owner[id(out)] = node
                self._done_at[node] = len(self.calls)
                self._release(node, now)
        for target, source in self._copies:
            self.calls.add("copy", target.shape, partial(np.copyto, target, source))

    def _buffer(self, node: Node, now: int) -> Array:
        """The array to compute ``node`` into."""
        wanted = self._outputs.get(node)
        if wanted is not None:
            owner = self._owner.get(id(wanted))
            if owner is None or self._last_use[owner] < now or self._over(node, owner, now):
                return wanted
            # What lies there is needed after this: compute beside it and copy at the end.
            spare = self._take(node)
            self._copies.append((wanted, spare))
            return spare
        for arg in node.args:
            # An output of its own stays out of the arrays that other outputs are written to in the end.
            if self._over(node, arg, now) and not (node in self._outputs and self._wanted(self._arrays[arg])):
                return self._arrays[arg]
        return self._take(node)

    def _wanted(self, array: Array) -> bool:
        """Whether an output is to be written to this array."""
        return any(array is wanted for wanted in self._outputs.values())

    def _over(self, node: Node, arg: Node, now: int) -> bool:
        """Whether ``node`` may be written over its argument ``arg``, for which this is the last use."""
        if node.op in SHAPED or arg not in node.args or self._last_use[arg] != now:
            return False
        if arg.shape != node.shape or arg.dtype != node.dtype or arg.op == "constant":
            return False
        if arg.op == "input" and arg.attributes[0] not in self._donated:
            return False
        return node.op != "where" or (arg is node.args[2] and arg not in node.args[:2])

    def _take(self, node: Node) -> Array:
        free = self._free.get((node.shape, node.dtype))
        if free and node.op not in OWN:
            return free.pop()
        if len(node.shape) == 2 and node.dtype == np.float32:
            full = np.ones((node.shape[0] + 1, node.shape[1]), node.dtype)
            array = full[:-1]
            self._with_ones[id(array)] = full
        else:
            array = empty(node.shape, node.dtype)
        self._taken.append(array)
        return array

    def _temporary(self) -> list[tuple[int, int]]:
        """The memory of the buffers that hold no output."""
        ends = np.lib.array_utils.byte_bounds
        kept = [ends(self._arrays[node]) for node in self._outputs]
        taken = map(ends, self._taken)
        return [(a, b) for a, b in taken if not any(first < b and a < last for first, last in kept)]

    def _release(self, node: Node, now: int) -> None:
        for arg in dict.fromkeys(node.args):
            array = self._arrays[arg]
            ours = arg.op not in ("input", "constant", *OWN) and not self._wanted(array)
            if ours and self._last_use[arg] == now and self._owner[id(array)] is arg:
                self._free.setdefault((arg.shape, arg.dtype), []).append(array)

    # -- calls ----------------------------------------------------------------------------------------

    def _emit(self, node: Node, out: Array) -> None:
        args = [self._arrays[a] for a in node.args]
        special = getattr(self, f"_emit_{node.op}", None)
        if special:
            special(node, args, out)
        elif node.op in EMITTERS:
            EMITTERS[node.op](self.calls, node, args, out)
        elif node.op in KEYWORD_OUT:
            # A whole array of the constant: three times as fast as broadcasting it here.
            full = [self._full(a, v, node) for a, v in zip(node.args, args, strict=True)]
            self.calls.add(node.op, node.shape, partial(getattr(np, node.op), *full, out=out))
        else:
            self.calls.add(node.op, node.shape, partial(getattr(np, node.op), *args, out))

    def _emit_spread(self, node: Node, args: list[Array], out: Array) -> None:
        (x,) = args
        if len(node.shape) == 2 and x.shape[0] == 1:
            self.calls.add("spread", node.shape, partial(np.ones((len(out), 1), x.dtype).dot, x, out))
        else:
            self.calls.add("spread", node.shape, partial(np.copyto, out, x))

    def _emit_max(self, node: Node, args: list[Array], out: Array) -> None:
        (x,), axis = args, node.attributes[0]
        if axis == 0 and len(x) == 2:
            self.calls.add("max", x.shape, partial(np.maximum, x[:1], x[1:], out=out))
        else:
            run = partial(np.maximum.reduce, x, axis=axis, out=out, keepdims=True)
            self.calls.add("max", x.shape, run)

    def _full(self, arg: Node, array: Array, node: Node) -> Array:
        if arg.op != "constant":
            return array
        key = (arg.attributes[0], node.shape, node.dtype)
        if key not in self._constants:
            self._constants[key] = empty(node.shape, node.dtype)
            self._constants[key].fill(arg.attributes[0])
        return self._constants[key]

    def _emit_astype(self, node: Node, args: list[Array], out: Array) -> None:
        self.calls.add("astype", node.shape, partial(np.copyto, out, args[0], casting="unsafe"))

    def _emit_sum(self, node: Node, args: list[Array], out: Array) -> None:
        (x,), axis = args, node.attributes[0]
        if x.ndim == 2 and x.dtype == np.float32 and isinstance(axis, int):
            # A product with ones: three to six times as fast as adding up.
            shape = (x.shape[1], 1) if axis else (1, x.shape[0])
            ones = self._constants.setdefault((1.0, shape, x.dtype), np.ones(shape, x.dtype))
            run = partial(x.dot, ones, out) if axis else partial(ones.dot, x, out)
        else:
            run = partial(np.add.reduce, x, axis=axis, out=out, keepdims=True)
        self.calls.add("sum", x.shape, run)

    def _emit_where(self, node: Node, args: list[Array], out: Array) -> None:
        mask, a, b = args
        if out is not b:
            self.calls.add("where: else", node.shape, partial(np.copyto, out, b))
        self.calls.add("where: then", node.shape, partial(np.copyto, out, a, where=mask))

    def _emit_affine(self, node: Node, args: list[Array], out: Array) -> None:
        weight, x = args[0], args[1]
        if len(args) == 3:
            x = self._with_ones[id(x)]
        self.calls.add("affine", node.shape, partial(weight.T.dot, x, out))

    def _emit_affine_input_gradient(self, node: Node, args: list[Array], out: Array) -> None:
        weight, g = args
        self.calls.add("affine_input_gradient", node.shape, partial(weight[: node.shape[0]].dot, g, out))

    def _emit_affine_gradient(self, node: Node, args: list[Array], out: Array) -> None:
        x, g = args
        if node.attributes[0]:
            x = self._with_ones[id(x)]
        self.calls.add("affine_gradient", node.shape, partial(x.dot, g.T, out))

    def _emit_image(self, node: Node, args: list[Array], out: Array) -> None:
        self.calls.add("image", node.shape, partial(np.copyto, out, unfolded(args[0], node.attributes)))

    def _emit_flatten(self, node: Node, args: list[Array], out: Array) -> None:
        channels, width, height, _ = args[0].shape
        image = unfolded(out, (channels, height, width))
        self.calls.add("flatten", node.shape, partial(np.copyto, image, args[0]))

    def _emit_broadcast_to(self, node: Node, args: list[Array], out: Array) -> None:
        self.calls.add("broadcast_to", node.shape, partial(np.copyto, out, args[0]))


def _needed(graph: Graph, outputs: Iterable[Node]) -> list[Node]:
    """The nodes that the outputs depend on, in the order they were made (arguments come first)."""
    wanted: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in wanted:
            wanted.add(node)
            stack.extend(node.args)
    return [node for node in graph.nodes if node in wanted]


def _last_uses(order: list[Node], outputs: Mapping[Node, Array | None]) -> dict[Node, int]:
    last = {node: index for index, node in enumerate(order)}
    for index, node in enumerate(order):
        for arg in node.args:
            last[arg] = index
    return last | dict.fromkeys(outputs, len(order))
