"""Operations on images as bound NumPy calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tuiml.backends import convolution, pooling
from tuiml.backends.calls import CallList
from tuiml.backends.graph import Node
from tuiml.backends.layout import unfolded

Array = np.ndarray[Any, Any]
Emitter = Callable[[CallList, Node, list[Array], Array], None]
OWN = frozenset({"patches"})
"""Operations whose array is theirs alone: zeros around the image and rows of ones stay in it."""


def _image(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    calls.add("image", node.shape, partial(np.copyto, out, unfolded(args[0], node.attributes)))


def _flatten(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    channels, width, height, _ = args[0].shape
    calls.add("flatten", node.shape, partial(np.copyto, unfolded(out, (channels, height, width)), args[0]))


def _broadcast_to(calls: CallList, node: Node, args: list[Array], out: Array) -> None:
    calls.add("broadcast_to", node.shape, partial(np.copyto, out, args[0]))


EMITTERS: dict[str, Emitter] = {
    "image": _image,
    "flatten": _flatten,
    "broadcast_to": _broadcast_to,
    "patches": convolution.patches,
    "convolve": convolution.convolve,
    "convolve_gradient": convolution.convolve_gradient,
    "convolve_input_gradient": convolution.convolve_input_gradient,
    "max_window": pooling.max_window,
    "max_window_gradient": pooling.max_window_gradient,
    "mean_window": pooling.mean_window,
    "mean_window_gradient": pooling.mean_window_gradient,
}
