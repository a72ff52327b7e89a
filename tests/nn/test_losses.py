"""Losses: values, gradients and the last layer each is made for."""

import math

import numpy as np
import pytest

from tests.helpers import compiled
from tests.reference import LOSSES
from tuiml.backends.graph import Graph
from tuiml.nn.activations import activations
from tuiml.nn.losses import losses

CASES = [entry() for entry in losses] + [losses["cross_entropy"](label_smoothing=e) for e in (0.1, 0.9)]
every = pytest.mark.parametrize("loss", CASES, ids=lambda loss: repr(losses.write(loss)))


def targets(loss, outputs, batch, rng):
    """One-hot, or 0 and 1 on a single output."""
    t = np.eye(max(outputs, 2))[rng.integers(0, max(outputs, 2), batch)].T
    return t if outputs > 1 else t[1:]


def outputs_of(loss):
    return (1, 2, 5) if loss.activation != "softmax" else (2, 5)


def mean_loss(loss, z, t):
    """Mean over the batch, as a function of what the loss's gradient is for: z where it is fused, else y."""
    y = activations[loss.activation]().forward(np, z) if loss.activation else z
    return float(loss.value(np, z, y, t).mean())


def test_every_loss_is_in_the_textbook():
    """Its values are compared in tests/backends/test_numpy_engine.py."""
    assert set(LOSSES) == set(losses.names()), "write its formula in tests/reference.py"


@every
def test_gradient_agrees_with_finite_differences(loss):
    rng, h = np.random.default_rng(1), 1e-6
    for outputs in outputs_of(loss):
        z, t = rng.standard_normal((outputs, 7)) * 2, targets(loss, outputs, 7, rng)
        y = activations[loss.activation]().forward(np, z) if loss.activation else z
        found = loss.gradient(np, z, y, t) / 7
        for i, j in np.ndindex(z.shape):
            ends = []
            for step in (-h, h):
                moved = z.copy()
                moved[i, j] += step
                ends.append(mean_loss(loss, moved, t))
            assert found[i, j] == pytest.approx((ends[1] - ends[0]) / (2 * h), rel=1e-6, abs=1e-9)


@every
def test_value_is_one_number_an_example(loss):
    rng = np.random.default_rng(2)
    for outputs in outputs_of(loss):
        z, t = rng.standard_normal((outputs, 6)), targets(loss, outputs, 6, rng)
        assert loss.value(np, z, z, t).shape == (1, 6)


@every
def test_the_compiled_plan_gives_the_same_in_float32(loss):
    rng = np.random.default_rng(3)
    for outputs in outputs_of(loss):
        for batch in (1, 6):
            z, t = rng.standard_normal((outputs, batch)) * 3, targets(loss, outputs, batch, rng)

            def formula(xp, z, t):
                y = activations[loss.activation]().forward(xp, z) if loss.activation else z
                return loss.value(xp, z, y, t), loss.gradient(xp, z, y, t)

            value, gradient = compiled(formula, z.astype(np.float32), t.astype(np.float32))
            expected = formula(np, z, t)
            np.testing.assert_allclose(value, expected[0], rtol=2e-6, atol=1e-6)
            np.testing.assert_allclose(gradient, expected[1], rtol=2e-6, atol=1e-6)


def test_cross_entropy_by_hand():
    loss, softmax = losses["cross_entropy"](), activations["softmax"]()
    z = np.log(np.array([[0.7, 0.1], [0.2, 0.1], [0.1, 0.8]])) + 3.0  # any constant drops out
    t = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    y = softmax.forward(np, z)
    np.testing.assert_allclose(loss.value(np, z, y, t)[0], [-math.log(0.7), -math.log(0.1)])
    uniform = loss.value(np, np.zeros((10, 1)), np.full((10, 1), 0.1), np.eye(10)[:, :1])
    assert float(uniform[0, 0]) == pytest.approx(
        math.log(10)
    )  # what an untrained classifier of ten starts at


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_cross_entropy_against_softened_targets(smoothing):
    rng = np.random.default_rng(5)
    z, t = rng.standard_normal((4, 6)), np.eye(4)[rng.integers(0, 4, 6)].T
    soft = t * (1 - smoothing) + smoothing / 4
    y = activations["softmax"]().forward(np, z)
    loss = losses["cross_entropy"](label_smoothing=smoothing)
    np.testing.assert_allclose(loss.value(np, z, y, t)[0], -(soft * np.log(y)).sum(axis=0))
    np.testing.assert_allclose(loss.gradient(np, z, y, t), y - soft, atol=1e-15)


def test_smoothing_of_nothing_computes_nothing_more():
    graph = Graph()
    z, t = graph.input("z", (3, 2)), graph.input("t", (3, 2))
    found = losses["cross_entropy"](label_smoothing=0.0).gradient(graph, z, z, t)
    assert (found.op, found.args) == ("subtract", (z, t))


def test_binary_cross_entropy_by_hand():
    loss = losses["binary_cross_entropy"]()
    z = np.array([[math.log(3.0), math.log(3.0)]])  # a probability of 3/4
    y = activations["sigmoid"]().forward(np, z)
    np.testing.assert_allclose(
        loss.value(np, z, y, np.array([[1.0, 0.0]]))[0], [-math.log(0.75), -math.log(0.25)]
    )
    two = loss.value(np, np.zeros((2, 1)), np.full((2, 1), 0.5), np.array([[1.0], [0.0]]))
    assert float(two[0, 0]) == pytest.approx(math.log(2))  # the mean over the outputs, not their sum


def test_mean_squared_error_by_hand():
    y, t = np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]])
    assert float(losses["mse"]().value(np, y, y, t)[0, 0]) == pytest.approx((1 + 4) / 2)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_hopeless_logits_give_a_large_finite_loss(name):
    """Float32: log(0) and e¹⁰⁰⁰⁰ are never formed. The loss is the distance of the logits."""
    loss = losses[name]()
    t = np.float32([[1.0, 1.0], [0.0, 0.0]])
    z = np.float32([[-1e4, 1e4], [1e4, -1e4]])

    def formula(xp, z, t):
        y = activations[loss.activation]().forward(xp, z)
        return loss.value(xp, z, y, t), loss.gradient(xp, z, y, t)

    value, gradient = compiled(formula, z, t)
    np.testing.assert_allclose(value[0], [2e4 if name == "cross_entropy" else 1e4, 0.0])
    np.testing.assert_allclose(gradient[:, 0], np.float32([-1, 1]) * (1 if name == "cross_entropy" else 0.5))
    np.testing.assert_allclose(gradient[:, 1], 0.0, atol=1e-37)


def test_an_overflowed_logit_of_another_class_does_not_hide_the_loss():
    z = np.float32([[0.0], [-np.inf], [0.0]])
    t = np.float32([[1.0], [0.0], [0.0]])
    (value,) = compiled(lambda xp, z, t: losses["cross_entropy"]().value(xp, z, z, t), z, t)
    assert float(value[0, 0]) == pytest.approx(math.log(2))
    smooth = losses["cross_entropy"](label_smoothing=0.1)
    (value,) = compiled(lambda xp, z, t: smooth.value(xp, z, z, t), z, t)
    assert float(value[0, 0]) == math.inf  # a fraction of the target is there, so this is the true loss
