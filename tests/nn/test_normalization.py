"""Normalizing layers and what they bring with them: arrays that are kept but not learned, layers that know
whether they train, and activations that are layers of their own."""

import math

import numpy as np
import pytest

from tests.helpers import compiled, engine, network, part, preset, run_parts, tiny, trainer_of
from tests.reference import Reference
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.network import build
from tuiml.nn.optimizers import optimizers
from tuiml.runs import checkpoints
from tuiml.training.events import Snapshot

RUNNING = ("layers.1.running_mean", "layers.1.running_var")
NORMED = [
    {"type": "dense", "units": 5, "bias": False},
    {"type": "batch_norm"},
    {"type": "activation", "activation": "prelu"},
    {"type": "layer_norm"},
    {"type": "dense", "units": 3},
    {"type": "activation", "activation": "softmax"},
]


def normed(optimizer="adam", stack=NORMED):
    return engine(stack, tiny(4, 3, train=12), optimizer)


def train(run, steps, size=5, rate=0.05):
    for step in range(steps):
        assert run.step(np.random.default_rng(step).permutation(12)[:size], rate)


# -- running statistics ----------------------------------------------------------------------------------


def test_running_statistics_are_those_of_the_batches():
    """Ioffe & Szegedy 2015, algorithm 2: the running variance is the unbiased one."""
    stack = [{"type": "flatten"}, {"type": "batch_norm", "momentum": 0.25}, *NORMED[-2:]]
    run = engine(stack, tiny(4, 3, train=12))
    mean, variance = np.zeros(4), np.ones(4)
    for step in range(5):
        rows = np.random.default_rng(step).permutation(12)[: 3 + step]
        assert run.step(rows, 0.1)
        batch = run.data.train.inputs[rows].astype(np.float64)
        mean = 0.75 * mean + 0.25 * batch.mean(axis=0)
        variance = 0.75 * variance + 0.25 * batch.var(axis=0, ddof=1)
        found = run.tensors()
        np.testing.assert_allclose(found[RUNNING[0]], mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[RUNNING[1]], variance, rtol=1e-5)


def test_evaluation_uses_the_running_statistics_and_leaves_them():
    data = tiny(4, 3, train=12, test=1203)  # more than one batch
    run = engine(NORMED, data, "adam")
    train(run, 20)
    p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
    reference, found = Reference(NORMED, "cross_entropy"), run.evaluate(data.test)
    inputs = data.test.inputs.astype(np.float64)
    assert found.mean_loss == pytest.approx(reference.mean_loss(inputs, data.test.labels, p), rel=1e-5)
    assert found.accuracy == pytest.approx(reference.accuracy(inputs, data.test.labels, p), abs=1e-9)
    in_training = reference.mean_loss(inputs, data.test.labels, p, step=20)
    assert abs(in_training - found.mean_loss) > 1e-3, "else nothing would be shown"
    for name in RUNNING:
        np.testing.assert_array_equal(run.tensors()[name], p[name].astype(np.float32))


def test_a_loss_that_is_not_finite_leaves_the_running_statistics():
    run = normed()
    train(run, 2)
    huge = run.state()
    huge["layers.0.weight"] = np.full((5, 4), 3e38, np.float32)
    run.load(huge, 2)
    assert not run.step(np.arange(5), 0.1)
    for name, values in run.state().items():
        np.testing.assert_array_equal(values, huge[name], err_msg=name)


def test_running_statistics_that_overflow_are_not_finite():
    run = normed()
    bad = run.state()
    bad[RUNNING[1]] = np.full(5, np.inf, np.float32)
    assert run.finite()
    run.load(bad, 0)
    assert not run.finite()


@pytest.mark.parametrize("name", optimizers.names())
def test_state_goes_round_and_training_goes_on_to_the_bit(name):
    run, other = normed(name), normed(name)
    train(run, 7)
    saved, kept = run.state(), run.snapshot()
    assert set(RUNNING) <= set(run.tensors()) <= set(saved)
    states = [key for key in saved if key.startswith("optimizer.")]
    assert not [key for key in states if "running" in key], "no optimizer knows of them"
    net = network(NORMED)
    assert {k: v.shape for k, v in saved.items()} == checkpoints.shapes(net, optimizers.read(name))
    other.load(saved, 7)
    for go_on in (run, other):
        train(go_on, 4)
    after = run.state()
    assert not np.array_equal(after[RUNNING[0]], saved[RUNNING[0]])
    run.restore(kept)
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, saved[key], err_msg=key)
    for key, values in other.state().items():
        np.testing.assert_array_equal(values, after[key], err_msg=key)


def test_a_state_without_running_statistics_is_refused_and_changes_nothing():
    run = normed()
    train(run, 3)
    before = run.state()
    other = {key: values + 1 for key, values in before.items()}
    missing = {key: values for key, values in other.items() if key != RUNNING[1]}
    with pytest.raises(ValueError, match=r"layers\.1\.running_var is missing"):
        run.load(missing, 9)
    with pytest.raises(ValueError, match=r"layers\.1\.running_mean has the shape \(6,\), not \(5,\)"):
        run.load({**other, RUNNING[0]: np.zeros(6, np.float32)}, 9)
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, before[key], err_msg=key)


def test_what_is_kept_is_not_counted_as_learned():
    net = network(NORMED)
    assert net.size == 20 + 2 * 5 + 5 + 2 * 5 + (15 + 3)
    assert (net.buffer_size, net.nodes[1].buffer_size) == (10, 10)
    assert normed().weights.flat.size == net.size


# -- the formulas ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["batch_norm", "layer_norm"])
def test_a_mean_that_is_large_beside_the_spread_costs_no_digits(kind):
    layer = layers.read({"type": kind})
    shape = (7, 64)
    small = np.random.default_rng(0).integers(-8, 9, shape).astype(np.float32)
    weight, bias = np.ones((7, 1), np.float32), np.zeros((7, 1), np.float32)

    def formula(xp, x, weight, bias):
        return layer.forward(xp, x, {"weight": weight, "bias": bias}, None).y

    (near,), (far,) = (compiled(formula, small + move, weight, bias) for move in (0, 2.0**14))
    axis = 1 if kind == "batch_norm" else 0
    # The mean of squares less the square of the mean would have no digit left.
    np.testing.assert_allclose(far, near, atol=2e-3)
    np.testing.assert_allclose(near.std(axis=axis), 1.0, rtol=1e-4)
    np.testing.assert_allclose(near.mean(axis=axis), 0.0, atol=1e-6)


@pytest.mark.parametrize(("kind", "shape"), [("batch_norm", (3, 1, 1, 1)), ("layer_norm", (3, 2, 4, 1))])
def test_images_are_normalized_over_all_axes_but_one(kind, shape):
    """(channels, width, height, batch): a channel over its batch, or an example over the rest."""
    layer, rng = layers.read({"type": kind, "eps": 0.01}), np.random.default_rng(0)
    x, g = rng.standard_normal((2, 3, 2, 4, 5)) + 1
    weight, bias = rng.standard_normal((2, *shape))

    def loss(x, weight, bias):
        return float(np.sum(layer.forward(np, x, {"weight": weight, "bias": bias}, None).y * g))

    def formula(xp, x, weight, bias, g):
        p = {"weight": weight, "bias": bias}
        v = layer.forward(xp, x, p, None)
        back, learned = layer.backward(xp, v, g, p, None)
        return v.y, back, learned["weight"], learned["bias"], *v.batch_statistics.values()

    arrays = (x, weight, bias)
    y, *found = compiled(formula, *(a.astype(np.float32) for a in (*arrays, g)))
    axes = (1, 2, 3) if kind == "batch_norm" else (0, 1, 2)
    standard = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 0.01)
    np.testing.assert_allclose(y, weight * standard + bias, rtol=1e-4, atol=1e-5)
    for place, values in enumerate(arrays):
        for where in list(np.ndindex(values.shape))[::7] or [(0, 0, 0, 0)]:
            ends = []
            for move in (-1e-6, 1e-6):
                moved = [a.copy() for a in arrays]
                moved[place][where] += move
                ends.append(loss(*moved))
            slope = (ends[1] - ends[0]) / 2e-6
            assert found[place][where] == pytest.approx(slope, rel=1e-3, abs=1e-4)
    if kind == "batch_norm":
        np.testing.assert_allclose(found[3], x.mean(axes, keepdims=True), rtol=1e-5)
        np.testing.assert_allclose(found[4], x.var(axes, ddof=1, keepdims=True), rtol=1e-5)


def test_an_image_without_channels_is_one_channel():
    rng = np.random.default_rng(0)
    parts = [part(rng, n, 12, 3) for n in (9, 6, 5)]
    data = Data((4, 3), ("a", "b", "c"), *parts, np.float32(0), np.float32(1), "none")
    stack = [{"type": "batch_norm"}, {"type": "flatten"}, {"type": "dense", "units": 3}, NORMED[-1]]
    net = build([layers.read(layer) for layer in stack], (4, 3), losses.read("cross_entropy"))
    run = NumpyEngine(net, optimizers.read("sgd"), data, 0)
    assert run.step(np.arange(9), 0.1)
    found, inputs = run.tensors(), data.train.inputs.astype(np.float64)
    assert found["layers.0.running_mean"].shape == (1,)
    assert found["layers.0.running_mean"][0] == pytest.approx(0.1 * inputs.mean(), rel=1e-4)
    assert found["layers.0.running_var"][0] == pytest.approx(0.9 + 0.1 * inputs.var(ddof=1), rel=1e-5)
    np.testing.assert_allclose(run.views()[1].output.T, (inputs - inputs.mean()) / inputs.std(), atol=1e-4)


def test_ten_layers_of_sigmoid_pass_a_gradient_on_once_they_are_normalized():
    def first_gradient(normal):
        hidden = [{"type": "dense", "units": 16, "initializer": {"name": "normal", "stddev": 0.1}}]
        hidden += [{"type": "batch_norm"}] if normal else []
        hidden += [{"type": "activation", "activation": "sigmoid"}]
        run = engine([*hidden * 10, *NORMED[-2:]], tiny(4, 3, train=12))
        assert run.step(np.arange(12), 0.0)
        return float(np.linalg.norm(run._gradients[0].tensors()["layers.0.weight"]))

    assert first_gradient(normal=False) < 1e-7
    assert first_gradient(normal=True) > 1e-3


# -- activations as layers -------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "mse"])
@pytest.mark.parametrize("name", ["softmax", "sigmoid", "relu"])
def test_an_activation_after_a_linear_layer_is_the_layer_with_that_activation(loss, name):
    """The last one too, where the loss is fused with it: to the bit."""
    wanted = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss, name)
    inner = name if name != "softmax" else "tanh"
    one = [
        {"type": "dense", "units": 6, "activation": inner},
        {"type": "dense", "units": 3, "activation": wanted},
    ]
    two = [
        {"type": "dense", "units": 6},
        {"type": "activation", "activation": inner},
        {"type": "dense", "units": 3},
        {"type": "activation", "activation": wanted},
    ]
    data = tiny(4, 3, train=12)
    first, second = (engine(stack, data, "adam", loss) for stack in (one, two))
    tensors = first.tensors()
    renamed = {name.replace("layers.1.", "layers.2."): values for name, values in tensors.items()}
    zeros = {
        f"optimizer.{name}.{key}": np.zeros_like(v)
        for name in second.update.state
        for key, v in renamed.items()
    }
    second.load({**renamed, **zeros}, 0)
    train(first, 6)
    train(second, 6)
    assert second.totals() == first.totals()
    for key, values in first.tensors().items():
        np.testing.assert_array_equal(second.tensors()[key.replace("layers.1.", "layers.2.")], values)
    assert second.evaluate(data.test) == first.evaluate(data.test)


def test_every_unit_of_an_activation_layer_learns_a_slope_of_its_own():
    run = normed()
    assert run.tensors()["layers.2.slope"].tolist() == [0.25] * 5
    train(run, 3)
    assert len(set(run.tensors()["layers.2.slope"].tolist())) == 5


def test_batches_without_a_variance_do_not_divide_by_zero():
    """Presets that would lead to them are refused; an engine asked for one goes on with finite numbers."""
    run = normed()
    assert run.step(np.arange(1), 0.1)
    assert run.finite()
    assert math.isfinite(run.totals().loss)


def test_snapshots_show_how_an_activation_layer_does():
    hidden = [{"type": "dense", "units": 6}, {"type": "batch_norm"}]
    ends = [{"type": "dense"}, {"type": "activation", "activation": "softmax"}]
    for name, share in (("tanh", "saturated"), ("relu", "dead")):
        chosen = preset([*hidden, {"type": "activation", "activation": name}, *ends])
        net, data, run = run_parts(chosen)
        snapshots = [e for e in trainer_of(chosen, net, data, run).events() if isinstance(e, Snapshot)]
        before, normal, after, *_ = snapshots[-1].layers
        assert 0 <= getattr(after, share) < 0.6
        assert math.isnan(getattr(before, share))
        assert math.isnan(getattr(normal, share))
        assert normal.gradient_norm > 0
        assert normal.weight_mean == pytest.approx(1.0, abs=0.3)
