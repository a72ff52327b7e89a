"""Optimizers against PyTorch's documented formulas, written out here in float64."""

import itertools
import math

import numpy as np
import pytest

from tests.helpers import updating
from tuiml.nn.optimizers import optimizers
from tuiml.registry import options_of

STEPS = 20


def sgd(w, gradients, rate, momentum=0.0, nesterov=False):
    velocity = np.zeros_like(w)
    for g in gradients:
        velocity = momentum * velocity + g  # the first step's is g, as there without dampening
        w = w - rate * (g + momentum * velocity if nesterov else velocity)
    return w


def adagrad(w, gradients, rate, eps=1e-10):
    total = np.zeros_like(w)
    for g in gradients:
        total = total + g**2
        w = w - rate * g / (np.sqrt(total) + eps)
    return w


def adadelta(w, gradients, rate, rho=0.9, eps=1e-6):
    square, change = np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        square = rho * square + (1 - rho) * g**2
        delta = np.sqrt(change + eps) / np.sqrt(square + eps) * g
        change = rho * change + (1 - rho) * delta**2
        w = w - rate * delta
    return w


def rmsprop(w, gradients, rate, rho=0.9, eps=1e-8):
    square = np.zeros_like(w)
    for g in gradients:
        square = rho * square + (1 - rho) * g**2
        w = w - rate * g / (np.sqrt(square) + eps)
    return w


def adam(w, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        w = w - rate * weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w


def adamw(w, gradients, rate, weight_decay=0.01, **options):
    return adam(w, gradients, rate, weight_decay=weight_decay, **options)


def adamax(w, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-8):
    m, u = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        w = w - rate / (1 - beta1**t) * m / u
    return w


def nadam(w, gradients, rate, beta1=0.9, beta2=0.999, eps=1e-8):
    def mu(t):
        return beta1 * (1 - 0.5 * 0.96 ** (t * 0.004))

    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        product = math.prod(mu(i) for i in range(1, t + 1))
        m_hat = mu(t + 1) * m / (1 - product * mu(t + 1)) + (1 - mu(t)) * g / (1 - product)
        w = w - rate * m_hat / (np.sqrt(v / (1 - beta2**t)) + eps)
    return w


REFERENCES = {f.__name__: f for f in (sgd, adagrad, adadelta, rmsprop, adam, adamw, adamax, nadam)}
OPTIONS = {  # beside the defaults: every option changed at least once
    "sgd": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"nesterov": True}],
    "adagrad": [{"eps": 0.1}],
    "adadelta": [{"rho": 0.5, "eps": 0.01}, {"rho": 0.0}],
    "rmsprop": [{"rho": 0.5, "eps": 0.1}, {"rho": 0.0}],
    "adam": [{"beta1": 0.5, "beta2": 0.6, "eps": 0.1}, {"beta1": 0.0, "beta2": 0.0}],
    "adamw": [{"weight_decay": 0.3, "beta1": 0.5, "beta2": 0.6, "eps": 0.1}, {"weight_decay": 0.0}],
    "adamax": [{"beta1": 0.5, "beta2": 0.6, "eps": 0.1}, {"beta1": 0.0}],
    "nadam": [{"beta1": 0.5, "beta2": 0.6, "eps": 0.1}, {"beta1": 0.0}],
}
CASES = [(entry.name, options) for entry in optimizers for options in [{}, *OPTIONS.get(entry.name, [])]]
cases = pytest.mark.parametrize(("name", "options"), CASES)
every = pytest.mark.parametrize("name", optimizers.names())


def gradients(rng, size=30):
    """Of all sizes and both signs; where a weight's is 0 throughout, the weight must stay."""
    found = rng.standard_normal((STEPS, size)) * 10.0 ** rng.uniform(-3, 1, size)
    found[:, 0] = 0.0
    return found


def in_float64(name, options, w, all_g, rate):
    """The product's own formula, run as it is written."""
    optimizer = optimizers.read({"name": name, **options})
    state = {key: np.zeros_like(w) for key in optimizer.state_names()}
    for step, g in enumerate(all_g, 1):
        w, state = optimizer.update(np, w, g, state, optimizer.scalars(step, rate))
        assert set(state) == set(optimizer.state_names())
    return w


def test_there_is_a_reference_for_every_optimizer_and_option():
    assert set(REFERENCES) == set(OPTIONS) == set(optimizers.names()), "write its formula above"
    for name in REFERENCES:
        changed = set().union(*OPTIONS[name])
        assert changed == {option.name for option in options_of(optimizers[name])}, name


@cases
def test_formula_in_float64(name, options):
    rng = np.random.default_rng(1)
    w, all_g, rate = rng.standard_normal(30), gradients(rng), 0.01
    expected = REFERENCES[name](w, all_g, rate, **options)
    found = in_float64(name, options, w, all_g, rate)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@cases
def test_compiled_update_in_float32(name, options):
    optimizer, rng = optimizers.read({"name": name, **options}), np.random.default_rng(2)
    start, all_g, rate = rng.standard_normal(30), gradients(rng), 0.01
    weights, g = start.astype(np.float32), np.zeros(30, np.float32)
    update = updating(optimizer, weights, g)
    for step, gradient in enumerate(all_g, 1):
        g[:] = gradient
        update(step, rate)
        np.testing.assert_array_equal(g, gradient.astype(np.float32))  # the screen shows it after the step
    expected = in_float64(name, options, start, all_g, rate)
    np.testing.assert_allclose(weights - start, expected - start, rtol=2e-5, atol=2e-6)


@cases
def test_a_weight_without_gradient_stays(name, options):
    decay = {"weight_decay": 0.0} if name == "adamw" else {}
    weights, g = np.float32([1.5, -2.0]), np.zeros(2, np.float32)
    update = updating(optimizers.read({"name": name, **options, **decay}), weights, g)
    for step in range(1, 6):
        update(step, 0.1)
    np.testing.assert_array_equal(weights, np.float32([1.5, -2.0]))


@every
def test_usual_rate_lowers_a_parabola(name):
    """x² from 1 with the rate that a preset without one gets: it goes down, and does not jump across."""
    optimizer = optimizers[name]()
    weights, g = np.ones(1, np.float32), np.zeros(1, np.float32)
    update = updating(optimizer, weights, g)
    passed = [1.0]
    for step in range(1, 31):
        g[:] = 2 * weights
        update(step, optimizer.rate)
        passed.append(float(weights[0]))
    assert all(0 < b < a for a, b in itertools.pairwise(passed))


def test_decoupled_decay_is_not_scaled_by_the_gradient():
    """What sets AdamW apart: a weight with a huge gradient decays as one with a small one does."""
    kept = []
    for scale in (1e-3, 1e3):
        w = np.zeros(2)
        w[1] = 5.0
        g = np.full(2, scale)
        optimizer = optimizers["adamw"](weight_decay=0.5)
        state = {name: np.zeros(2) for name in optimizer.state_names()}
        new, _ = optimizer.update(np, w, g, state, optimizer.scalars(1, 0.1))
        kept.append(new[1] - new[0])  # the same gradient moves both, so the difference is what decay left
    assert kept == pytest.approx([5.0 * (1 - 0.1 * 0.5)] * 2)


def test_first_steps_by_hand():
    one = {"w": np.array([1.0]), "g": np.array([0.5])}

    def first(name, rate=0.1, **options):
        optimizer = optimizers[name](**options)
        state = {key: np.zeros(1) for key in optimizer.state_names()}
        new, _ = optimizer.update(np, one["w"], one["g"], state, optimizer.scalars(1, rate))
        return float(new[0])

    assert first("sgd") == pytest.approx(0.95)
    assert first("sgd", momentum=0.9) == pytest.approx(0.95)
    assert first("sgd", momentum=0.9, nesterov=True) == pytest.approx(1 - 0.1 * 0.5 * 1.9)
    assert first("adagrad") == pytest.approx(0.9)
    assert first("rmsprop") == pytest.approx(1 - 0.1 / math.sqrt(0.1), rel=1e-6)
    assert first("adam") == pytest.approx(0.9)
    assert first("adamw") == pytest.approx(1 * (1 - 0.1 * 0.01) - 0.1)
    assert first("adamax") == pytest.approx(0.9)
    assert first("adadelta", rate=1.0) == pytest.approx(1 - 1e-3 / math.sqrt(0.1 * 0.25 + 1e-6) * 0.5)


def test_nadam_scalars_do_not_depend_on_the_order_they_are_asked_in():
    """A resumed run starts at its step; another run in the same process may be elsewhere."""
    late = optimizers["nadam"](beta1=0.87).scalars(500, 0.1)
    early = optimizers["nadam"](beta1=0.87).scalars(3, 0.1)
    product = math.prod(0.87 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in range(1, 4))
    assert early["gradient"] == pytest.approx(0.1 * (1 - 0.87 * (1 - 0.5 * 0.96**0.012)) / (1 - product))
    assert late == optimizers["nadam"](beta1=0.87).scalars(500, 0.1)


def test_nadam_keeps_no_more_however_long_it_runs():
    """Over 10,000 steps the product is the documented one to the bit, and what is kept does not grow."""
    nadam, expected = optimizers["nadam"](beta1=0.95), 1.0
    for step in range(1, 10_001):
        expected *= nadam.momentum(step)
        assert nadam.product(step) == expected
        assert nadam.product(step) == expected  # asked for again, as by a second engine
    assert nadam.product(7) == math.prod(nadam.momentum(i) for i in range(1, 8))
    for k in range(100):
        optimizers["nadam"](beta1=k / 100).scalars(5, 0.1)
    assert sum(isinstance(value, tuple) for value in nadam._latest.values()) < 20


def test_nesterov_without_momentum_is_said_to_do_nothing():
    assert "momentum" in optimizers["sgd"](nesterov=True).notice()
    assert [one().notice() for one in optimizers] == [""] * len(optimizers)
    assert optimizers["sgd"](nesterov=True, momentum=0.5).notice() == ""
