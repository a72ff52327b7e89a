"""Layers: what a layer is made of, the shape it gives, and its two passes.

``forward(xp, x, p, noise)`` returns :class:`Values`; ``backward`` turns dL/dy into dL/dx and dL/dθ. ``p``
maps the names of :meth:`Layer.parameters` to arrays (a one-value-a-unit parameter with an axis of 1 for each
of the output's others). A backend that differentiates by itself needs only the forward pass.

Arrays are features × batch; images are (channels, width, height, batch): the batch, then the height, last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from tuiml.nn.initializers import Initializer
from tuiml.registry import Entry, Registry

Array = Any
Arrays = dict[str, Array]
Noise = Array | None
Grads = tuple[Array, Arrays]
"""dL/dx, and dL/dθ by the parameters' names."""
Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A layer cannot take the shape it is given: the field to change, and why, in one line."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Parameter:
    """An array that training changes, as it lies on disk (dense weights: out × in)."""

    name: str
    shape: Shape
    fan_in: int
    fan_out: int
    initializer: Initializer
    by_element: bool = False
    """Scales or shifts values one by one, broadcast over the batch; else it is (the bias of) a matrix."""

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


class Values(NamedTuple):
    """What a forward pass leaves for the backward one: input, before and after the activation."""

    x: Array
    z: Array
    y: Array
    batch_statistics: Mapping[str, Array] = MappingProxyType({})
    """In training, this batch's value for each of the layer's buffers; see :meth:`Layer.updated_buffers`."""


class Layer(Entry):
    """One row of the stack."""

    rank: ClassVar[int] = 1000
    activation_field: ClassVar[str | None] = None
    """The field that holds the layer's activation, where it has one."""
    mixes_examples: ClassVar[bool] = False
    """Whether an example's output in training depends on the others of its batch."""
    width_field: ClassVar[str | None] = None
    """The field that says how many units or channels it gives, where there is one."""
    images: ClassVar[bool] = False
    """Whether it takes images alone."""

    normalizes: ClassVar[bool] = False
    """Whether the scale of its inputs makes no difference to its outputs."""
    starter: ClassVar[dict[str, Any]] = {}
    """Options of a new layer in Build, where the stack has no layer of its kind whose options it copies."""
    not_copied: ClassVar[tuple[str, ...]] = ()
    """Options that a new layer does not copy from the nearest one of its kind."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of one example after the layer.

        Raises:
            ShapeError: the layer cannot take ``shape``.
        """
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        """The learned arrays for an input of ``shape``."""
        return ()

    def buffers(self, shape: Shape) -> tuple[Parameter, ...]:
        """The arrays that training keeps but no optimizer changes, such as running means.

        Their names are in ``p`` in evaluation and not in training: so ``forward`` knows which it is.
        """
        return ()

    def least_batch(self, shape: Shape) -> int:
        """The fewest examples that a training step can have."""
        return 1

    def workspace(self, shape: Shape) -> int:
        """Values that a step keeps for an example beside the layer's output and its gradient, about."""
        return 0

    def noisy(self) -> bool:
        """Whether training draws random numbers, one for each output element."""
        return False

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        """The layer's output; ``noise`` is ``None`` in evaluation."""
        return Values(x, x, x)

    def updated_buffers(self, xp: Any, old: Arrays, batch_statistics: Mapping[str, Array]) -> Arrays:
        """The buffers after a training step, from those before it and the statistics of its batch."""
        return dict(batch_statistics)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        """dL/dx and dL/dθ from ``g`` = dL/dy, or dL/dz when the loss is ``fused`` with the activation."""
        return g, {}


def channels(shape: Shape) -> int:
    """Units of a flat example, channels of an image; a (height, width) image is one channel."""
    return 1 if len(shape) == 2 else shape[0]


def broadcast_axes(like: Array) -> tuple[int, ...]:
    """The axes along which a parameter of this array's shape is the same."""
    return tuple(axis for axis, n in enumerate(like.shape) if n == 1)


def dimensions(shape: Shape) -> str:
    """A shape in words: ``28×28``."""
    return "×".join(map(str, shape))


layers: Registry[Layer] = Registry("a layer", key="type")
