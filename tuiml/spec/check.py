"""From a document to a preset, or to everything that is wrong with it at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tuiml.data.datasets import Dataset
from tuiml.nn import network
from tuiml.nn.layers import Dense, Layer, Shape, ShapeError, dimensions, layers
from tuiml.nn.losses import Loss
from tuiml.spec import pretraining, toml
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem, SpecError, translate

MAX_PROBLEMS = 100
MAX_VALUES = 1_000_000_000
"""The most parameters, and the most values in a step: 4 GB of either."""


def check(document: Any) -> tuple[Preset | None, list[Problem]]:
    """The preset that a document describes, or ``None``, and every problem it has.

    A preset that is returned trains: its shapes fit, its loss suits its last layer, its batch suits its data.
    """
    try:
        preset = Preset.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        found = [translate(dict(d), document, Preset) for d in errors[:MAX_PROBLEMS]]
        if len(errors) > MAX_PROBLEMS:
            found.append(Problem("", f"and {len(errors) - MAX_PROBLEMS:,} more problems"))
        return None, found
    problems = fit(preset)
    return (None if problems else preset), problems


def load(path: Path) -> Preset:
    """The preset in a file.

    Raises:
        OSError: it cannot be read.
        SpecError: it is not a preset; every problem is listed.
    """
    with path.open("rb") as file:
        preset, problems = check(toml.loads(file.read(toml.MAX_BYTES + 1)))
    if preset is None:
        raise SpecError(problems)
    return preset


def fit(preset: Preset) -> list[Problem]:
    """What does not fit together in a preset whose every part is valid by itself."""
    problems = [Problem(f"data.{field}", message) for field, message in preset.data.problems()]
    if not problems:
        problems += _sizes(preset)
    stack, last = complete(preset.layers, preset.data, preset.training.loss), len(preset.layers) - 1
    for index, layer in enumerate(stack[:-1]):
        if isinstance(layer, Dense) and layer.activation.output_only:
            name = layer.activation.name
            problems.append(
                Problem(f"layers[{index}].activation", f"'{name}' belongs on the last layer alone")
            )
    problems += pretraining.problems(preset, stack)
    shapes, trouble = outline(stack, preset.data.shape)
    problems += trouble
    if not trouble:
        problems += _end(preset, stack[-1], shapes[-1] or (), f"layers[{last}]")
        problems += _memory(preset, stack)
    return problems


def network_of(preset: Preset) -> network.Network:
    """The network of a checked preset, with every shape worked out."""
    stack = complete(preset.layers, preset.data, preset.training.loss)
    return network.build(stack, preset.data.shape, preset.training.loss)


def complete(stack: Sequence[Layer], data: Dataset, loss: Loss) -> list[Layer]:
    """The stack with the units of its last layer filled in: one for each class."""
    found = list(stack)
    if found and isinstance(found[-1], Dense) and found[-1].units is None:
        found[-1] = found[-1].model_copy(update={"units": len(data.classes)})
    return found


def outline(stack: Sequence[Layer | None], shape: Shape) -> tuple[list[Shape | None], list[Problem]]:
    """Shape after each layer, ``None`` from where it is unknown, and why it is."""
    shapes: list[Shape | None] = []
    problems: list[Problem] = []
    current: Shape | None = shape
    for index, layer in enumerate(stack):
        try:
            current = None if current is None or layer is None else layer.output_shape(current)
        except ShapeError as error:
            where = f"layers[{index}]" + (f".{error.field}" if error.field else "")
            problems.append(Problem(where, str(error)))
            current = None
        shapes.append(current)
    return shapes, problems


def _sizes(preset: Preset) -> list[Problem]:
    train, _, _ = preset.data.sizes()
    if preset.training.batch_size > train:
        text = (
            f"{preset.training.batch_size} is more than the {train} training examples; give at most {train}"
        )
        return [Problem("training.batch_size", text)]
    return []


def _end(preset: Preset, last: Layer, shape: Shape, where: str) -> list[Problem]:
    """Whether the last layer gives what the loss and the data take."""
    loss, classes = preset.training.loss, len(preset.data.classes)
    if not isinstance(last, Dense):
        return [Problem(where, f"the last layer must be dense with {classes} units, not {last.name}")]
    problems = []
    wanted = loss.activation
    if wanted and last.activation.name != wanted:
        text = f"{loss.name} needs {wanted} on the last layer, not {last.activation.name}"
        problems.append(Problem(f"{where}.activation", text))
    single = classes == 2 and shape == (1,) and last.activation.name != "softmax"
    if shape != (classes,) and not single:
        text = f"{dimensions(shape)} outputs for {classes} classes; give {classes}, or leave units out"
        problems.append(Problem(f"{where}.units", text))
    return problems


def _memory(preset: Preset, stack: Sequence[Layer]) -> list[Problem]:
    """Whether the run has a size that some computer holds: asked for more, an array library may crash."""
    built = network.build(stack, preset.data.shape, preset.training.loss)
    largest = max(built.nodes, key=lambda node: node.size)
    if built.size > MAX_VALUES:
        text = f"makes the network's parameters {built.size:,}; at most {MAX_VALUES:,}"
        return [Problem(f"layers[{largest.index}].units", text)]
    values = sum(math.prod(node.output_shape) for node in built.nodes) * preset.training.batch_size
    if values > MAX_VALUES:
        text = f"makes {values:,} values pass through the layers in a step; at most {MAX_VALUES:,}"
        return [Problem("training.batch_size", text)]
    values = pretraining.values(preset, built)
    if values > MAX_VALUES:
        text = f"makes pretraining hold {values:,} values at a time; at most {MAX_VALUES:,}"
        return [Problem("pretraining", f"{text}: give fewer examples or units")]
    return []


def read_layers(documents: Any) -> list[Layer | None]:
    """Each layer that can be read by itself, ``None`` for one that cannot: to draw a stack being edited."""
    found: list[Layer | None] = []
    for value in documents if isinstance(documents, list | tuple) else []:
        try:
            found.append(layers.read(value))
        except ValueError:  # pydantic's errors are ValueErrors
            found.append(None)
    return found
