"""Penalties on large weights and limits on lengths, the gradient's and that of each unit's incoming weights.

L1 and L2 change the gradient, so they pass through the optimizer; decoupled weight decay changes the weights
beside it. All act on weights alone (:func:`penalized`): never on biases, slopes or normalisation's
parameters. The strengths may be numbers, or arrays that are 0 where a value is none of the weights.

The order is PyTorch's: the data's gradient is clipped, then the penalties are added. Reported losses are the
data's, without penalties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuiml.nn.layers import Parameter

Array = Any


@dataclass(frozen=True)
class Penalties:
    """How strong each is; 0 and ``None`` are none."""

    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    max_norm: float | None = None


NO_PENALTIES = Penalties()


def is_penalized(parameter: Parameter) -> bool:
    """Whether penalties act on a parameter: on the matrices and kernels that inputs are multiplied by."""
    return parameter.name == "weight" and len(parameter.shape) > 1


def penalized_gradient(xp: Any, w: Array, g: Array, l1: Any, l2: Any) -> Array:
    """Gradient of loss + l1 Σ|w| + l2/2 Σw², from the loss's own ``g``; ``None`` leaves a penalty out.

    L2 is the ``weight_decay`` of PyTorch's SGD and Adam. Hanson & Pratt 1988; Tibshirani 1996 (L1).
    """
    if l2 is not None:
        g = g + l2 * w
    if l1 is not None:
        g = g + l1 * xp.sign(w)
    return g


def decayed(w: Array, rate: Any, decay: Any) -> Array:
    """w - η λ w: decay that no optimizer scales (Loshchilov & Hutter 2019, λ times η as in PyTorch)."""
    return w - rate * (decay * w)


def norm_scale(xp: Any, norms: Array, limit: float) -> Array:
    """What each unit's incoming weights, of these Euclidean lengths, are multiplied by after an update.

    Those that are longer than ``limit`` are scaled back to it (Srivastava et al. 2014, section 5.1).
    """
    return xp.where(norms > limit, limit / norms, 1.0)


def clip_scale(xp: Any, norm: Any, limit: float) -> Any:
    """What a gradient of Euclidean length ``norm`` is multiplied by to be no longer than ``limit``.

    Pascanu, Mikolov & Bengio 2013, algorithm 1, over all parameters at once, as PyTorch's clip_grad_norm_.
    """
    return xp.minimum(1.0, limit / (norm + 1e-6))
