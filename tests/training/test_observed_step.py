"""A step that is observed: the same bits as any other, and everything that a snapshot shows of it."""

import numpy as np
import pytest

from tests.helpers import engine, tiny
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.network import build
from tuiml.nn.optimizers import optimizers
from tuiml.training.statistics import NEVER
from tuiml.training.statistics_tracker import StatisticsTracker

END = {"type": "dense", "units": 3, "activation": "softmax"}
STACKS = [
    *([{"type": "dense", "units": 7, "activation": f.name}, {"type": "dropout"}, END] for f in activations
      if not f.output_only),
    [{"type": "dense", "units": 5, "bias": False}, {"type": "batch_norm"}, {"type": "activation"},
     {"type": "layer_norm"}, END],
]  # fmt: skip
PICTURES = [
    {"type": "conv2d", "filters": 4, "activation": "gelu"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "prelu"},
    {"type": "flatten"},
    END,
]


def steps(run, observed, number=9):
    for k in range(number):
        rows = np.arange(12)[k % 3 :]
        if observed and k % 2:
            run.observe_next_step(len(rows))
        assert run.step(rows, 0.05)
        if observed:
            run.views()
            run.dry_run(6)


@pytest.mark.parametrize(
    "stack", [*STACKS, PICTURES], ids=lambda s: f"{s[0]['type']} {s[0].get('activation')}"
)
def test_a_watched_run_has_the_bits_of_one_that_is_not(stack):
    data = tiny(shape=(6, 6)) if stack is PICTURES else tiny()
    one, other = engine(stack, data, "adam"), engine(stack, data, "adam")
    steps(one, False)
    steps(other, True)
    for name, values in one.state().items():
        np.testing.assert_array_equal(other.state()[name], values, err_msg=name)
    assert one.totals() == other.totals()


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_watched_is_what_was_trained(monkeypatch, threads):
    """Outputs, gradients and the weights before are those of the step; inputs give the outputs."""
    from tuiml.backends import sharding as sharing

    monkeypatch.setattr(sharing, "WORTH_SPLITTING", 1.0)
    monkeypatch.setattr(sharing, "FEWEST", 1)
    data = tiny(train=48)
    stack = [layers.read({"type": "dense", "units": 7, "activation": "tanh"}), layers.read(END)]
    net = build(stack, data.shape, losses.read("cross_entropy"))
    one, other = (NumpyEngine(net, optimizers.read("sgd"), data, 0, threads=threads) for _ in range(2))
    rows = np.arange(40)
    for run in (one, other):
        run.step(rows, 0.1)
    before = one.tensors()
    one.observe_next_step(len(rows))
    for run in (one, other):
        run.step(rows, 0.1)
    for seen, plain, index in zip(one.views(), other.views(), (0, 1), strict=True):
        np.testing.assert_array_equal(seen.output, plain.output)
        np.testing.assert_array_equal(seen.gradients, plain.gradients)
        np.testing.assert_array_equal(seen.before.T, before[f"layers.{index}.weight"])
        assert plain.inputs is None
        assert plain.before is None
    view = one.views()[0]
    np.testing.assert_allclose(np.tanh(view.inputs), view.output, rtol=1e-5, atol=1e-6)
    x = data.train.inputs[rows].T
    expected = before["layers.0.weight"] @ x + before["layers.0.bias"][:, None]
    np.testing.assert_allclose(view.inputs, expected, rtol=1e-4, atol=1e-5)
    one.close()
    other.close()


def test_a_look_has_the_gradient_of_its_examples_and_trains_nothing():
    data = tiny(train=12)
    run = engine([{"type": "dense", "units": 5, "activation": "relu"}, {"type": "batch_norm"}, END], data)
    before = run.state()
    seen = run.dry_run(7)
    assert run.step_number == 0
    assert run.totals().examples == 0
    for name, values in before.items():
        np.testing.assert_array_equal(run.state()[name], values, err_msg=name)
    assert [view.output.shape[1] for view in seen] == [7, 7, 7]
    gradients = [view.gradients.copy() for view in seen]
    run.step(np.arange(7), 0.1)  # plain gradient descent: the weights change by the rate times the gradient
    for view, was, g in zip(run.views(), seen, gradients, strict=True):
        np.testing.assert_array_equal(view.gradients, g)
        np.testing.assert_array_equal(view.output, was.output)
    assert len(run.dry_run(1000)[0].output.T) == 12  # no more than there are


def by_hand(optimizer, gradients, rate):
    """The last change of a weight whose gradients were these, by the textbook, in float64."""
    g, velocity, mean, square = 0.0, 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        velocity = 0.9 * velocity + g
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        adam = mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
    return -rate * {"sgd": g, "momentum": velocity, "adam": adam}[optimizer]


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_the_update_ratio_is_of_the_real_change(name):
    optimizer = {"name": "sgd", "momentum": 0.9} if name == "momentum" else {"name": name}
    run = engine([{"type": "dense", "units": 7, "activation": "tanh"}, END], tiny(), optimizer)
    tracker, gradients = StatisticsTracker(run.network), []
    for k in range(4):
        weights = run.weights.views[0]["weight"][:-1].astype(np.float64)
        run.observe_next_step(12)
        run.step(np.arange(12), 0.05)
        gradients.append(run.views()[0].gradients.astype(np.float64))
        (found, _) = tracker.snapshot(run.views())
        ratio = np.std(by_hand(name, gradients, 0.05)) / np.std(weights + by_hand(name, gradients, 0.05))
        assert found.update_ratio == pytest.approx(np.log10(ratio), abs=1e-3), k
        assert found.weight_norm == pytest.approx(np.linalg.norm(run.views()[0].weights), rel=1e-5)


def test_the_update_ratio_where_there_is_none():
    run = engine([{"type": "dense", "units": 7, "activation": "tanh"}, END], tiny())
    tracker = StatisticsTracker(run.network)
    assert all(np.isnan(found.update_ratio) for found in tracker.snapshot(run.dry_run(12)))
    run.observe_next_step(12)
    run.step(np.arange(12), 0.0)
    assert [found.update_ratio for found in tracker.snapshot(run.views())] == [NEVER, NEVER]
    zeros = engine([{**END, "initializer": "zeros"}], tiny())
    zeros.observe_next_step(12)
    zeros.step(np.arange(12), 0.0)
    assert np.isnan(StatisticsTracker(zeros.network).snapshot(zeros.views())[0].update_ratio)
