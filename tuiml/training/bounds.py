"""From where on a number of a layer is trouble: the table's marks and the verdicts agree on it."""

SATURATED = 0.5
"""Share of a layer's outputs beyond the activation's saturation bounds."""
DEAD = 0.5
"""Share of a layer's units that are silent on every example."""
VANISHED = 1e-2
"""Gradient norm of the first layer that learns, in parts of the last one's: a fall of a hundredfold. Healthy
stacks stay within tenfold whatever their depth."""
EXPLODED = 100.0
"""Gradient norm of a layer."""
GREATEST = 100.0
"""Standard deviation of a hidden layer's outputs."""
COLLAPSED = 0.03
"""Standard deviation of a hidden layer's outputs below which all examples give nearly the same."""
RATIO_HIGH = -2.0
"""log10 of std(Δw)/std(w): above, a step changes more than a hundredth of a weight."""
RATIO_LOW = -4.0
"""log10 of std(Δw)/std(w): below, training hardly moves."""
INPUTS = 4.0
"""Root mean square of a network's inputs; 1 is ideal."""
