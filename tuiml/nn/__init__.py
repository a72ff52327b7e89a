"""The mathematics, each formula once.

Formulas are written over an array namespace ``xp`` that a backend hands in (numpy's names plus a few of our
own), so this package imports no array library. Arrays of activations are *features × examples*: axis 0 runs
over units (or classes), axis 1 over the batch.
"""

from tuiml.nn.activations import Activation, activations
from tuiml.nn.class_weights import ClassWeight, class_weights
from tuiml.nn.initializers import Initializer, initializers
from tuiml.nn.layers import Layer, layers
from tuiml.nn.losses import Loss, losses
from tuiml.nn.optimizers import Optimizer, optimizers
from tuiml.nn.pretraining import Pretraining, pretrainings
from tuiml.nn.schedules import Schedule, schedules

__all__ = [
    "Activation", "ClassWeight", "Initializer", "Layer", "Loss", "Optimizer", "Pretraining", "Schedule",
    "activations", "class_weights", "initializers", "layers", "losses", "optimizers", "pretrainings",
    "schedules",
]  # fmt: skip
