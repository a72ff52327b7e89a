"""``train`` of the programs takes the steps that tuiml takes: every optimizer, schedule and penalty."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.networks import numbers, program_of, trained
from tests.export.test_programs import made, needs
from tests.helpers import tiny
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.export.exported_run import Trained
from tuiml.nn.optimizers import optimizers
from tuiml.nn.schedules import schedules

STEPS = 6
STACK = [
    {"type": "dense", "units": 8, "activation": "tanh"},
    {"type": "dense", "units": 3, "activation": "softmax"},
]
OPTIONS: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9, "nesterov": True}}
SCHEDULES: dict[str, dict[str, Any]] = {
    "constant": {"warmup": 2.0},
    "step": {"every": 2},
    "cosine": {"warmup": 1.0, "final": 0.1},
    "plateau": {"patience": 0, "factor": 0.5},
}
SETTINGS: dict[str, dict[str, Any]] = {
    **{f"optimizer {o.name}": {"optimizer": {"name": o.name, **OPTIONS.get(o.name, {})}} for o in optimizers},
    **{f"schedule {s.name}": {"schedule": {"name": s.name, **SCHEDULES.get(s.name, {})}} for s in schedules},
    "l1": {"l1": 0.01},
    "l2": {"l2": 0.1, "optimizer": {"name": "sgd", "momentum": 0.9}},
    "weight decay": {"weight_decay": 0.2, "optimizer": "adam"},
    "clipped": {"clip_norm": 0.1},
    "max norm": {"max_norm": 0.5},
    "class weights": {"class_weight": [1.0, 5.0, 0.5]},
}


def steps_of(found: Trained) -> Any:
    """The outputs of the engine after some steps on all examples, from the weights that were exported."""
    t, data = found.training, found.data
    engine = NumpyEngine(found.network, t.optimizer, data, t.seed, t.penalties)
    engine.load({**engine.state(), **found.tensors}, 0)
    rate, least, waited = t.rate, float("inf"), 0
    for step in range(STEPS):
        assert engine.step(np.arange(len(data.train)), rate * t.schedule.multiplier(step, STEPS, 1))
        loss = engine.totals().mean_loss
        rate, least, waited = t.schedule.after_epoch(rate, loss, least, waited)
    outputs = engine.predict(data.test.inputs).T
    engine.close()
    return outputs


@needs
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_training_goes_on_as_in_tuiml(
    framework: str, setting: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = 0.5 if setting == "optimizer adadelta" else 0.02
    options = {"learning_rate": rate, "batch_size": 100, "epochs": STEPS, **SETTINGS[setting]}
    found = trained(STACK, tiny(3, 3, train=60, test=50), **options)
    files = made(framework, found)
    program = program_of(files[".py"], files[".safetensors"], tmp_path)
    model, raw = program.load_model(), found.data.test.inputs
    before = program.predict(model, raw)
    program.train(model, found.data.train.inputs, found.data.train.labels)
    after, expected = program.predict(model, raw), steps_of(found)
    moved = np.abs(expected - before).max()
    assert moved > 1e-3
    far = 2e-3 if framework != "keras" else 0.2 if setting == "optimizer nadam" else 0.02
    # Keras adds epsilon elsewhere, so its first steps differ a little; its Nadam's momentum grows faster
    assert np.abs(after - expected).max() < far * moved


def stopped(found: Trained, of: str) -> tuple[Any, int]:
    """The outputs of the engine that ends early, with the best weights, and the steps that it took."""
    t, data = found.training, found.data
    engine = NumpyEngine(found.network, t.optimizer, data, t.seed, t.penalties)
    engine.load({**engine.state(), **found.tensors}, 0)
    best, kept, waited, step = float("inf"), engine.tensors(), 0, 0
    while step < t.epochs and waited < 2:
        assert engine.step(np.arange(len(data.train)), t.rate)
        trained_on, held_out, step = engine.totals(), engine.evaluate(data.test), step + 1
        figures = {"val_loss": held_out.mean_loss, "val_accuracy": -held_out.accuracy}
        figure = {**figures, "train_loss": trained_on.mean_loss}[of]
        waited += 1
        if figure < best:
            best, kept, waited = figure, engine.tensors(), 0
    engine.load({**engine.state(), **kept}, 0)
    outputs = engine.predict(data.test.inputs).T
    engine.close()
    return outputs, step


@needs
@pytest.mark.parametrize("of", ["val_loss", "val_accuracy", "train_loss"])
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_training_ends_early_as_in_tuiml(framework: str, of: str, tmp_path: Path) -> None:
    rule = {"name": of, "patience": 2}
    rate = 30.0 if of == "train_loss" else 1.0
    options = {"learning_rate": rate, "batch_size": 100, "epochs": 300, "early_stopping": rule}
    found = trained(STACK, tiny(3, 3, train=20, test=50), **options)
    expected, steps = stopped(found, of)
    assert steps < 300
    files = made(framework, found)
    program = program_of(files[".py"], files[".safetensors"], tmp_path)
    model, part, test = program.load_model(), found.data.train, found.data.test
    held = {} if of == "train_loss" else {"validation": (test.inputs, test.labels)}
    program.train(model, part.inputs, part.labels, **held)
    assert np.abs(program.predict(model, test.inputs) - expected).max() < 0.01
    if held:  # without it all epochs are trained
        program.train(program.load_model(), part.inputs, part.labels, epochs=2)


def test_the_program_says_what_it_does_not_do() -> None:
    found = replace(trained(STACK, tiny(3, 3, train=20, test=50)), pretraining="rbm")
    for framework in ("torch", "keras", "mlx"):
        writer = importlib.import_module(f"tuiml.export.writers.{framework}")
        text = " ".join(writer.code(found, "x").decode().split())
        assert "pretrained (rbm) before, which it does not do" in text
        assert "but for the order of examples and random numbers" in text
        assert "EarlyStopping" not in text


@needs
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_a_regression_learns(framework: str, tmp_path: Path) -> None:
    stack = [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense", "units": 2}]
    found = trained(stack, numbers(2), "mse", epochs=30)
    files = made(framework, found)
    program = program_of(files[".py"], files[".safetensors"], tmp_path)
    model, part = program.load_model(), found.data.train
    targets = found.data.original(part.labels)
    loss, _ = program.evaluate(model, part.inputs, targets)
    program.train(model, part.inputs, targets)
    assert program.evaluate(model, part.inputs, targets)[0] < loss
