"""From a document to a preset, or to everything that is wrong with it at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from tuiml.data.datasets import Dataset
from tuiml.data.own.entries import DataFiles
from tuiml.nn import network
from tuiml.nn.activations import Activation
from tuiml.nn.class_weights import Unweighted
from tuiml.nn.layers import ActivationLayer, Dense, Layer, Shape, ShapeError, dimensions, layers
from tuiml.nn.losses import Loss
from tuiml.nn.network import output_layer
from tuiml.spec import pretraining
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem, translate

L = TypeVar("L", Layer, Layer | None)
MAX_PROBLEMS = 100
MAX_VALUES = 1_000_000_000
"""The most parameters, and the most values in a step: 4 GB of either."""


def check(document: Any, files: DataFiles | None = None) -> tuple[Preset | None, list[Problem]]:
    """The preset that a document describes, or ``None``, and every problem it has.

    A preset that is returned trains: its shapes fit, its loss suits its last layer, its batch suits its data.

    Args:
        document: its tables; ``data`` may be a data set that was checked before.
        files: finds what a file of the user's holds; without it such a file is a problem.
    """
    try:
        preset = Preset.model_validate(document, context=files)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        found = [translate(dict(d), document, Preset, files) for d in errors[:MAX_PROBLEMS]]
        if len(errors) > MAX_PROBLEMS:
            found.append(Problem("", f"and {len(errors) - MAX_PROBLEMS:,} more problems"))
        return None, found
    if not preset.data.known:
        return None, [Problem("data.path", f"{preset.data.title} was not read")]
    problems = fit(preset)
    return (None if problems else preset), problems


def fit(preset: Preset) -> list[Problem]:
    """What does not fit together in a preset whose every part is valid by itself."""
    problems = [Problem(f"data.{field}", message) for field, message in preset.data.problems()]
    if not problems:
        problems += _sizes(preset)
    stack = complete(preset.layers, preset.data, preset.training.loss)
    for index, layer in enumerate(stack[:-1]):
        activation = activation_of(layer)
        if activation and activation.output_only:
            text = f"'{activation.name}' belongs on the last layer alone"
            problems.append(Problem(f"layers[{index}].{layer.activation_field}", text))
    problems += pretraining.problems(preset, stack)
    problems += _class_weight(preset)
    shapes, trouble = outline(stack, preset.data.shape)
    problems += trouble
    problems += _stopping(preset)
    if not trouble:
        problems += _end(preset, stack, shapes[-1] or ())
        problems += _batches(preset, stack)
        problems += _memory(preset, stack)
    return problems


def activation_of(layer: Layer) -> Activation | None:
    """The activation of a layer that has one."""
    found: Activation | None = getattr(layer, layer.activation_field or "", None)
    return found


def network_of(preset: Preset) -> network.Network:
    """The network of a checked preset, with every shape worked out."""
    stack = complete(preset.layers, preset.data, preset.training.loss)
    return network.build(stack, preset.data.shape, preset.training.loss)


def complete(stack: Sequence[L], data: Dataset, loss: Loss) -> list[L]:
    """The stack with the units of its output layer filled in: one for each class, or number."""
    found, index = list(stack), output_layer(stack)
    if index is not None:
        layer = found[index]
        if isinstance(layer, Dense) and layer.units is None:
            found[index] = layer.model_copy(update={"units": data.outputs})
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


def _class_weight(preset: Preset) -> list[Problem]:
    """Whether there are classes to be weighted, and a loss that is."""
    rule, loss, data = preset.training.class_weight, preset.training.loss, preset.data
    if isinstance(rule, Unweighted):
        return []
    if data.target == "regression":
        text = f"{rule.name} is for classification, and {data.title} is a regression; leave it out"
    elif loss.activation is None:
        text = f"{rule.name} is for cross_entropy and binary_cross_entropy, not for {loss.name}"
    else:
        text = rule.problem(data.classes)
    return [Problem("training.class_weight", text)] if text else []


def _stopping(preset: Preset) -> list[Problem]:
    """Whether there are examples for the metric of early stopping, and classes for an accuracy."""
    rule = preset.training.early_stopping
    if preset.data.target == "regression" and rule.metric(True).endswith("accuracy"):
        text = f"{rule.name} is for classification, and {preset.data.title} is a regression; use val_loss"
        return [Problem("training.early_stopping", text)]
    _, validation, _ = preset.data.sizes()
    if validation or not rule.metric(False).startswith("val_"):
        return []
    text = f"{rule.name} needs validation examples; give data.validation at least 1, or use train_loss"
    return [Problem("training.early_stopping", text)]


def _end(preset: Preset, stack: Sequence[Layer], shape: Shape) -> list[Problem]:
    """Whether the last layer gives what the loss and the data take."""
    loss, outputs, numbers = preset.training.loss, preset.data.outputs, preset.data.target == "regression"
    last, where = stack[-1], f"layers[{len(stack) - 1}]"
    activation = activation_of(last)
    if activation is None or not isinstance(last, Dense | ActivationLayer):
        text = (
            f"the last layer must be dense with {outputs} units, or an activation after it, not {last.name}"
        )
        return [Problem(where, text)]
    problems = _regression(preset, activation, f"{where}.{last.activation_field}") if numbers else []
    wanted = loss.activation
    if wanted and not numbers and activation.name != wanted:
        text = f"{loss.name} needs {wanted} on the last layer, not {activation.name}"
        problems.append(Problem(f"{where}.{last.activation_field}", text))
    single = outputs == 2 and not numbers and shape == (1,) and activation.name != "softmax"
    if shape != (outputs,) and not single:
        maker = output_layer(stack)
        noun = "classes" if not numbers else "number" if outputs == 1 else "numbers"
        text = f"{dimensions(shape)} outputs for {outputs} {noun}"
        if maker is None:
            text = f"{text}; put a dense layer with {outputs} units before it"
            problems.append(Problem(where, text))
        else:
            text = f"{text}; give {outputs}, or leave units out"
            problems.append(Problem(f"layers[{maker}].units", text))
    return problems


def _regression(preset: Preset, activation: Activation, where: str) -> list[Problem]:
    """Whether loss and last activation suit a regression."""
    found, loss = [], preset.training.loss
    if loss.activation:
        text = f"{loss.name} is for classification, and {preset.data.title} is a regression; give mse"
        found.append(Problem("training.loss", text))
    if activation.output_only:
        text = f"{activation.name} gives probabilities of classes, and the target is a number; give linear"
        found.append(Problem(where, text))
    return found


def _batches(preset: Preset, stack: Sequence[Layer]) -> list[Problem]:
    """Whether every batch, the last one of an epoch too, has the examples that the layers need."""
    train, size = preset.data.sizes()[0], preset.training.batch_size
    for node in network.build(stack, preset.data.shape, preset.training.loss).nodes:
        least = node.layer.least_batch(node.input_shape)
        smallest = min(size, train % size or size)
        if size <= train and smallest < least:
            which = "a batch" if smallest == size else f"the last batch of {train:,} examples"
            better = _nearest(size, train, least)
            hint = f"give {better:,}" if better else f"give at least {least} training examples"
            text = f"{node.layer.name} (layers[{node.index}]) needs {least} examples in a batch; {which} has"
            return [Problem("training.batch_size", f"{text} {smallest}: {hint}")]
    return []


def _nearest(size: int, train: int, least: int) -> int | None:
    """The batch size nearest to ``size`` with which no batch has fewer than ``least`` examples."""
    for step in range(train):
        for found in (size + step, size - step):
            if least <= found <= train and (train % found or found) >= least:
                return found
    return None


def _memory(preset: Preset, stack: Sequence[Layer]) -> list[Problem]:
    """Whether the run has a size that some computer holds: asked for more, an array library may crash."""
    built = network.build(stack, preset.data.shape, preset.training.loss)
    largest = max(built.nodes, key=lambda node: node.size)
    if built.size > MAX_VALUES:
        field = largest.layer.width_field
        text = f"makes the network's parameters {_amount(built.size)}; at most {_amount(MAX_VALUES)}"
        return [Problem(f"layers[{largest.index}].{field}", text)]
    each = sum(math.prod(node.output_shape) + node.layer.workspace(node.input_shape) for node in built.nodes)
    values = each * preset.training.batch_size
    if values > MAX_VALUES:
        text = f"makes the values of a step {_amount(values)}; at most {_amount(MAX_VALUES)}"
        return [Problem("training.batch_size", text)]
    values = pretraining.values(preset, built)
    if values > MAX_VALUES:
        text = f"makes pretraining hold at a time {_amount(values)} values; at most {_amount(MAX_VALUES)}"
        return [Problem("pretraining", f"{text}: give fewer examples or units")]
    return []


def _amount(values: int) -> str:
    """So many numbers of four bytes, and what they take: ``100,000,000,000 (400 GB)``."""
    size, unit = 4 * values / 1e9, "GB"
    if size >= 1000:
        size, unit = size / 1000, "TB"
    return f"{values:,} ({size:,.0f} {unit})" if size >= 10 else f"{values:,} ({size:.1f} {unit})"


def read_layers(documents: Any) -> list[Layer | None]:
    """Each layer that can be read by itself, ``None`` for one that cannot: to draw a stack being edited."""
    found: list[Layer | None] = []
    for value in documents if isinstance(documents, list | tuple) else []:
        try:
            found.append(layers.read(value))
        except ValueError:  # pydantic's errors are ValueErrors
            found.append(None)
    return found
