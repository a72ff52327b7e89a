"""From a picture to a row of numbers."""

from __future__ import annotations

import math
from typing import Any

from tuiml.nn.layers.base import Array, Layer, Shape, Values, layers


@layers.add
class Flatten(Layer):
    name = "flatten"
    formula = "28 × 28 becomes 784"
    advice = "between pictures and dense layers"
    rank = 10

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, xp: Any, x: Array, p: dict[str, Array], noise: Array | None) -> Values:
        y = xp.flatten(x)
        return Values(x, y, y)

    def backward(
        self, xp: Any, v: Values, g: Array, p: dict[str, Array], noise: Array | None, fused: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        return xp.unflatten(g, v.x), {}
