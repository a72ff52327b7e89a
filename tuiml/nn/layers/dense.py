"""The layer in which every output sees every input."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuiml.nn.activations import Linear
from tuiml.nn.initializers import GlorotUniform, Zeros
from tuiml.nn.layers.activated import Activated, AnyActivation, AnyInitializer
from tuiml.nn.layers.base import (
    Array,
    Arrays,
    Grads,
    Noise,
    Parameter,
    Shape,
    ShapeError,
    Values,
    dimensions,
    layers,
)


@layers.add
class Dense(Activated):
    name = "dense"
    aliases = ("linear", "fully_connected")
    formula = "y = f(Wx + b)"
    advice = "every output sees every input"
    width_field = "units"
    rank = 20
    starter = {"units": 64, "activation": "relu", "initializer": "he_normal"}  # noqa: RUF012 - a ClassVar of Layer

    units: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="outputs; left out on the last layer: one for each class or number",
    )
    activation: AnyActivation = Field(Linear(), description="function of each output")
    initializer: AnyInitializer = Field(GlorotUniform(), description="distribution the weights start from")
    bias: bool = Field(True, description="add a learned offset to each output")
    bias_initializer: AnyInitializer = Field(Zeros(), description="distribution the offsets start from")

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
            found.append(Parameter("bias", (units,), *fans, self.bias_initializer))
        found += self.learned(units, *fans)
        return tuple(found)

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        return self.activate(xp, x, xp.affine(p["weight"], p.get("bias"), x), p, noise)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        g, learned = self.through(xp, v, g, p, noise, fused)
        gradients = xp.affine_gradients(p["weight"], p.get("bias"), v.x, g)
        return xp.affine_input_gradient(p["weight"], v.x, g), {**gradients, **learned}
