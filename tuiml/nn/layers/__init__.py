"""Layers, one idea a file; the order of these imports is the order in which they are offered."""

# isort: off
from tuiml.nn.layers.base import Layer, Parameter, Shape, ShapeError, Values, dimensions, layers
from tuiml.nn.layers.flatten import Flatten
from tuiml.nn.layers.dense import Dense
from tuiml.nn.layers.convolution import Conv2d
from tuiml.nn.layers.pooling import AvgPool2d, GlobalAvgPool, MaxPool2d
from tuiml.nn.layers.dropout import Dropout
# isort: on

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "MaxPool2d",
    "Parameter",
    "Shape",
    "ShapeError",
    "Values",
    "dimensions",
    "layers",
]
