"""Another data set for a preset: what has to change with it in network and training."""

from __future__ import annotations

import copy
from typing import Any

from tuiml.data.base import Dataset
from tuiml.nn.activations import Activation, activations
from tuiml.nn.layers import ActivationLayer, Dense, layers
from tuiml.nn.losses import CrossEntropy, Loss, losses
from tuiml.nn.network import output_layer
from tuiml.spec.check import read_layers
from tuiml.spec.stopping import stoppings
from tuiml.tui.model.document_paths import Raw


def adopt(raw: Raw, table: dict[str, Any], dataset: Dataset) -> tuple[Raw, str]:
    """The document with ``table`` as its data (read: ``dataset``), and the other changes in words.

    Output units, loss, last activation and batch size are fitted; other problems are left to the user.
    """
    raw = copy.deepcopy(raw)
    raw["data"] = copy.deepcopy(table)
    stack = raw.get("layers")
    training = raw.setdefault("training", {})
    done: list[str] = []
    if isinstance(stack, list) and isinstance(training, dict) and all(isinstance(v, dict) for v in stack):
        _input(stack, dataset, done)
        _loss(stack, training, dataset, done)
        _units(stack, dataset)
        _sizes(training, dataset, done)
    outputs = f"{len(dataset.classes)} classes" if dataset.target == "classes" else _numbers(dataset)
    return raw, ", ".join([f"{dataset.title}: {outputs}", *done])


def _numbers(dataset: Dataset) -> str:
    return "a number" if dataset.outputs == 1 else f"{dataset.outputs} numbers"


def _input(stack: list[Raw], dataset: Dataset, done: list[str]) -> None:
    """Add a flatten layer for images before a dense layer."""
    first = layers.entry_of(stack[0]) if stack else None
    if first is Dense and len(dataset.shape) > 1:
        stack.insert(0, {"type": "flatten"})
        done.append("a flatten layer first")


def _loss(stack: list[Raw], training: Raw, dataset: Dataset, done: list[str]) -> None:
    """Loss, last activation and early stopping for the target."""
    loss = losses.entry_of(training.get("loss", CrossEntropy.name))
    numbers = dataset.target == "regression"
    if loss is None or not issubclass(loss, Loss) or not stack:
        return
    last = _activation(stack[-1])
    if numbers:
        if loss.activation:
            training["loss"] = "mse"
            done.append("loss mse")
        if last and (last.output_only or last.name == loss.activation):
            _activate(stack[-1], "linear")
            done.append("linear outputs")
        _stopping(training, done)
        if training.pop("class_weight", None) is not None:
            done.append("no class weights")
        return
    alone = stack[-1].get("units") == 1 and len(dataset.classes) == 2
    suits = last is not None and last.name == loss.activation and (last.name == "softmax" or alone)
    if not suits and (last is None or last.name != "softmax" or loss.activation):
        training["loss"] = CrossEntropy.name
        _activate(stack[-1], "softmax")
        done.append("loss cross_entropy with softmax")


def _stopping(training: Raw, done: list[str]) -> None:
    rule = training.get("early_stopping")
    entry = stoppings.entry_of(rule)
    if entry is not None and entry.name.endswith("accuracy"):
        training["early_stopping"] = {**rule, "name": "val_loss"} if isinstance(rule, dict) else "val_loss"
        done.append("early stopping by val_loss")


def _activation(layer: Raw) -> type[Activation] | None:
    """The activation of the last layer."""
    entry = layers.entry_of(layer)
    if entry not in (Dense, ActivationLayer):
        return None
    default = "linear" if entry is Dense else "relu"
    found = activations.entry_of(layer.get("activation", default))
    return found if found is not None and issubclass(found, Activation) else None


def _activate(layer: Raw, name: str) -> None:
    if layers.entry_of(layer) is Dense and name == "linear":
        layer.pop("activation", None)
    elif layers.entry_of(layer) in (Dense, ActivationLayer):
        layer["activation"] = name


def _units(stack: list[Raw], dataset: Dataset) -> None:
    """Leave out the units of the output layer if they do not fit: the default fits."""
    index = output_layer(list(read_layers(stack)))
    if index is not None and stack[index].get("units") not in (None, dataset.outputs):
        single = stack[index]["units"] == 1 and len(dataset.classes) == 2
        last = _activation(stack[-1])
        if not single or (last is not None and last.name == "softmax"):
            del stack[index]["units"]


def _sizes(training: Raw, dataset: Dataset, done: list[str]) -> None:
    train, _, _ = dataset.sizes()
    size = training.get("batch_size", 32)
    if isinstance(size, int) and not isinstance(size, bool) and size > train > 0:
        training["batch_size"] = train
        done.append(f"batches of {train}")
