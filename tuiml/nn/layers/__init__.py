"""Layers, one idea a file. Every module of this folder is imported, so a new layer is a new file here.

The names below are those that other code refers to; a layer need not be among them.
"""

import importlib
import pkgutil

from tuiml.nn.layers.activation import ActivationLayer
from tuiml.nn.layers.base import Layer, Parameter, Shape, ShapeError, Values, dimensions, layers
from tuiml.nn.layers.convolution import Conv2d
from tuiml.nn.layers.dense import Dense
from tuiml.nn.layers.dropout import Dropout
from tuiml.nn.layers.flatten import Flatten

for _module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

__all__ = [
    "ActivationLayer", "Conv2d", "Dense", "Dropout", "Flatten", "Layer", "Parameter", "Shape", "ShapeError",
    "Values", "dimensions", "layers",
]  # fmt: skip
