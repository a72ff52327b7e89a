"""The operations on pictures that a :class:`~tuiml.backends.plan.Plan` can make calls of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tuiml.backends import convolution, pooling
from tuiml.backends.graph import Node
from tuiml.backends.layout import unfolded

if TYPE_CHECKING:
    from tuiml.backends.plan import Plan

Array = np.ndarray[Any, Any]
Emitter = Callable[["Plan", Node, list[Array], Array], None]
OWN = frozenset({"patches"})
"""Operations whose array is theirs alone: zeros around the picture and rows of ones stay in it."""


def _picture(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    plan.add("picture", node.shape, partial(np.copyto, out, unfolded(args[0], node.attributes)))


def _flatten(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    channels, width, height, _ = args[0].shape
    plan.add("flatten", node.shape, partial(np.copyto, unfolded(out, (channels, height, width)), args[0]))


def _broadcast_to(plan: Plan, node: Node, args: list[Array], out: Array) -> None:
    plan.add("broadcast_to", node.shape, partial(np.copyto, out, args[0]))


EMITTERS: dict[str, Emitter] = {
    "picture": _picture,
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
