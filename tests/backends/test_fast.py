"""Training with numba: what it makes of plans is what NumPy does, in fewer calls."""

import importlib.util
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.backends.test_numpy_engine import BETWEEN, hidden, stack_of
from tests.helpers import engine, needs_numba, network, numbers, tiny
from tuiml.backends import blas, fast, sharding
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.installation import hint
from tuiml.nn.activations import activations
from tuiml.nn.losses import losses
from tuiml.nn.optimizers import optimizers
from tuiml.spec.preset import Penalties

# -- the switch; these need no numba ------------------------------------------------------------------------


def test_the_environment_says_no(monkeypatch):
    monkeypatch.setenv(fast.SWITCH, "0")
    assert fast.trouble() == "TUIML_FAST=0 is set"
    assert fast.version() is None
    calls = [partial(np.exp, np.ones(3), np.ones(3))] * 2
    assert fast.fused(calls, [], []) == calls


def test_without_numba_it_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv(fast.SWITCH, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fast._missing.cache_clear()
    try:
        assert f"numba is not installed: {hint('fast')}" == fast.trouble()
        assert not any(s._program for s in trained(stack_of("tanh", "softmax", 3), tiny())._steps.values())
    finally:
        fast._missing.cache_clear()


def test_numba_that_does_not_load_is_done_without(monkeypatch):
    monkeypatch.delenv(fast.SWITCH, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "tuiml.backends.machine.programs", None)
    monkeypatch.delattr("tuiml.backends.machine.programs", raising=False)
    fast._missing.cache_clear()
    try:
        assert fast.trouble().startswith("numba does not load")
    finally:
        fast._missing.cache_clear()


# -- training -----------------------------------------------------------------------------------------------


def trained(stack, data, optimizer="sgd", loss="cross_entropy", batch=6, count=20, rate=0.01, **options):
    run = NumpyEngine(network(stack, data.shape[0], loss), optimizers.read(optimizer), data, 3, **options)
    n = len(data.train)
    batches = ((np.random.default_rng(i).permutation(n)[:batch], rate) for i in range(count))
    assert run.steps(batches) == count
    return run


def same_as_numpy(monkeypatch, *args, **kwargs):
    """Trains with and without; the engine with."""
    found = {}
    for switch in ("0", "1"):
        monkeypatch.setenv(fast.SWITCH, switch)
        run = trained(*args, **kwargs)
        found[switch] = run.state(), run.totals(), run.evaluate(run.data.test)
    without, with_ = found["0"], found["1"]
    for name, expected in without[0].items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(with_[0][name], expected, rtol=2e-3, atol=2e-4 * scale, err_msg=name)
    for a, b in zip(without[1:], with_[1:], strict=True):
        assert b.examples == a.examples
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.correct == pytest.approx(a.correct, abs=1)
        assert b.missed == (None if a.missed is None else pytest.approx(a.missed, rel=1e-4))
    return run


HIDDEN = [f.name for f in activations if not f.output_only]
OPTIMIZERS = [entry.name for entry in optimizers]
WIDE = {"features": 30, "train": 90}


@needs_numba
@pytest.mark.parametrize("number", range(max(len(HIDDEN), len(OPTIMIZERS))))
def test_training_is_numpys(monkeypatch, number):
    """Every activation and every optimizer, in a step of one call and in one of many."""
    name, optimizer = HIDDEN[number % len(HIDDEN)], OPTIMIZERS[number % len(OPTIMIZERS)]
    rate = 1.0 if optimizer == "adadelta" else 1e-3
    run = same_as_numpy(monkeypatch, stack_of(name, "softmax", 3), tiny(), optimizer, rate=rate)
    assert all(step._program for step in run._steps.values())
    stack = [{"type": "dense", "units": 40, "activation": hidden(name)}, *stack_of(name, "softmax", 3)]
    run = same_as_numpy(monkeypatch, stack, tiny(**WIDE), optimizer, batch=70, rate=rate)
    large = blas.function("sgemm") is not None
    assert all(bool(step._program) == large for step in run._steps.values())
    monkeypatch.setattr(blas, "function", lambda name: None)
    run = same_as_numpy(monkeypatch, stack, tiny(**WIDE), optimizer, batch=70, rate=rate)
    assert not any(step._program for step in run._steps.values())


@needs_numba
@pytest.mark.parametrize("kind", BETWEEN)
def test_training_through_every_layer_is_numpys(monkeypatch, kind):
    same_as_numpy(
        monkeypatch, stack_of("tanh", "softmax", 3, between=BETWEEN[kind]), tiny(train=40), batch=33
    )


@needs_numba
@pytest.mark.parametrize("loss", [entry.name for entry in losses])
def test_training_by_every_loss_is_numpys(monkeypatch, loss):
    stack = stack_of("tanh", losses[loss].activation or "sigmoid", 3)
    same_as_numpy(monkeypatch, stack, tiny(), "adam", loss)


@needs_numba
@pytest.mark.parametrize("loss", [entry.name for entry in losses if entry.activation is None])
@pytest.mark.parametrize("outputs", [1, 3])
def test_training_on_numbers_is_numpys(monkeypatch, loss, outputs):
    stack = stack_of("tanh", "linear", outputs)
    run = same_as_numpy(monkeypatch, stack, numbers(outputs=outputs), "adam", loss)
    assert all(bool(step._program) == (outputs == 1) for step in run._steps.values())


@needs_numba
def test_penalties_are_numpys(monkeypatch):
    penalties = Penalties(l1=0.01, l2=0.02, weight_decay=0.01)
    same_as_numpy(monkeypatch, stack_of("relu", "softmax", 3), tiny(), "adam", penalties=penalties)


@needs_numba
@pytest.mark.usefixtures("machine_code")
@pytest.mark.parametrize("threads", [1, 2])
def test_bits_repeat(monkeypatch, threads):
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    stack = [{"type": "dense", "units": 40, "activation": "gelu"}, *stack_of("rrelu", "softmax", 3)]
    states = []
    for _ in range(2):
        run = trained(stack, tiny(**WIDE), "adam", batch=70, threads=threads)
        assert [len(step.passes) for step in run._steps.values()] == [threads]
        states.append(run.state())
        run.close()
    for name, expected in states[0].items():
        assert states[1][name].tobytes() == expected.tobytes(), name


@needs_numba
@pytest.mark.usefixtures("machine_code")
def test_no_weight_changes_where_there_is_no_loss_to_go_by():
    run = trained(stack_of("relu", "softmax", 3), tiny(), count=3)
    assert all(step._program for step in run._steps.values())
    run.weights.flat[:] = 1e30
    before = run.weights.flat.copy()
    assert run.steps([(np.arange(6), 0.1)]) == 0
    np.testing.assert_array_equal(run.weights.flat, before)


@needs_numba
@pytest.mark.usefixtures("machine_code")
def test_images_as_bytes_are_normalized_as_numpy_does(monkeypatch):
    rng, data = np.random.default_rng(0), tiny(30, 3, train=9)
    for shift in (np.float32(0), np.float32(100), rng.integers(0, 99, 30).astype(np.float32)):
        parts = {}
        for part in ("train", "validation", "test"):
            found = getattr(data, part)
            parts[part] = replace(found, inputs=rng.integers(0, 256, (len(found), 30), dtype=np.uint8))
        monkeypatch.setattr("tuiml.backends.batches.READY", 0)
        bytes_ = replace(data, **parts, shift=shift, scale=np.float32(1 / 255))
        run = engine(stack_of("relu", "softmax", 3), bytes_)
        assert run.step(np.array([4, 0, 7]), 0.0)
        (step,) = run._steps.values()
        expected = (parts["train"].inputs[[4, 0, 7]].astype(np.float32) - shift) * np.float32(1 / 255)
        np.testing.assert_array_equal(step.passes[0].batches.x.T, expected)
