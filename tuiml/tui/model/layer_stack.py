"""What the Build place knows of stacks: new layers with sensible values, and what a stack comes to. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

from tuiml.formatting import bytes_text
from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.runs import memory_estimate
from tuiml.spec import network_of
from tuiml.tui.model.document import Document, LayerRow, Raw
from tuiml.tui.model.document_paths import entry_at

FRESH: dict[str, Raw] = {
    "dense": {"units": 64, "activation": "relu", "initializer": "he_normal"},
    "conv2d": {"filters": 16, "activation": "relu", "initializer": "he_normal"},
}
"""A layer with weights where there is none of its kind to take after."""
COPIED = ("units", "filters", "kernel_size", "padding", "activation", "initializer", "bias")


def is_output(value: Any) -> bool:
    """Whether a layer is meant to be the last: its activation says so, or its units are left out."""
    entry = entry_at(value, layers)
    field = getattr(entry, "activation_field", None)
    if not isinstance(value, dict) or field is None:
        return False
    activation = entry_at(value.get(field), activations)
    unsized = entry is layers["dense"] and "units" not in value
    return unsized or bool(activation and getattr(activation, "output_only", False))


def output_row(document: Document) -> int | None:
    """The dense layer that makes the outputs: the last one, with nothing but activations after it."""
    for index in reversed(range(document.count)):
        entry = entry_at(document.get(f"layers[{index}]"), layers)
        if entry is layers["dense"]:
            return index
        if entry is not layers["activation"]:
            break
    return None


def place_below(document: Document, cursor: int) -> int:
    """The row a new layer goes below: the selected one, or the one above the layers of the output."""
    last, row = document.count - 1, output_row(document)
    if row is not None and cursor >= row:
        ends = [document.get(f"layers[{index}]") for index in range(row, last + 1)]
        if any(map(is_output, ends)):
            return row - 1
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
    kept = sum(row.kept for row in rows)
    if kept and len(known) == len(rows):
        text += f", {kept:,} values not trained"
    if document.preset is None:
        return text
    needed = memory_estimate.of_run(document.preset, network_of(document.preset))
    return f"{text} · {bytes_text(needed)}"


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
