"""The layers of a document as rows of a table, which may be wrong or incomplete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.data.base import Dataset
from tuiml.nn.layers import Layer, Shape
from tuiml.nn.losses import CrossEntropy
from tuiml.nn.network import Node, node_of
from tuiml.spec.check import complete, outline, read_layers
from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.tui.model.problems import layer_of


@dataclass(frozen=True)
class LayerRow:
    """A layer as a table shows it. Text is safe to show."""

    index: int
    type: str
    title: str
    """Type, units and activation: ``dense 200 relu``."""
    units: str
    activation: str
    initializer: str
    output_shape: Shape | None
    """``None`` where it is not known: this layer, or one before it, does not fit."""
    parameters: int | None
    buffer_size: int
    """Values beside the parameters that are not trained."""
    problem: str | None
    """The first thing that is wrong with it."""
    depth: int = 0
    """How many modules of a watched model contain it."""
    contains: int = 0
    """How many rows after it are modules in it."""
    full_title: str = ""
    """With the names of those that contain it, for where they are not seen."""


def layer_rows(stack: Sequence[Any], data: Dataset | None, problems: Sequence[Problem]) -> list[LayerRow]:
    """Each layer of ``stack``, the document's list of layers, with shape and parameters if they are known."""
    layers = read_layers(list(stack))
    nodes: list[Node | None] = [None] * len(stack)
    if data:
        layers = complete(layers, data, CrossEntropy())
        after, _ = outline(layers, data.shape)
        before: list[Shape | None] = [data.shape, *after]
        for index, (shape, layer, output) in enumerate(zip(before, layers, after, strict=False)):
            if shape is not None and layer is not None and output is not None:
                nodes[index] = node_of(index, layer, shape)
    first: dict[int | None, str] = {}
    for problem in problems:
        first.setdefault(layer_of(problem.path), problem.message)
    found = enumerate(zip(stack, layers, nodes, strict=True))
    return [_row(index, *parts, first.get(index)) for index, parts in found]


def _row(index: int, value: Any, layer: Layer | None, node: Node | None, problem: str | None) -> LayerRow:
    table = value if isinstance(value, dict) else {}
    kind = layer.name if layer else _word(table.get("type"), "type")
    activation, initializer = (_chosen(layer, table, key) for key in ("activation", "initializer"))
    width = (layer.width_field or "") if layer else "units"
    known = getattr(layer, width, None)
    units = _word(table.get(width)) if known is None else str(known)
    return LayerRow(
        index=index,
        type=kind,
        title=" ".join(filter(None, [kind, units, activation])),
        units=units,
        activation=activation,
        initializer=initializer,
        output_shape=node.output_shape if node else None,
        parameters=node.size if node else None,
        buffer_size=node.buffer_size if node else 0,
        problem=problem,
    )


def _chosen(layer: Layer | None, table: dict[str, Any], key: str) -> str:
    """The name of what a layer has chosen; while the layer cannot be read, what its table says."""
    entry = getattr(layer, key, None)
    return _word(table.get(key)) if entry is None else str(entry.name)


def _word(value: Any, key: str = "name") -> str:
    """A value from a document in one word, safe to show."""
    if isinstance(value, dict):
        value = value.get(key)
    return "" if value is None else plain_text(str(value)[:40])
