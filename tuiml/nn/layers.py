"""Layers: what a layer is made of, the shape it gives, and its two passes.

``forward(xp, x, p, noise)`` returns :class:`Values`; ``backward`` turns dL/dy into dL/dx and dL/dθ. ``p``
maps the names of :meth:`Layer.parameters` to arrays (a one-value-a-unit parameter as a column). A backend
that differentiates by itself needs only the forward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from tuiml.nn.activations import Activation, Linear, activations
from tuiml.nn.initializers import Constant, GlorotUniform, Initializer, Zeros, initializers
from tuiml.registry import Choice, Entry, Registry

Array = Any
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

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


class Values(NamedTuple):
    """What a forward pass leaves for the backward one: input, before and after the activation."""

    x: Array
    z: Array
    y: Array


class Layer(Entry):
    """One row of the stack."""

    activation_field: ClassVar[str | None] = None
    """The field that holds the layer's activation, where it has one."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of one example after the layer.

        Raises:
            ShapeError: the layer cannot take ``shape``.
        """
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        """The learned arrays for an input of ``shape``."""
        return ()

    def noisy(self) -> bool:
        """Whether training draws random numbers, one for each output element."""
        return False

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        """The layer's output; ``noise`` is ``None`` in evaluation."""
        return Values(x, x, x)

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        """dL/dx and dL/dθ from ``g`` = dL/dy, or dL/dz when the loss is ``fused`` with the activation."""
        return g, {}


layers: Registry[Layer] = Registry("a layer", key="type")


@layers.add
class Flatten(Layer):
    name = "flatten"
    formula = "28 × 28 becomes 784"
    advice = "between pictures and dense layers"

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        y = xp.flatten(x)
        return Values(x, y, y)

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        return xp.unflatten(g, v.x), {}


@layers.add
class Dense(Layer):
    name = "dense"
    aliases = ("linear", "fully_connected")
    formula = "y = f(Wx + b)"
    advice = "every output sees every input"
    activation_field = "activation"

    units: int | None = Field(
        None, ge=1, le=1_000_000, description="outputs; left out on the last layer: the number of classes"
    )
    activation: Annotated[Activation, Choice(activations)] = Field(
        Linear(), description="function of each output"
    )
    initializer: Annotated[Initializer, Choice(initializers)] = Field(
        GlorotUniform(), description="distribution the weights start from"
    )
    bias: bool = Field(True, description="add a learned offset, from 0, to each output")

    def output_shape(self, shape: Shape) -> Shape:
        if self.units is None:
            raise ShapeError("units", "is missing; only the last layer's may be left out")
        if len(shape) != 1:
            raise ShapeError(
                "", f"dense needs a flat input, not {dimensions(shape)}: put a flatten layer before it"
            )
        return (self.units,)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        (units,) = self.output_shape(shape)
        fans = (shape[0], units)
        found = [Parameter("weight", (units, shape[0]), *fans, self.initializer)]
        if self.bias:
            found.append(Parameter("bias", (units,), *fans, Zeros()))
        for name, field in self.activation.learned.items():
            start = Constant(value=getattr(self.activation, field))
            found.append(Parameter(name, (units,), *fans, start))
        return tuple(found)

    def noisy(self) -> bool:
        return self.activation.noisy

    def extra(self, p: dict[str, Array], noise: Array | None) -> dict[str, Array]:
        """What the activation takes beside its input."""
        found = {name: p[name] for name in self.activation.learned}
        return {**found, "noise": noise} if self.activation.noisy else found

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        z = xp.affine(p["weight"], p.get("bias"), x)
        return Values(x, z, self.activation.forward(xp, z, **self.extra(p, noise)))

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        learned: dict[str, Array] = {}
        if not fused:
            by_element = self.activation.learned_gradients(xp, v.z, v.y, g)
            learned = {name: xp.sum(a, axis=1, keepdims=True) for name, a in by_element.items()}
            g = self.activation.backward(xp, v.z, v.y, g, **self.extra(p, noise))
        gradients = xp.affine_gradients(p["weight"], p.get("bias"), v.x, g)
        return xp.affine_input_gradient(p["weight"], v.x, g), {**gradients, **learned}


@layers.add
class Dropout(Layer):
    name = "dropout"
    formula = "y = x · mask / (1 - rate)"
    advice = "against overfitting: zeroes outputs at random while training"
    source = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, section 10 (inverted)"

    rate: float = Field(0.5, ge=0.0, lt=1.0, description="share of inputs set to 0 in each training step")

    def noisy(self) -> bool:
        return self.rate > 0.0

    def mask(self, xp: Any, noise: Array) -> Array:
        """0 for what is dropped, 1 / (1 - rate) for the rest, so the mean stays."""
        return (noise >= self.rate) * (1.0 / (1.0 - self.rate))

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        y = x if noise is None else x * self.mask(xp, noise)
        return Values(x, x, y)

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        return (g if noise is None else g * self.mask(xp, noise)), {}


def dimensions(shape: Shape) -> str:
    """A shape in words: ``28×28``."""
    return "×".join(map(str, shape))
