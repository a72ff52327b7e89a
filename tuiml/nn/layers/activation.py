"""An activation as a layer of its own: after a normalization, for instance."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuiml.nn.activations import ReLU
from tuiml.nn.layers.activated import Activated, AnyActivation
from tuiml.nn.layers.base import Array, Arrays, Grads, Noise, Parameter, Shape, Values, channels, layers


@layers.add
class ActivationLayer(Activated):
    name = "activation"
    formula = "y = f(x)"
    advice = "a function by itself: after batch_norm, or as the end of the stack"
    rank = 80

    activation: AnyActivation = Field(ReLU(), description="function of each input")

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        n = channels(shape)
        return tuple(self.learned(n, n, n))

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        return self.activate(xp, x, x, p, noise)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        return self.through(xp, v, g, p, noise, fused)
