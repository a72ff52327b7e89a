"""From an image to a row of numbers."""

from __future__ import annotations

import math
from typing import Any

from tuiml.nn.layers.base import Array, Arrays, Grads, Layer, Noise, Shape, Values, layers


@layers.add
class Flatten(Layer):
    name = "flatten"
    formula = "an image of 28 × 28 becomes 784 numbers"
    advice = "between images and dense layers"
    rank = 10

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        y = xp.flatten(x)
        return Values(x, y, y)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        return xp.unflatten(g, v.x), {}
