"""Losses: one number an example, and the gradient that starts the backward pass.

``z`` is the last layer before its activation, ``y`` after it, ``t`` the target: all outputs × examples
(``t`` one-hot for classes, or a single row of 0 and 1; or the numbers of a regression). ``value`` returns one
loss an example, 1 × examples; a batch's loss is their mean.
``gradient`` is that of an example's own loss: the backend divides by the batch.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from tuiml.nn.activations import softplus
from tuiml.registry import Entry, Registry

Array = Any
OVERFLOW = 1e30
"""A batch's loss of this size counts as overflowed."""


class Loss(Entry):
    """What training minimizes."""

    activation: ClassVar[str | None] = None
    """The activation the last layer must have: the two are fused, so neither log nor exp overflows."""

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        """Loss of each example, shape (1, examples)."""
        raise NotImplementedError  # pragma: no cover - every entry defines it

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        """dvalue/dz where ``activation`` is set (fused), else dvalue/dy; shape of ``y``."""
        raise NotImplementedError  # pragma: no cover - every entry defines it


losses: Registry[Loss] = Registry("a loss")


@losses.add
class CrossEntropy(Loss):
    name = "cross_entropy"
    aliases = ("categorical_crossentropy",)
    formula = "-Σ t log y, in nats; t is 1 at the label, or 1-ε there and ε/K more everywhere"
    advice = "classes, with softmax on the last layer; smoothing against overconfidence"
    source = "Bridle 1990, eq. 9; log-sum-exp: Blanchard, Higham & Higham 2021, alg. 3.2"
    activation = "softmax"
    label_smoothing: float = Field(
        0.0, ge=0.0, lt=1.0, description="fraction ε of the target spread evenly over all classes"
    )

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        shifted = z - xp.max(z, axis=0, keepdims=True)
        total = xp.log(xp.sum(xp.exp(shifted), axis=0, keepdims=True))
        # A floor, since 0 × ∞ would turn an overflowed logit of another class into NaN; a loss so large is
        # divergence, as an infinite one.
        at_label = xp.sum(t * xp.maximum(shifted, -OVERFLOW), axis=0, keepdims=True)
        if not self.label_smoothing:
            return total - at_label
        # Szegedy et al. 2016, section 7. Every class counts: an overflowed logit's infinite loss is true.
        everywhere = xp.sum(shifted, axis=0, keepdims=True) * (self.label_smoothing / z.shape[0])
        return total - at_label * (1.0 - self.label_smoothing) - everywhere

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        if not self.label_smoothing:
            return y - t
        return y - (t * (1.0 - self.label_smoothing) + self.label_smoothing / t.shape[0])


@losses.add
class BinaryCrossEntropy(Loss):
    name = "binary_cross_entropy"
    aliases = ("binary_crossentropy",)
    formula = "-t log y - (1-t) log(1-y), in nats, mean over outputs"
    advice = "two classes on one output, or one yes/no an output, with sigmoid"
    source = "Bishop 2006, eq. 4.90"
    activation = "sigmoid"

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return xp.mean(softplus(xp, z) - t * z, axis=0, keepdims=True)

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return (y - t) * (1.0 / y.shape[0])


@losses.add
class MeanSquaredError(Loss):
    name = "mse"
    aliases = ("mean_squared_error",)
    formula = "(y - t)², mean over outputs"
    advice = "regression; classes as 0 and 1"
    source = "Bishop 2006, eq. 3.12"

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return xp.mean(xp.square(y - t), axis=0, keepdims=True)

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return (y - t) * (2.0 / y.shape[0])


@losses.add
class MeanAbsoluteError(Loss):
    name = "mae"
    aliases = ("mean_absolute_error", "l1")
    formula = "|y - t|, mean over outputs"
    advice = "regression where a few targets are far off: these pull no harder than others"
    source = "Bloomfield & Steiger 1983; at y = t its gradient is taken to be 0"

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return xp.mean(xp.abs(y - t), axis=0, keepdims=True)

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return xp.sign(y - t) * (1.0 / y.shape[0])


@losses.add
class Huber(Loss):
    name = "huber"
    formula = "d²/2 where |d| ≤ δ, else δ(|d| - δ/2), of d = y - t; mean over outputs"
    advice = "regression: mse near the target, mae far from it"
    source = "Huber 1964, section 4"
    delta: float = Field(1.0, gt=0.0, le=1e6, description="error δ from which on it grows in proportion")

    def value(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        size = xp.abs(y - t)
        near = xp.minimum(size, self.delta)
        return xp.mean(near * (size - 0.5 * near), axis=0, keepdims=True)

    def gradient(self, xp: Any, z: Array, y: Array, t: Array) -> Array:
        return xp.maximum(xp.minimum(y - t, self.delta), -self.delta) * (1.0 / y.shape[0])
