"""Functions of a document's stack of layers: where a new layer goes, its options, sizes and memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from tuiml.formatting import bytes_text
from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.runs import memory_estimate
from tuiml.spec import network_of
from tuiml.spec.preset import batches_of
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.layer_rows import LayerRow


def is_output(value: Any) -> bool:
    """True if a layer is an output layer: by its activation, or because its units are left out."""
    entry = layers.entry_of(value)
    field = getattr(entry, "activation_field", None)
    if not isinstance(value, dict) or field is None:
        return False
    activation = activations.entry_of(value.get(field))
    unsized = entry is layers["dense"] and "units" not in value
    return unsized or bool(activation and getattr(activation, "output_only", False))


def output_row(document: Document) -> int | None:
    """The dense layer that makes the outputs: the last one, with nothing but activations after it."""
    for index in reversed(range(document.count)):
        entry = layers.entry_of(document.get(f"layers[{index}]"))
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
    """A layer of a kind for below row ``after``; with options of the nearest layer of that kind."""
    entry = layers[kind]
    if not entry.starter:
        return {"type": kind}
    copied = entry.model_fields.keys() - entry.not_copied
    found = document.raw.get("layers")
    rows = found if isinstance(found, list) else []
    near = [*reversed(rows[: after + 1]), *rows[after + 1 :]]
    for value in near:
        if isinstance(value, dict) and value.get("type") == kind and not is_output(value):
            return {"type": kind, **{k: copy.deepcopy(value[k]) for k in value if k in copied}}
    return {"type": kind, **entry.starter}


def first_difference(before: Raw, after: Raw) -> int | None:
    """The first layer that differs, ``None`` if none does."""
    old, new = before.get("layers"), after.get("layers")
    if old == new or not isinstance(old, list) or not isinstance(new, list):
        return None
    for index, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            return index
    return min(len(old), len(new))


def summary(document: Document, rows: Sequence[LayerRow]) -> str:
    """Parameters and memory for training in one line; unknown figures are left out."""
    known = [row.parameters for row in rows if row.parameters is not None]
    text = f"{sum(known):,} parameters" if len(known) == len(rows) else "parameters not known"
    buffers = sum(row.buffer_size for row in rows)
    if buffers and len(known) == len(rows):
        text += f", {buffers:,} values not trained"
    if document.preset is None:
        return text
    needed = memory_estimate.of_run(document.preset, network_of(document.preset))
    return f"{text} · {bytes_text(needed)}"


def details(document: Document, width: int) -> list[str]:
    """Numbers of examples and of steps, lines of ``width`` cells; none if the document has problems."""
    preset = document.preset
    if preset is None:
        return []
    train, validation, test = preset.data.sizes()
    steps = batches_of(train, preset.training.batch_size)
    sizes = f"{train:,} train, {validation:,} validation, {test:,} test"
    return [
        sizes if len(sizes) <= width else sizes.replace("validation", "val"),
        f"{steps:,} steps an epoch, {steps * preset.training.epochs:,} in all",
    ]
