"""Layers, one idea a file; the order of these imports is the order in which they are offered."""

# isort: off
from tuiml.nn.layers.base import Layer, Parameter, Shape, ShapeError, Values, dimensions, layers
from tuiml.nn.layers.flatten import Flatten
from tuiml.nn.layers.dense import Dense
from tuiml.nn.layers.convolution import Conv2d
from tuiml.nn.layers.pooling import AvgPool2d, GlobalAvgPool, MaxPool2d
from tuiml.nn.layers.dropout import Dropout
from tuiml.nn.layers.activation import ActivationLayer
from tuiml.nn.layers.normalization import BatchNorm, LayerNorm
# isort: on

__all__ = [
    "ActivationLayer",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LayerNorm",
    "MaxPool2d",
    "Parameter",
    "Shape",
    "ShapeError",
    "Values",
    "dimensions",
    "layers",
]
