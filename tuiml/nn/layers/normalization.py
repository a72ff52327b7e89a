"""Normalization: values are brought to mean 0 and variance 1, then scaled and shifted by what is learned.

Both layers take the variance from the values less their mean (two passes over them), so a mean that is large
beside the spread costs no digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from tuiml.nn.initializers import Initializer, Ones, Zeros
from tuiml.nn.layers.base import (
    Array,
    Arrays,
    Grads,
    Layer,
    Noise,
    Parameter,
    Shape,
    Values,
    broadcast_axes,
    channels,
    layers,
)


def _spread(xp: Any, x: Array, axes: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Mean over ``axes``, what lies around it, and the (biased) variance."""
    mean = xp.mean(x, axis=axes, keepdims=True)
    rest = x - mean
    return mean, rest, xp.mean(xp.square(rest), axis=axes, keepdims=True)


def _each(shape: Shape, n: int, **starts: Initializer) -> tuple[Parameter, ...]:
    """Parameters by name, of one value for each of ``shape``."""
    return tuple(Parameter(name, shape, n, n, start, by_element=True) for name, start in starts.items())


@layers.add
class BatchNorm(Layer):
    name = "batch_norm"
    aliases = ("batch_normalization",)
    formula = "y = γ (x - mean) / √(var + ε) + β, over the batch"
    advice = "between weights and activation: deep stacks train, and bear large learning rates"
    source = "Ioffe & Szegedy 2015, algorithms 1 and 2"
    mixes_examples = True
    rank = 90
    normalizes = True

    momentum: float = Field(
        0.1, gt=0.0, le=1.0, description="weight of each batch in the running mean and variance"
    )
    eps: float = Field(1e-5, gt=0.0, le=1.0, description="ε, added to the variance")

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        n = channels(shape)
        return _each((n,), n, weight=Ones(), bias=Zeros())

    def buffers(self, shape: Shape) -> tuple[Parameter, ...]:
        n = channels(shape)
        return _each((n,), n, running_mean=Zeros(), running_var=Ones())

    def least_batch(self, shape: Shape) -> int:
        return 2 if math.prod(shape) == channels(shape) else 1  # one value has no variance

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        if "running_mean" in p:
            scale = p["weight"] * self._inverse(xp, p["running_var"])
            y = (x - p["running_mean"]) * scale + p["bias"]
            return Values(x, y, y)
        mean, rest, var = _spread(xp, x, broadcast_axes(p["weight"]))
        y = rest * (p["weight"] * self._inverse(xp, var)) + p["bias"]
        n = self._values(x, p)
        # The variance of all examples is estimated, so divided by n - 1; a single value has none.
        return Values(x, y, y, {"running_mean": mean, "running_var": var * (n / max(1, n - 1))})

    def updated_buffers(self, xp: Any, old: Arrays, batch_statistics: Mapping[str, Array]) -> Arrays:
        keep = 1.0 - self.momentum
        return {name: old[name] * keep + new * self.momentum for name, new in batch_statistics.items()}

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        axes = broadcast_axes(p["weight"])
        _, rest, var = _spread(xp, v.x, axes)
        inverse = self._inverse(xp, var)
        bias = xp.sum(g, axis=axes, keepdims=True)
        weight = xp.sum(g * rest, axis=axes, keepdims=True) * inverse
        # The terms of section 3 put together: γ/σ (g - mean(g) - x̂ mean(g x̂)), with x̂ = rest / σ
        fraction = 1.0 / self._values(v.x, p)
        inner = g - bias * fraction - rest * (weight * inverse * fraction)
        return inner * (p["weight"] * inverse), {"weight": weight, "bias": bias}

    def _inverse(self, xp: Any, var: Array) -> Array:
        """1 / σ."""
        return 1.0 / xp.sqrt(var + self.eps)

    @staticmethod
    def _values(x: Array, p: Arrays) -> int:
        """How many values each mean is over."""
        values: int = math.prod(x.shape)
        means: int = math.prod(p["weight"].shape)
        return values // means


@layers.add
class LayerNorm(Layer):
    name = "layer_norm"
    aliases = ("layer_normalization",)
    formula = "y = γ (x - mean) / √(var + ε) + β, over the features"
    advice = "like batch_norm, but each example by itself: the same in training and evaluation"
    source = "Ba, Kiros & Hinton 2016, eq. 4"
    rank = 100
    normalizes = True

    eps: float = Field(1e-5, gt=0.0, le=1.0, description="ε, added to the variance")

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return _each(shape, math.prod(shape), weight=Ones(), bias=Zeros())

    def forward(self, xp: Any, x: Array, p: Arrays, noise: Noise) -> Values:
        y = self._standard(xp, x)[0] * p["weight"] + p["bias"]
        return Values(x, y, y)

    def _standard(self, xp: Any, x: Array) -> tuple[Array, Array, tuple[int, ...]]:
        """x̂ and 1 / σ over all axes but the batch, and those axes."""
        axes = tuple(range(len(x.shape) - 1))
        _, rest, var = _spread(xp, x, axes)
        inverse = 1.0 / xp.sqrt(var + self.eps)
        return rest * inverse, inverse, axes

    def backward(self, xp: Any, v: Values, g: Array, p: Arrays, noise: Noise, fused: bool = False) -> Grads:
        standard, inverse, axes = self._standard(xp, v.x)
        batch = len(v.x.shape) - 1
        learned = {
            "weight": xp.sum(g * standard, axis=batch, keepdims=True),
            "bias": xp.sum(g, axis=batch, keepdims=True),
        }
        g = g * p["weight"]
        # As in batch_norm, with the mean over the features: (g - mean(g) - x̂ mean(g x̂)) / σ
        along = standard * xp.mean(g * standard, axis=axes, keepdims=True)
        return (g - xp.mean(g, axis=axes, keepdims=True) - along) * inverse, learned
