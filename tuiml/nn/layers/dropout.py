"""Noise against overfitting."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tuiml.nn.layers.base import Array, Arrays, Grads, Layer, Noise, Values, layers


@layers.add
class Dropout(Layer):
    name = "dropout"
    formula = "y = x · mask / (1 - rate)"
    advice = "against overfitting: zeroes outputs at random while training"
    source = "Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, section 10 (inverted)"
    rank = 70

    rate: float = Field(0.5, ge=0.0, lt=1.0, description="fraction of inputs set to 0 in each training step")

    def noisy(self) -> bool:
        return self.rate > 0.0

    def mask(self, xp: Any, noise: Array) -> Array:
        """0 for what is dropped, 1 / (1 - rate) for the rest, so the mean stays."""
        return (noise >= self.rate) * (1.0 / (1.0 - self.rate))

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        y = x if noise is None else x * self.mask(xp, noise)
        return Values(x, x, y)

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        return (g if noise is None else g * self.mask(xp, noise)), {}
