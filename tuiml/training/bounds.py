"""From where on a layer's statistics mean trouble: one place for the screen's marks and the verdicts."""

SATURATED = 0.5
"""Share of an activation's outputs near its ends: most of the layer passes hardly any gradient on (Glorot
& Bengio 2010, section 3: saturated sigmoids)."""

DEAD = 0.4
"""Share of a layer's units that are silent: 40 % of a network may be dead where the learning rate was too
high (Karpathy, CS231n notes, "Neural Networks 1": the dying ReLU)."""

VANISHED = 1e-2
"""A layer's gradient norm in parts of the last layer's: below, the gradient vanishes on its way back (Glorot
& Bengio 2010, figure 7; Bengio, Simard & Frasconi 1994). Stacks that train well stay within a tenth."""

EXPLODED = 1e3
"""A layer's gradient norm in parts of the last layer's: above, it explodes on its way back (Pascanu, Mikolov
& Bengio 2013, section 2.1)."""

HUGE = 100.0
"""A gradient norm that is too much whatever the other layers': of the size at which it is clipped (Pascanu et
al. 2013, section 3.2)."""

UPDATE = -3.0
"""The update ratio, log₁₀ of std(Δw) / std(w), to be had (Karpathy, CS231n notes, "Neural Networks 3": the
ratio of updates to weights is about 1e-3)."""

UPDATE_HIGH, UPDATE_LOW = -2.0, -4.0
"""Beyond these weights are thrown about, or hardly move."""

WIDE = 100.0
"""Standard deviation of a hidden layer's outputs that is too much."""

COLLAPSED = 0.03
"""Standard deviation of a hidden layer's outputs below which every example gives nearly the same (Glorot
& Bengio 2010, section 4.2)."""

INPUTS = 4.0
"""Root mean square of a network's inputs that is too much; 1 is to be had (LeCun et al. 1998, section
4.3)."""

TARGETS = 10.0
"""Root mean square of targets that are numbers that is too much: the first steps then only bring the outputs
there, and squared errors' gradients are as many times larger (LeCun et al. 1998, section 4.5: targets within
the range of the outputs)."""


def last_norm(norms: list[float]) -> float:
    """The gradient norm that the others are compared with: the last layer's that has one; NaN for none."""
    return next((norm for norm in reversed(norms) if norm == norm), float("nan"))
