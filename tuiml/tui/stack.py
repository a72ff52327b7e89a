"""What the Build place knows of stacks: new layers with sensible values, and what a stack comes to. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.runs import memory
from tuiml.spec import network_of
from tuiml.tui.document import Document, LayerRow, Raw
from tuiml.tui.paths import entry_at

FRESH: dict[str, Raw] = {
    "dense": {"units": 64, "activation": "relu", "initializer": "he_normal"},
    "conv2d": {"filters": 16, "activation": "relu", "initializer": "he_normal"},
}
"""A layer with weights where there is none of its kind to take after."""
COPIED = ("units", "filters", "kernel_size", "padding", "activation", "initializer", "bias")


def is_output(value: Any) -> bool:
    """Whether a layer is meant to be the last: its activation says so, or its units are left out."""
    if not isinstance(value, dict) or entry_at(value, layers) is not layers["dense"]:
        return False
    activation = entry_at(value.get("activation", "linear"), activations)
    return "units" not in value or bool(activation and getattr(activation, "output_only", False))


def place_below(document: Document, cursor: int) -> int:
    """The row a new layer goes below: the selected one, or the one above an output layer that is last."""
    last = document.count - 1
    if cursor == last and last >= 0 and is_output(document.get(f"layers[{last}]")):
        return last - 1
    return min(cursor, last)


def new_layer(document: Document, kind: str, after: int) -> Raw:
    """A layer of a kind for below row ``after``; one with weights takes after the nearest of its kind."""
    if kind not in FRESH:
        return {"type": kind}
    found = document.raw.get("layers")
    rows = found if isinstance(found, list) else []
    near = [*reversed(rows[: after + 1]), *rows[after + 1 :]]
    for value in near:
        if isinstance(value, dict) and value.get("type") == kind and not is_output(value):
            return {"type": kind, **{k: copy.deepcopy(value[k]) for k in COPIED if k in value}}
    return {"type": kind, **FRESH[kind]}


def layer_of(path: str) -> int | None:
    """The layer a problem's path leads to: 2 of ``layers[2].units``."""
    found = re.match(r"layers\[(\d{1,9})\]", path)
    return int(found.group(1)) if found else None


def first_difference(before: Raw, after: Raw) -> int | None:
    """The first layer that is not as it was, ``None`` where all are."""
    old, new = before.get("layers"), after.get("layers")
    if old == new or not isinstance(old, list) or not isinstance(new, list):
        return None
    for index, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            return index
    return min(len(old), len(new))


def summary(document: Document, rows: Sequence[LayerRow]) -> str:
    """Parameters, and memory that training takes, in one line; what cannot be worked out is left out."""
    known = [row.parameters for row in rows if row.parameters is not None]
    text = f"{sum(known):,} parameters" if len(known) == len(rows) else "parameters not known"
    if document.preset is None:
        return text
    needed = memory.of_run(document.preset, network_of(document.preset))
    return f"{text} · {memory.size(needed)}"


def details(document: Document) -> list[str]:
    """Examples and steps, in one line; none while something is wrong."""
    preset = document.preset
    if preset is None:
        return []
    train, validation, test = preset.data.sizes()
    steps = -(-train // preset.training.batch_size)
    return [
        f"{train:,} train, {validation:,} validation, {test:,} test",
        f"{steps:,} steps an epoch, {steps * preset.training.epochs:,} in all",
    ]
