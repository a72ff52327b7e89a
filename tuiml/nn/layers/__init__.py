"""Layers, one idea a file; the order of these imports is the order in which they are offered."""

# isort: off
from tuiml.nn.layers.base import Layer, Parameter, Shape, ShapeError, Values, dimensions, layers
from tuiml.nn.layers.flatten import Flatten
from tuiml.nn.layers.dense import Dense
from tuiml.nn.layers.dropout import Dropout
# isort: on

__all__ = [
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "Parameter",
    "Shape",
    "ShapeError",
    "Values",
    "dimensions",
    "layers",
]
