"""Networks of every layer, activation and loss, trained for some steps, and programs made of them."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.helpers import tiny
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data, Part
from tuiml.data.datasets import datasets
from tuiml.export.exported_run import Trained
from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.network import build
from tuiml.spec.preset import Training

BACKENDS = [name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)]
os.environ.setdefault("KERAS_BACKEND", (BACKENDS or ["torch"])[0])  # Keras' own default may not be installed

HIDDEN = {"leaky_relu": {"negative_slope": 0.3}, "elu": {"alpha": 1.5}, "celu": {"alpha": 0.5}}
FLAT = {
    "flatten": [{"type": "flatten"}],
    "dense": [{"type": "dense", "units": 5, "activation": "tanh", "bias": False}],
    "dropout": [{"type": "dropout", "rate": 0.3}],
    "activation": [{"type": "activation", "activation": "prelu"}],
    "batch_norm": [{"type": "batch_norm", "eps": 0.01}, {"type": "activation", "activation": "tanh"}],
    "layer_norm": [{"type": "layer_norm", "eps": 0.01}],
}
"""Stacks between two dense layers."""
IMAGES = {
    "conv2d": [{"type": "conv2d", "filters": 3, "kernel_size": 2, "padding": "same", "activation": "prelu"}],
    "max_pool2d": [{"type": "max_pool2d", "pool_size": 2, "padding": "same", "strides": 1}],
    "avg_pool2d": [{"type": "avg_pool2d", "pool_size": 2, "padding": "same", "strides": 1}],
    "global_avg_pool": [{"type": "conv2d", "filters": 4, "activation": "tanh"}, {"type": "global_avg_pool"}],
    "batch_norm": [{"type": "conv2d", "filters": 3, "bias": False}, {"type": "batch_norm"}],
    "layer_norm": [{"type": "layer_norm"}, {"type": "dropout"}],
    "flatten": [
        {"type": "flatten"},
        {"type": "activation", "activation": "prelu"},
        {"type": "batch_norm"},
        {"type": "layer_norm"},
    ],
    "even pads": [
        {"type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"type": "max_pool2d", "pool_size": 3, "padding": "same", "strides": 2},
        {"type": "avg_pool2d", "pool_size": 3, "padding": "same", "strides": 1},
    ],
    "strides": [
        {"type": "conv2d", "filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"type": "avg_pool2d", "pool_size": 2},
    ],
}
"""Stacks on images of 2 × 5 × 7, before a dense layer."""


def last_of(loss: str) -> str:
    return losses[loss].activation or "linear"


def numbers(outputs: int, normalize: bool = True) -> Data:
    """A regression whose inputs and targets are scaled."""
    rng = np.random.default_rng(3)
    parts = []
    for n in (60, 10, 400):
        x = (rng.standard_normal((n, 3)) * [1, 10, 0.1] + [5, 0, 1]).astype(np.float32)
        t = np.tanh(x @ rng.standard_normal((3, outputs)))
        parts.append(Part(x, t.astype(np.float32)))
    shift, scale = np.array([5, 0, 1], np.float32), np.array([1, 0.1, 10], np.float32)
    units = {
        "target_shift": np.full(outputs, 2.5, np.float32),
        "target_scale": np.full(outputs, 3, np.float32),
    }
    return Data((3,), (), *parts, shift, scale, "standard", "regression", **units)


def trained(
    stack: list[dict[str, Any]],
    data: Data | None = None,
    loss: Any = "cross_entropy",
    steps: int = 5,
    **training: Any,
) -> Trained:
    """A network after some steps; its last layer is added."""
    data = data or tiny(3, 3, train=60, test=400)
    settings = Training.model_validate({"loss": loss, "learning_rate": 0.05, "batch_size": 16, **training})
    net = build([layers.read(one) for one in stack], data.shape, settings.loss)
    if data.classes:
        counts = np.bincount(data.train.labels, minlength=len(data.classes)).tolist()
        weights = settings.class_weight.of(data.classes, counts)
        net = replace(net, class_weights=weights)
    engine = NumpyEngine(net, settings.optimizer, data, 1, settings.penalties)
    for step in range(steps):
        assert engine.step(np.random.default_rng(step).permutation(len(data.train))[:16], settings.rate)
    tensors = engine.tensors()
    totals, outputs = engine.evaluate(data.test), engine.predict(data.test.inputs)
    engine.close()
    found = Trained("a title", "first, step 5", net, settings, datasets.read("spiral"), data, tensors)
    expected[id(found)] = (found, totals, outputs)
    return found


expected: dict[int, Any] = {}


def classifier(
    between: list[dict[str, Any]], activation: str = "tanh", loss: str = "cross_entropy"
) -> Trained:
    hidden = {"name": activation, **HIDDEN.get(activation, {})}
    first = {"type": "dense", "units": 6, "activation": hidden, "initializer": "he_normal"}
    last = {"type": "dense", "units": 3, "activation": last_of(loss)}
    return trained([first, *between, last], loss=loss)


def of_images(between: list[dict[str, Any]], shape: tuple[int, ...] = (2, 5, 7)) -> Trained:
    data = tiny(0, 3, train=60, test=400, shape=shape)
    flat = any(one["type"] in ("flatten", "global_avg_pool") for one in between)
    end = [] if flat else [{"type": "flatten"}]
    return trained([*between, *end, {"type": "dense", "units": 3, "activation": "softmax"}], data)


def every_network() -> dict[str, Any]:
    """Functions that train a network of each layer, activation and loss of the registries."""
    found: dict[str, Any] = {}
    for f in activations:
        if not f.output_only:
            found[f"activation {f.name}"] = lambda name=f.name: classifier([], name)
            found[f"image activation {f.name}"] = lambda name=f.name: of_images(
                [{"type": "conv2d", "filters": 3, "activation": {"name": name, **HIDDEN.get(name, {})}}]
            )
        found[f"output {f.name}"] = lambda name=f.name: trained(
            [{"type": "dense", "units": 3, "activation": name}], loss="mse"
        )
    for name, between in FLAT.items():
        found[f"layer {name}"] = lambda between=between: classifier(between)
    for name, between in IMAGES.items():
        found[f"image {name}"] = lambda between=between: of_images(between)
    found["image without channels"] = lambda: of_images(IMAGES["conv2d"], (5, 7))
    found["layer_norm without channels"] = lambda: of_images(
        [*IMAGES["layer_norm"], *IMAGES["flatten"]], (5, 7)
    )
    for entry in losses:
        loss = entry.name
        found[f"loss {loss}"] = lambda loss=loss: classifier([], loss=loss)
        if loss != "cross_entropy":
            found[f"one output {loss}"] = lambda loss=loss: trained(
                [{"type": "dense", "units": 1, "activation": last_of(loss)}],
                tiny(3, 2, train=60, test=400),
                loss,
            )
        if not entry.activation:
            found[f"regression {loss}"] = lambda loss=loss: trained(
                [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense", "units": 2}],
                numbers(2),
                loss,
            )
    smoothed = {"name": "cross_entropy", "label_smoothing": 0.1}
    found["loss smoothed"] = lambda: trained(
        [{"type": "dense", "units": 3, "activation": "softmax"}], loss=smoothed
    )
    return found


def program_of(code: bytes, weights: bytes, folder: Path, stem: str = "program") -> ModuleType:
    """The module of a program that was written into a folder."""
    (folder / f"{stem}.py").write_bytes(code)
    (folder / f"{stem}.safetensors").write_bytes(weights)
    spec = importlib.util.spec_from_file_location(stem, folder / f"{stem}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop(stem, None)
    spec.loader.exec_module(module)
    return module


def labels_of(found: Trained) -> Any:
    """The labels of the test part as a file has them."""
    part = found.data.test
    return part.labels if found.classes else found.data.original(part.labels)
