"""The next initializer or activation for all hidden layers at once, which one key sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuiml.nn.activations import activations
from tuiml.nn.initializers import initializers
from tuiml.nn.layers import Layer
from tuiml.nn.network import output_layer
from tuiml.registry import Entry, Registry
from tuiml.spec.check import activation_of, read_layers
from tuiml.tui.model.document import Document

Edit = tuple[str, Any]
INITIALIZERS: tuple[Entry, ...] = tuple(
    entry.model_validate(options) for entry in initializers for options in entry.tries
)
ACTIVATIONS: tuple[Entry, ...] = tuple(entry() for entry in activations if not entry.output_only)


def initializer_edits(document: Document, selected: int, by: int) -> list[Edit]:
    """The initializer ``by`` positions after the selected layer's, for it and all other hidden layers.

    The output layer changes alone, if it is selected.
    """
    layers = read_layers(document.raw.get("layers"))
    output = output_layer(layers)
    hidden = [i for i, layer in enumerate(layers) if i != output and hasattr(layer, "initializer")]
    chosen = [output] if selected == output else hidden
    rows = [i for i in chosen if i is not None]
    if not rows:
        return []
    leader = selected if selected in rows else rows[0]
    value = _next(initializers, INITIALIZERS, getattr(layers[leader], "initializer"), by)  # noqa: B009
    return [(f"layers[{i}].initializer", value) for i in rows]


def activation_edits(document: Document, selected: int, by: int) -> list[Edit]:
    """The activation ``by`` positions after the selected layer's, for it and all other hidden layers."""
    layers = read_layers(document.raw.get("layers"))
    rows = _activated(layers)
    if not rows:
        return []
    leader = selected if selected in rows else rows[0]
    layer = layers[leader]
    current = activation_of(layer) if layer is not None else None
    value = _next(activations, ACTIVATIONS, current, by)
    fields = ((i, getattr(layers[i], "activation_field", None)) for i in rows)
    return [(f"layers[{i}].{field}", value) for i, field in fields]


def _activated(layers: Sequence[Layer | None]) -> list[int]:
    """The hidden layers whose activation changes: not a linear one that an activation layer follows."""
    output = output_layer(layers)
    end = len(layers) if output is None else output
    found: list[int] = []
    for index, layer in enumerate(layers[:end]):
        activation = activation_of(layer) if layer is not None else None
        if activation is None or activation.output_only:
            continue
        if not hasattr(layer, "initializer") and found:
            before = layers[found[-1]]
            linear = before is not None and getattr(activation_of(before), "name", "") == "linear"
            if linear and hasattr(before, "initializer"):
                found.pop()
        found.append(index)
    return found


def _next(registry: Registry[Any], entries: Sequence[Entry], current: Entry | None, by: int) -> Any:
    """The document's value for the entry ``by`` positions after ``current``, cyclically."""
    exact = [i for i, entry in enumerate(entries) if entry == current]
    alike = [i for i, entry in enumerate(entries) if current is not None and entry.name == current.name]
    at = (exact or alike or [-by if by > 0 else 0])[0]
    return registry.write(entries[(at + by) % len(entries)])
