"""Presets that tuiml 0.2 saved are read back equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.written_by_0_2 import copy_to
from tuiml.cli import main
from tuiml.spec.library import find

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(own_folders: Path) -> Path:
    return copy_to(own_folders)


SOFTMAX = {"type": "dense", "activation": "softmax"}
USUAL = {"loss": "cross_entropy", "optimizer": "sgd", "batch_size": 32, "epochs": 20, "seed": 0}
SHORT = USUAL | {"epochs": 2}
PRESETS: dict[str, dict[str, Any]] = {
    "every-section": {
        "note": "Two lines,\nof which this is the second.",
        "data": {"name": "digits", "train": 400, "validation": 100, "normalize": "standard"},
        "layers": [
            {"type": "conv2d", "filters": 3, "padding": "same", "activation": "prelu"}
            | {"initializer": "uniform", "bias": False},
            {"type": "batch_norm"},
            {"type": "max_pool2d"},
            {"type": "avg_pool2d", "strides": 1},
            {
                "type": "conv2d",
                "filters": 2,
                "kernel_size": 2,
                "activation": "rrelu",
                "initializer": "orthogonal",
            },
            {"type": "global_avg_pool"},
            {"type": "layer_norm"},
            {"type": "dense", "units": 4, "activation": {"name": "elu", "alpha": 0.5}}
            | {"initializer": {"name": "truncated_normal", "stddev": 0.2}},
            {"type": "activation", "activation": {"name": "leaky_relu", "negative_slope": 0.2}},
            {"type": "dropout", "rate": 0.25},
            SOFTMAX,
        ],
        "training": {
            "loss": "cross_entropy",
            "optimizer": {"name": "adamw", "beta1": 0.8, "weight_decay": 0.02},
            "learning_rate": 0.002,
            "batch_size": 50,
            "epochs": 7,
            "seed": 11,
            "schedule": {"name": "cosine", "warmup": 2.0},
            "early_stopping": {
                "name": "val_accuracy",
                "patience": 3,
                "min_delta": 0.001,
                "restore_best": False,
            },
            "l1": 0.0001,
            "l2": 0.001,
            "weight_decay": 0.0002,
            "clip_norm": 1.5,
        },
    },
    "pretrained": {
        "data": {"name": "digits", "train": 200},
        "layers": [
            {"type": "flatten"},
            {"type": "dense", "units": 6, "activation": "sigmoid"}
            | {"initializer": {"name": "normal", "stddev": 0.1}},
            SOFTMAX,
        ],
        "pretraining": {"method": "rbm", "epochs": 3, "learning_rate": 0.2, "batch_size": 20}
        | {"momentum": 0.4, "weight_cost": 0.001},
        "training": USUAL | {"learning_rate": 0.1},
    },
    "gaussians": {
        "data": {
            "name": "gaussians",
            "size": 300,
            "noise": 0.5,
            "clouds": 4,
            "features": 6,
            "separation": 2.0,
        },
        "layers": [
            {
                "type": "dense",
                "units": 5,
                "activation": "selu",
                "initializer": {"name": "constant", "value": 0.1},
            },
            SOFTMAX,
        ],
        "training": {"optimizer": {"name": "nadam"}, "schedule": {"name": "step", "every": 2, "decay": 0.5}},
    },
    "waves": {
        "data": {"name": "sine", "size": 100, "noise": 0.05, "waves": 1.5},
        "layers": [{"type": "dense", "units": 5, "activation": "silu"}, {"type": "dense"}],
        "training": {
            **USUAL,
            "loss": {"name": "huber", "delta": 0.7},
            "optimizer": {"name": "rmsprop", "rho": 0.8},
            "learning_rate": 0.01,
            "early_stopping": "train_loss",
        },
    },
    "small": {
        "data": {"name": "moons", "size": 80, "validation": 20},
        "layers": [
            {"type": "dense", "units": 4, "activation": "tanh"},
            {"type": "dense", "units": 3, "activation": "relu"},
            SOFTMAX,
        ],
        "training": {"learning_rate": 0.1, "batch_size": 20, "epochs": 4},
    },
    "table": {
        "data": {"path": "plants.csv", "validation": 6, "normalize": "unit", "test": 0.1, "label": "kind"}
        | {
            "ignore": "useless",
            "predict": "classes",
            "header": "yes",
            "delimiter": "comma",
            "missing": "mean",
        },
        "layers": [{"type": "dense", "units": 4, "activation": "tanh"}, SOFTMAX],
        "training": SHORT,
    },
    "arrays": {
        "data": {"path": "arrays.npz", "predict": "numbers"},
        "layers": [{"type": "dense"}],
        "training": SHORT | {"loss": "mse", "batch_size": 8},
    },
    "labelled-files": {
        "data": {"path": "tiny-images-idx3-ubyte", "test": 0.25},
        "layers": [{"type": "flatten"}, SOFTMAX],
        "training": SHORT | {"batch_size": 4},
    },
    "folder": {
        "data": {"path": "shades", "validation": 2, "width": 4, "height": 4, "grey": True},
        "layers": [{"type": "flatten"}, SOFTMAX],
        "training": SHORT | {"batch_size": 2},
    },
}
SHOWN = {  # parameters; training, validation and test examples; learning rate
    "every-section": (128, 400, 100, 297, 0.002),
    "pretrained": (460, 200, 150, 297, 0.1),
    "gaussians": (59, 270, 30, 75, 0.001),
    "waves": (16, 90, 10, 25, 0.01),
    "small": (35, 60, 20, 20, 0.1),
    "table": (35, 48, 6, 6, 0.01),
    "arrays": (4, 22, 2, 6, 0.01),
    "labelled-files": (34, 9, 0, 3, 0.01),
    "folder": (34, 4, 2, 2, 0.01),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_was_saved_reads_back_equal(name: str, capsys: Capture, home: Path) -> None:
    expected = {"version": 1, "name": name, **PRESETS[name]}
    if "path" in expected["data"]:
        expected["data"] = expected["data"] | {"path": str(home / "files" / expected["data"]["path"])}
    assert find(name).document() == expected
    assert main(["show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["problems"] == []
    examples = shown["settings"]["examples"].values()
    assert (shown["parameters"], *examples, shown["settings"]["learning_rate"]) == SHOWN[name]


def test_every_preset_is_listed(capsys: Capture) -> None:
    assert main(["presets", "--json"]) == 0
    assert set(PRESETS) == set(SHOWN) <= {preset["preset"] for preset in json.loads(capsys.readouterr().out)}
