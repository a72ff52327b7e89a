"""Penalties and clipping in the NumPy engine's update: what is added to its plan, and set before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tuiml.backends.forks import zeros
from tuiml.backends.graph import Graph
from tuiml.backends.graph import Node as Value
from tuiml.backends.parameters import Arena, parts_of
from tuiml.nn.network import Network
from tuiml.nn.penalties import (
    Penalties,
    clip_scale,
    decayed,
    is_penalized,
    norm_scale,
    penalized_gradient,
)

Array = np.ndarray[Any, Any]
ON_WEIGHTS = ("l1", "l2", "weight_decay")


class Penalizer:
    """The penalties' strengths over the arena, and the numbers of a step.

    Args:
        network: whose arena it is; not needed where nothing but clipping is asked for.
    """

    def __init__(self, penalties: Penalties, network: Network | None = None) -> None:
        self.penalties = penalties
        self.strengths: dict[str, Array] = {}
        self._network = network
        self._clip = zeros(())
        self.rate = zeros(())
        """The learning rate, to be set before each step."""
        for name in ON_WEIGHTS:
            strength = getattr(penalties, name)
            if strength and network is not None:
                self.strengths[name] = penalized_mask(network) * np.float32(strength)

    def trace(
        self, graph: Graph, w: Value, g: Value, part: slice = slice(None)
    ) -> tuple[Value, Value, dict[str, Array]]:
        """Weights and gradient as the optimizer sees them, and the arrays of the graph's new inputs.

        Without penalties that is ``w`` and ``g`` themselves: the plan is the same as ever.

        Args:
            part: the part of the arena that ``w`` and ``g`` are.
        """
        arrays: dict[str, Array] = {f"penalty.{name}": a[part] for name, a in self.strengths.items()}
        nodes = {label: graph.input(label, w.shape) for label in arrays}
        if self.penalties.clip_norm is not None:
            arrays["penalty.clip"] = self._clip
            g = g * graph.input("penalty.clip", ())
        g = penalized_gradient(graph, w, g, nodes.get("penalty.l1"), nodes.get("penalty.l2"))
        if "penalty.weight_decay" in nodes:
            arrays["penalty.rate"] = self.rate
            w = decayed(w, graph.input("penalty.rate", ()), nodes["penalty.weight_decay"])
        return w, g, arrays

    def limited(self, weights: Array) -> list[Array]:
        """Views of the matrices (inputs × units) whose columns may be as long as ``max_norm``."""
        if self.penalties.max_norm is None or self._network is None:
            return []
        arena = Arena(self._network, weights)
        nodes = [n for n in self._network.nodes if any(is_penalized(p) for p in n.parameters)]
        return [w for node in nodes if (w := parts_of(node, arena)[0]) is not None]

    def shorten(self, weights: Sequence[Array]) -> None:
        """Scale back the columns that are longer than ``max_norm``."""
        limit = self.penalties.max_norm
        assert limit is not None
        for w in weights:
            norms = np.sqrt(np.einsum("io,io->o", w, w))
            if not np.isfinite(norms).all():  # squares beyond float32
                norms = np.sqrt(np.einsum("io,io->o", w, w, dtype=np.float64))
            if (norms > limit).any():
                np.multiply(w, norm_scale(np, norms, limit).astype(np.float32), w)

    @property
    def limits(self) -> bool:
        """Whether the gradient's norm is needed."""
        return self.penalties.clip_norm is not None

    def limit(self, gradients: Array) -> bool:
        """See how much the gradient is to be clipped.

        Args:
            gradients: the whole of it, flat.

        Returns:
            Whether there is a gradient to go by: one that is to be clipped and is not finite is none.
        """
        limit = self.penalties.clip_norm
        if limit is not None:
            norm = norm_of(gradients)
            if not math.isfinite(norm):
                return False
            self._clip[...] = clip_scale(np, norm, limit)
        return True


def penalized_mask(network: Network) -> Array:
    """1 where the arena holds weights that penalties act on, else 0."""
    arena = Arena(network)
    arena.load(
        {
            f"layers.{node.index}.{p.name}": np.full(p.shape, is_penalized(p), np.float32)
            for node in network.nodes
            for p in node.parameters
        }
    )
    return arena.flat


def norm_of(values: Array) -> float:
    """Euclidean length of a flat array; not finite only if one of its values is not."""
    norm = math.sqrt(np.dot(values, values))
    if math.isfinite(norm) and norm > 1e-15:
        return norm
    largest = float(np.abs(values).max(initial=0.0))  # squares beyond float32: seldom, so it may allocate
    if not math.isfinite(largest) or not largest:
        return largest
    scaled = values / np.float32(largest)
    return largest * math.sqrt(np.dot(scaled, scaled))
