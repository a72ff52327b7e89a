"""Limits from which a layer's statistics indicate a problem, for the marks on the screen and the verdicts."""

SATURATED = 0.5
"""Fraction of saturated outputs: most of the layer passes hardly any gradient on (Glorot
& Bengio 2010, section 3: saturated sigmoids)."""

DEAD = 0.4
"""Fraction of a layer's units that are dead: up to 40 % of a network if the learning rate was too high
(Karpathy, CS231n notes, "Neural Networks 1": the dying ReLU)."""

VANISHED = 1e-2
"""A layer's gradient norm relative to the last layer's: below it, the gradient vanishes (Glorot
& Bengio 2010, figure 7; Bengio, Simard & Frasconi 1994). Stacks that train well stay within a tenth."""

EXPLODED = 1e3
"""A layer's gradient norm relative to the last layer's: above it, the gradient explodes (Pascanu, Mikolov
& Bengio 2013, section 2.1)."""

HUGE = 100.0
"""A gradient norm that is too large in itself: the size at which gradients are clipped (Pascanu et
al. 2013, section 3.2)."""

UPDATE = -3.0
"""The desirable update ratio, log₁₀ of std(Δw) / std(w) (Karpathy, CS231n notes, "Neural Networks 3": the
ratio of updates to weights is about 1e-3)."""

UPDATE_HIGH, UPDATE_LOW = -2.0, -4.0
"""Update ratios beyond these are too large, or too small."""

WIDE = 100.0
"""Standard deviation of a hidden layer's outputs that is too large."""

COLLAPSED = 0.03
"""Standard deviation of a hidden layer's outputs below which all examples have nearly the same output (Glorot
& Bengio 2010, section 4.2)."""

INPUTS = 4.0
"""Root mean square of a network's inputs that is too large; 1 is desirable (LeCun et al. 1998, section
4.3)."""

TARGETS = 10.0
"""Root mean square of a regression's targets that is too large: the first steps only move the outputs there,
and the gradients of squared errors are larger by this factor (LeCun et al. 1998, section 4.5: targets within
the range of the outputs)."""


def last_norm(norms: list[float]) -> float:
    """The gradient norm that others are compared with: that of the last layer that has one, or NaN."""
    return next((norm for norm in reversed(norms) if norm == norm), float("nan"))
