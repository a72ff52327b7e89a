"""An activation as a function of one value, and its derivative.

Evaluated from the same formulas as in training, by NumPy in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tuiml.nn.activations import Activation, activations
from tuiml.training.layer_statistics import Histogram

Array = np.ndarray[Any, Any]
FLAT = 0.05
"""Slopes nearer to 0 than this pass almost no gradient."""
FINE = 32
"""Points per bin at which the slope is computed."""


@dataclass(frozen=True)
class Response:
    """f and f′ at some x, all of one shape."""

    x: Array
    y: Array
    slope: Array
    band: tuple[Array, Array] | None
    """For a random activation, f at both limits of its random slope; ``y`` is then the mean."""

    @property
    def flat(self) -> Array:
        """Where the slope is about 0."""
        return np.abs(self.slope) < FLAT


def functions() -> list[type[Activation]]:
    """The activations that are functions of one value: all but those over classes."""
    return [entry for entry in activations if not entry.output_only]


def respond(activation: Activation, x: Array) -> Response:
    """f and f′ as in evaluation, with learned slopes at their initial values and the mean of random ones."""
    learned: dict[str, Any] = {name: getattr(activation, field) for name, field in activation.learned.items()}
    with np.errstate(all="ignore"):
        y = _like(activation.forward(np, x, **learned), x)
        slope = _like(activation.derivative(np, x, y, **learned), x)
        band = None
        if activation.noisy:
            ends: list[dict[str, Any]] = [{"noise": 0.0}, {"noise": 1.0}]
            low, high = (_like(activation.forward(np, x, **end), x) for end in ends)
            band = low, high
    return Response(x, y, slope, band)


def _like(value: Any, x: Array) -> Array:
    """A result as numbers of x's shape: some formulas give a scalar, some true and false."""
    return np.broadcast_to(np.asarray(value, np.float64), x.shape)


def flat_fraction(activation: Activation, inputs: Histogram) -> float:
    """Fraction of the counted inputs at which the slope is about 0; NaN if none was counted.

    Inputs are assumed to be evenly spread within a bin, and to be next to the bins if beyond them.
    """
    if not inputs.total:
        return float("nan")
    edges = np.asarray(inputs.edges())
    inside = np.linspace(edges[:-1], edges[1:], FINE, endpoint=False, axis=1)
    inside += (edges[1:] - edges[:-1])[:, None] / (2 * FINE)
    flat = float(respond(activation, inside).flat.mean(axis=1) @ np.asarray(inputs.counts, np.float64))
    beyond = respond(activation, np.array([edges[0] - 1e-9, edges[-1] + 1e-9])).flat
    flat += float(beyond @ np.array([inputs.below, inputs.above], np.float64))
    return flat / inputs.total


def spread(inputs: Histogram, low: float, high: float, columns: int) -> Array:
    """Fraction of the inputs in each of ``columns`` equal parts of ``low`` to ``high``, by area."""
    edges = np.asarray(inputs.edges())
    until = np.concatenate([[0.0], np.cumsum(inputs.counts, dtype=np.float64)])
    found: Array = np.diff(np.interp(np.linspace(low, high, columns + 1), edges, until))
    return found / inputs.total if inputs.total else found
