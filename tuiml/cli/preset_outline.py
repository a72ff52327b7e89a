"""Describes the document of a preset, even one with problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuiml.cli.output import print_table, say, say_wrapped
from tuiml.data.datasets import Dataset, datasets
from tuiml.data.own.reading import DataFiles
from tuiml.formatting import bytes_text, count_text, figure
from tuiml.nn.class_weights import class_weights
from tuiml.nn.layers import Layer, Shape, dimensions
from tuiml.nn.network import node_of
from tuiml.nn.optimizers import SGD, Optimizer, optimizers
from tuiml.nn.schedules import peak_of, schedules
from tuiml.runs import memory_estimate
from tuiml.spec import Preset, Problem, check, network_of
from tuiml.spec.check import complete, outline, read_layers
from tuiml.spec.preset import Training, batches_of
from tuiml.spec.stopping import stoppings

Description = dict[str, Any]
MOST_TEXT = 4000
"""Characters of a name or a note; a preset that has more is refused anyway."""


def describe(document: dict[str, Any], problems: Sequence[Problem] = ()) -> Description:
    """A document as plain data: its layers as far as they are known, its settings and problems.

    Args:
        problems: found before, in changes to the document.
    """
    preset, found = check(document, DataFiles())
    stack = read_layers(document.get("layers"))
    data = _dataset(document.get("data"))
    if preset is not None:
        stack = list(complete(preset.layers, preset.data, preset.training.loss))
    shapes = outline(stack, data.shape)[0] if data else [None] * len(stack)
    optimizer, batch = _update(document.get("training"))
    layers = [
        _layer(index, layer, before, after, optimizer, batch)
        for index, (layer, before, after) in enumerate(
            zip(stack, [data.shape if data else None, *shapes], shapes, strict=False)
        )
    ]
    sizes = [layer["parameters"] for layer in layers]
    found = [*problems, *found]
    return {
        "name": str(document.get("name", "untitled")),
        "note": str(document.get("note", "")),
        "input_shape": list(data.shape) if data else None,
        "layers": layers,
        "parameters": None if None in sizes else sum(sizes),
        "not_trained": None if None in sizes else sum(layer["not_trained"] for layer in layers),
        "memory": memory_estimate.of_run(preset, network_of(preset)) if preset else None,
        "settings": _settings(preset) if preset else {},
        "problems": [{"path": p.path, "message": p.message} for p in found],
    }


def _dataset(value: Any) -> Dataset | None:
    try:
        return datasets.read(value, DataFiles())
    except ValueError:  # pydantic's errors are ValueErrors
        return None


def _update(value: Any) -> tuple[Optimizer, int]:
    """Optimizer and batch size, or their defaults if invalid: the memory of a layer depends on them."""
    table = value if isinstance(value, dict) else {}
    try:
        optimizer = optimizers.read(table.get("optimizer", SGD()))
    except ValueError:
        optimizer = SGD()
    batch = table.get("batch_size")
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        batch = Training().batch_size
    return optimizer, batch


def _layer(
    index: int,
    layer: Layer | None,
    before: Shape | None,
    after: Shape | None,
    optimizer: Optimizer,
    batch: int,
) -> Description:
    row: Description = {"index": index}
    row |= dict.fromkeys(("type", "output_shape", "parameters", "not_trained"))
    row |= dict.fromkeys(("activation", "initializer", "memory"))
    if layer is None:
        return row
    row["type"] = layer.name
    for field in ("activation", "initializer"):
        choice = getattr(layer, field, None)
        row[field] = choice.name if choice is not None else None
    if before is not None and after is not None:
        node = node_of(index, layer, before)
        row["output_shape"] = list(after)
        row["parameters"] = node.size
        row["not_trained"] = node.buffer_size
        row["memory"] = memory_estimate.of_layer(node, optimizer, batch)
    return row


def _settings(preset: Preset) -> Description:
    data, training = preset.data, preset.training
    train, validation, test = data.sizes()
    batches = batches_of(train, training.batch_size)
    document = preset.document()
    return {
        "data": document["data"],
        "examples": {"train": train, "validation": validation, "test": test},
        "normalize": data.normalize,
        "loss": document["training"]["loss"],
        "optimizer": document["training"]["optimizer"],
        "learning_rate": training.rate,
        "schedule": schedules.write(training.schedule),
        "rates": _rates(training, batches),
        "regularization": {
            name: getattr(training, name)
            for name in ("l1", "l2", "weight_decay", "clip_norm", "max_norm")
            if getattr(training, name)
        },
        "class_weight": class_weights.write(training.class_weight),
        "early_stopping": stoppings.write(training.early_stopping),
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        "steps": training.epochs * batches,
        "seed": training.seed,
        "pretraining": document.get("pretraining"),
    }


def _rates(training: Training, batches: int) -> dict[str, float]:
    """The learning rate of the first and the last step, and the greatest."""
    schedule, steps = training.schedule, training.epochs * batches
    return {
        "first": training.rate * schedule.multiplier(0, steps, batches),
        "peak": training.rate * peak_of(schedule, steps, batches),
        "last": training.rate * schedule.multiplier(steps - 1, steps, batches),
    }


def print_outline(found: Description) -> None:
    """Print the layer table, memory and settings."""
    say(found["name"][:MOST_TEXT])
    if found["note"]:
        for line in found["note"][:MOST_TEXT].splitlines():
            say_wrapped(line)
    say()
    header = ("#", "layer", "output", "parameters", "activation", "initializer", "memory")
    shape = found["input_shape"]
    rows = [["", "input", dimensions(tuple(shape)) if shape else "?", "", "", "", ""]]
    rows += [_cells(layer) for layer in found["layers"]]
    print_table(header, rows, right=("#", "parameters", "memory"))
    if found["memory"] is not None:
        size = bytes_text(found["memory"])
        beside = f" and {count_text(found['not_trained'])} values not trained" if found["not_trained"] else ""
        say()
        say_wrapped(
            f"{count_text(found['parameters'])} parameters{beside}; training takes about {size} of memory"
        )
    if found["settings"]:
        _print_settings(found["settings"])


def _cells(layer: Description) -> list[str]:
    shape = layer["output_shape"]
    return [
        str(layer["index"]),
        layer["type"] or "?",
        dimensions(tuple(shape)) if shape is not None else "?",
        "?" if layer["parameters"] is None else count_text(layer["parameters"]),
        layer["activation"] or "",
        layer["initializer"] or "",
        "?" if layer["memory"] is None else bytes_text(layer["memory"]),
    ]


def _print_settings(settings: Description) -> None:
    examples = settings["examples"]
    counts = ", ".join(f"{count_text(examples[part])} {part}" for part in ("train", "validation", "test"))
    rate, size = figure(settings["learning_rate"]), count_text(settings["batch_size"])
    epochs, steps = count_text(settings["epochs"]), count_text(settings["steps"])
    rows = [
        ["data", f"{_choice(settings['data'])}: {counts}; normalize {settings['normalize']}"],
        ["loss", _choice(settings["loss"])],
        ["optimizer", f"{_choice(settings['optimizer'])}, learning rate {rate}"],
        ["batch", f"{size} examples"],
        ["epochs", f"{epochs}, {steps} steps; seed {settings['seed']}"],
    ]
    if settings["pretraining"]:
        rows.insert(1, ["pretrained", _choice(settings["pretraining"], "method")])
    rates = settings["rates"]
    schedule = _choice(settings["schedule"])
    if len(set(rates.values())) > 1:
        schedule += f": learning rate {', '.join(f'{name} {figure(value)}' for name, value in rates.items())}"
    if schedule != "constant":
        rows.insert(-3, ["schedule", schedule])
    if settings["regularization"]:
        rows.append(["penalties", ", ".join(f"{k} {v:g}" for k, v in settings["regularization"].items())])
    if settings["class_weight"] != "none":
        rows.append(["weighted", f"by class: {_choice(settings['class_weight'])}"])
    if settings["early_stopping"] != "never":
        rows.append(["stops", f"early: {_choice(settings['early_stopping'])}"])
    say()
    for name, text in rows:
        say_wrapped(f"{name:<10} {text}", 11)


def _choice(value: Any, key: str = "name") -> str:
    """A name with its options in words: ``sgd (momentum 0.9)``."""
    if not isinstance(value, dict):
        return str(value)
    options = ", ".join(f"{name} {option}" for name, option in value.items() if name not in (key, "path"))
    name = value[key] if key in value else Path(str(value["path"])).name  # a file of the user's
    return f"{name} ({options})" if options else str(name)
