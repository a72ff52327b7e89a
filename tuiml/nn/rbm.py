"""Restricted Boltzmann machines: hidden units h over visible units v, trained by contrastive divergence.

Energy E(v, h) = −bᵀv − cᵀh − hᵀWv, so P(h = 1 | v) = σ(Wv + c) and P(v = 1 | h) = σ(Wᵀh + b). ``p`` has
``weight`` (W), ``visible_bias`` (b, a column) and, where the layer has one, ``bias`` (c). Linear visible
units of unit variance have ½‖v − b‖² in the place of −bᵀv: the mean of v given h is then Wᵀh + b.

Source: Hinton 2002, "Training products of experts by minimizing contrastive divergence"; Hinton, Osindero &
Teh 2006, "A fast learning algorithm for deep belief nets"; Hinton 2010, "A practical guide to training
restricted Boltzmann machines", sections 3 (what is sampled and what is not) and 13.2 (linear visible units).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tuiml.nn.activations import logistic

Array = Any


class Phases(NamedTuple):
    """Statistics of a batch, summed over its examples."""

    positive: dict[str, Array]
    """h vᵀ and (where there is a bias) h, with v the data."""
    negative: dict[str, Array]
    """The same with v the reconstruction."""
    visible: Array
    """Data minus reconstruction, a column: the part of the visible bias."""
    error: Array
    """Squared error of the reconstruction, (1, 1)."""


def hidden(xp: Any, p: dict[str, Array], v: Array) -> Array:
    """P(h = 1 | v), units × examples."""
    return logistic(xp, xp.affine(p["weight"], p.get("bias"), v))


def reconstruction(xp: Any, p: dict[str, Array], v: Array, h: Array, linear: bool) -> Array:
    """The mean of v given h, of v's shape."""
    z = xp.affine_input_gradient(p["weight"], v, h) + p["visible_bias"]
    return z if linear else logistic(xp, z)


def contrast(xp: Any, p: dict[str, Array], v: Array, noise: Array, linear: bool) -> Phases:
    """One step of contrastive divergence (CD-1).

    The hidden states that drive the reconstruction are drawn, everything else is a probability (guide, 3.1
    to 3.3): with drawn states a unit can pass on no more than one bit.

    Args:
        v: visible units × examples: probabilities, or values of unit variance where ``linear``.
        noise: uniform in [0, 1), hidden units × examples.
    """
    weight, bias = p["weight"], p.get("bias")
    h = hidden(xp, p, v)
    drawn = xp.astype(h > noise, xp.float32)
    again = reconstruction(xp, p, v, drawn, linear)
    positive = xp.affine_gradients(weight, bias, v, h)
    negative = xp.affine_gradients(weight, bias, again, hidden(xp, p, again))
    difference = v - again
    error = xp.sum(xp.sum(xp.square(difference), axis=0), axis=1)
    return Phases(positive, negative, xp.sum(difference, axis=1), error)


def update(
    xp: Any, value: Array, velocity: Array, change: Array, scale: Array, momentum: float, shrink: float
) -> tuple[Array, Array]:
    """The new values and their velocity (guide, sections 9 and 10).

    Args:
        change: the direction, summed over a batch.
        scale: learning rate over the examples of the batch.
        shrink: learning rate times weight cost; 0 for biases.
    """
    velocity = momentum * velocity + change * scale
    if shrink:
        velocity = velocity - value * shrink
    return value + velocity, velocity
