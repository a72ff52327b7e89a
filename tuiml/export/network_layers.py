"""A network as frameworks have it: layer by layer, arrays in the order of channels first or last.

tuiml and PyTorch have the channels of an image first, Keras and MLX last. So what is flattened lies in
another order there, and so do the weights of what follows, up to the next dense layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tuiml.export.exported_run import Trained
from tuiml.nn.activations import Activation, Linear
from tuiml.nn.layers import Dense, Flatten, Layer, Shape
from tuiml.nn.layers.activated import Activated
from tuiml.nn.layers.windows import window, with_channels
from tuiml.runs.errors import RunError

Array = Any
Pads = tuple[int, int, int, int]
"""Of an image: above, below, left, right."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A layer, and the activation behind it."""

    layer: Layer
    shape: Shape
    """Of one example that goes in; of images (channels, height, width), whatever the order of the arrays."""
    after: Shape
    arrays: dict[str, Array]
    """By tuiml's names; a kernel is (filters, channels, height, width) in either order."""
    activation: Activation | None
    """``None``: there is none, or it is part of the loss."""

    @property
    def image(self) -> bool:
        """Whether it takes images."""
        return len(self.shape) == 3

    def option(self, name: str) -> Any:
        """The value of one of the layer's options."""
        return getattr(self.layer, name)

    def activated(self, name: str) -> Any:
        """The value of one of the activation's options."""
        return getattr(self.activation, name)


@dataclass(frozen=True, eq=False)
class Written:
    """A module of a framework: its code, and its arrays by the names that the framework has for them."""

    code: str
    arrays: Mapping[str, Array]
    helper: str = ""
    """A function or class that the code needs, where the framework lacks it."""


Writer = Callable[[Piece], list[Written]]


def pieces(trained: Trained, *, channels_last: bool, with_output: bool = False) -> list[Piece]:
    """The layers of a network, first to last.

    Args:
        channels_last: the order of arrays over an image.
        with_output: keep the last activation where it is computed with the loss.
    """
    network, found = trained.network, []
    order: Array = None
    for node in network.nodes:
        layer, shape, after = node.layer, with_channels(node.input_shape), with_channels(node.output_shape)
        names = [p.name for p in (*node.parameters, *node.buffers)]
        arrays = {name: np.asarray(trained.tensors[f"layers.{node.index}.{name}"]) for name in names}
        if isinstance(layer, Flatten) and len(shape) == 3 and channels_last:
            order = np.arange(math.prod(shape)).reshape(shape).transpose(1, 2, 0).reshape(-1)
        elif isinstance(layer, Dense) and order is not None:
            arrays["weight"], order = arrays["weight"][:, order], None
        elif order is not None:
            arrays = {name: array[order] for name, array in arrays.items()}
        if not isinstance(layer, Activated):  # a layer_norm on images has a value for each pixel
            arrays = {name: _over_image(array, shape, channels_last) for name, array in arrays.items()}
        activation = layer._function if isinstance(layer, Activated) else None
        fused = node is network.nodes[-1] and network.fused and not with_output
        if fused or isinstance(activation, Linear):
            activation = None
        found.append(Piece(layer, shape, after, arrays, activation))
    return found


def _over_image(array: Array, shape: Shape, channels_last: bool) -> Array:
    if len(shape) != 3 or array.size != math.prod(shape) or array.ndim == 1:
        return array
    array = array.reshape(shape)
    return array.transpose(1, 2, 0) if channels_last else array


def pads(piece: Piece) -> Pads:
    """What is put around an image so that the windows of a layer lie inside."""
    size = piece.option("kernel_size" if hasattr(piece.layer, "kernel_size") else "pool_size")
    stride = piece.option("strides") or size
    found: list[int] = []
    for length in piece.shape[1:]:
        w = window(length, size, stride, piece.option("padding"))
        found += [w.before, max(0, w.span - w.before - length)]
    return found[0], found[1], found[2], found[3]


def module(code: str, helper: str = "", **arrays: Array) -> list[Written]:
    """One module: the call that makes it, the code of a class that this needs, and its parameters."""
    return [Written(code, arrays, helper)]


def of(name: str, *fields: str, helper: str = "") -> Writer:
    """A module whose arguments are options of the activation, in their order."""
    return lambda piece: module(f"{name}({', '.join(repr(piece.activated(f)) for f in fields)})", helper)


def matrix(piece: Piece) -> dict[str, Array]:
    """The weight of a layer, and its bias if it has one."""
    return {name: piece.arrays[name] for name in ("weight", "bias") if name in piece.arrays}


def linear(piece: Piece) -> list[Written]:
    """A dense layer as PyTorch and MLX call it."""
    bias = "" if "bias" in piece.arrays else ", bias=False"
    return module(f"nn.Linear({piece.shape[0]}, {piece.after[0]}{bias})", **matrix(piece))


def prelu(piece: Piece) -> list[Written]:
    """The activation as PyTorch and MLX call it."""
    return module(
        f"nn.PReLU({piece.shape[0]}, init={piece.activated('init')!r})", weight=piece.arrays["slope"]
    )


def conv2d(piece: Piece) -> tuple[str, bool]:
    """The call of a convolution in PyTorch and MLX, and whether it pads by itself: opposite sides alike."""
    above, below, left, right = pads(piece)
    even = above == below and left == right
    options = [str(piece.shape[0]), str(piece.after[0]), f"kernel_size={piece.option('kernel_size')}"]
    if piece.option("strides") > 1:
        options.append(f"stride={piece.option('strides')}")
    if even and (above or left):
        options.append(f"padding={above if above == left else (above, left)}")
    if "bias" not in piece.arrays:
        options.append("bias=False")
    return f"nn.Conv2d({', '.join(options)})", even


def refuse_lacking(
    framework: str, stack: list[Piece], layers: Collection[str], activations: Collection[str]
) -> None:
    """Raise RunError if a framework lacks some of the pieces; all are listed."""
    lacking = {f"the layer {one.layer.name}" for one in stack if one.layer.name not in layers}
    used = {one.activation.name for one in stack if one.activation}
    lacking |= {f"the activation {name}" for name in used if name not in activations}
    if lacking:
        raise RunError(f"{framework} cannot express {', '.join(sorted(lacking))}")


def written(
    framework: str, stack: list[Piece], layers: Mapping[str, Writer], activations: Mapping[str, Writer]
) -> list[Written]:
    """The modules of a framework for some pieces.

    Raises:
        RunError: it lacks some of them.
    """
    refuse_lacking(framework, stack, layers, activations)
    found: list[Written] = []
    for one in stack:
        found += layers[one.layer.name](one)
        if one.activation:
            found += activations[one.activation.name](behind(one))
    return found


def behind(piece: Piece) -> Piece:
    """The piece as its activation sees it: with the shape of the layer's output, and what it learns."""
    learned = piece.activation.learned if piece.activation else {}
    arrays = {name: array for name, array in piece.arrays.items() if name in learned}
    return replace(piece, shape=piece.after, arrays=arrays)
