"""Penalties and clipping: against finite differences of the penalised loss, and what they leave alone."""

import numpy as np
import pytest

from tests.backends.test_plan import growth
from tests.helpers import network, tiny
from tests.reference import Reference
from tuiml.backends import sharding
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.backends.penalties import Penalizer, norm_of, penalized_mask
from tuiml.nn import initializers, losses, optimizers
from tuiml.nn.layers import Parameter, layers
from tuiml.nn.network import build
from tuiml.nn.penalties import NO_PENALTIES, Penalties, clip_scale, is_penalized

STACK = [
    {"type": "dense", "units": 5, "activation": "prelu"},
    {"type": "dense", "units": 4, "activation": "tanh", "bias": False},
    {"type": "dense", "units": 3, "activation": "softmax"},
]
ROWS = np.arange(12)


def engine(optimizer="sgd", **penalties):
    """A network with biases and slopes that are not 0, so that a penalty on them would show."""
    data = tiny()
    made = NumpyEngine(network(STACK), optimizers.read(optimizer), data, 0, Penalties(**penalties))
    rng = np.random.default_rng(3)
    state = {k: v + rng.uniform(0.1, 0.5, v.shape).astype(np.float32) for k, v in made.tensors().items()}
    made.load({**made.state(), **state}, 0)
    return made


def moved(rate=0.25, **penalties):
    """Parameters before and after one step of plain SGD, float64."""
    made = engine(**penalties)
    before = made.tensors()
    assert made.step(ROWS, rate)
    after = made.tensors()
    return [{k: v.astype(np.float64) for k, v in p.items()} for p in (before, after)]


def is_weight(name):
    return name.endswith(".weight")


@pytest.mark.parametrize("strengths", [{"l1": 0.3}, {"l2": 0.2}, {"l1": 0.1, "l2": 0.4}])
def test_a_step_follows_the_gradient_of_the_penalised_loss(strengths):
    data, l1, l2 = tiny(), strengths.get("l1", 0.0), strengths.get("l2", 0.0)

    class Penalised(Reference):
        def mean_loss(self, inputs, labels, p, step=None):
            weights = [v for name, v in p.items() if is_weight(name)]
            penalty = sum(l1 * np.abs(w).sum() + l2 / 2 * np.square(w).sum() for w in weights)
            return super().mean_loss(inputs, labels, p, step) + penalty

    before, after = moved(**strengths)
    inputs, labels = data.train.inputs.astype(np.float64), data.train.labels
    gradients = Penalised(STACK, "cross_entropy").gradients(inputs, labels, before, 0)
    for name, g in gradients.items():
        np.testing.assert_allclose((before[name] - after[name]) / 0.25, g, rtol=1e-3, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("strengths", [{"l1": 0.3}, {"l2": 0.2}, {"weight_decay": 0.2}])
def test_biases_and_slopes_are_left_alone(strengths):
    (_, plain), (_, penalised) = moved(), moved(**strengths)
    assert {name.rpartition(".")[2] for name in plain} == {"weight", "bias", "slope"}
    for name, values in plain.items():
        if is_weight(name):
            assert not np.allclose(values, penalised[name], atol=1e-3), name
        else:
            np.testing.assert_array_equal(values, penalised[name], err_msg=name)


def test_vectors_called_weight_are_not_penalised():
    draw = initializers["zeros"]()
    assert is_penalized(Parameter("weight", (3, 4), 4, 3, draw))
    assert is_penalized(Parameter("weight", (8, 3, 5, 5), 75, 8, draw))
    assert not is_penalized(Parameter("weight", (8,), 8, 8, draw))  # a normalisation's scale
    assert not is_penalized(Parameter("bias", (8,), 8, 8, draw))


def test_the_mask_marks_as_many_values_as_there_are_weights():
    net = network(STACK)
    assert penalized_mask(net).sum() == 4 * 5 + 5 * 4 + 4 * 3


@pytest.mark.parametrize("optimizer", optimizers.names())
def test_decoupled_decay_shrinks_the_weights_beside_any_optimizer(optimizer):
    ends = []
    for decay in (0.0, 0.5):
        made = engine(optimizer, weight_decay=decay)
        before = made.tensors()
        made.step(ROWS, 0.02)
        ends.append(made.tensors())
    for name, plain in ends[0].items():
        wanted = plain - 0.02 * 0.5 * before[name] * is_weight(name)
        np.testing.assert_allclose(ends[1][name], wanted, rtol=2e-5, atol=1e-6, err_msg=name)


def test_the_reported_loss_is_the_datas():
    plain, penalised = engine(), engine(l1=0.5, l2=0.5, weight_decay=0.5)
    plain.step(ROWS, 0.1)
    penalised.step(ROWS, 0.1)
    assert plain.totals() == penalised.totals()
    assert penalised.evaluate(penalised.data.test).loss < 1e3


def test_clipping_keeps_the_direction_and_bounds_the_length():
    before, free = moved()
    whole = np.concatenate([(free[k] - before[k]).ravel() / 0.25 for k in before])
    norm = float(np.linalg.norm(whole))
    for limit in (norm / 10, norm * 2):
        start, end = moved(clip_norm=limit)
        step = np.concatenate([(end[k] - start[k]).ravel() / 0.25 for k in start])
        scale = min(1.0, limit / (norm + 1e-6))
        np.testing.assert_allclose(step, whole * scale, rtol=1e-3, atol=1e-6)
        assert np.linalg.norm(step) <= limit * (1 + 1e-4)


def test_the_data_gradient_is_clipped_before_the_penalties_are_added():
    before, after = moved(clip_norm=1e-9, l2=0.2)
    for name, w in before.items():
        wanted = 0.2 * w * is_weight(name)
        np.testing.assert_allclose((w - after[name]) / 0.25, wanted, atol=1e-6, err_msg=name)


IMAGES = [
    {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "relu"},
    {"type": "flatten"},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(("stack", "shape"), [(STACK, (4,)), (IMAGES, (1, 4, 4))])
def test_max_norm_scales_back_each_units_incoming_weights(monkeypatch, stack, shape, optimizer, threads):
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    data = tiny(train=64, shape=shape, features=int(np.prod(shape)))
    net = build([layers.read(layer) for layer in stack], shape, losses.read("cross_entropy"))
    limit, rows, changed = 0.6, np.arange(64), 0
    free, held = (
        NumpyEngine(net, optimizers.read(optimizer), data, 0, Penalties(max_norm=norm), threads)
        for norm in (None, limit)
    )
    for _ in range(4):
        free.load(held.state(), held.step_number)
        assert free.step(rows, 0.1)
        assert held.step(rows, 0.1)
        for name, values in free.tensors().items():
            wanted = values.astype(np.float64)
            if is_weight(name):
                norms = np.sqrt(np.square(wanted).sum(axis=tuple(range(1, wanted.ndim)), keepdims=True))
                changed += int((norms > limit).sum())
                wanted = wanted * np.minimum(1.0, limit / norms)
            np.testing.assert_allclose(held.tensors()[name], wanted, rtol=1e-6, err_msg=name)
    assert changed > 0
    free.close()
    held.close()


def test_weights_that_are_short_enough_keep_their_bits():
    for name, values in moved(max_norm=100.0)[1].items():
        np.testing.assert_array_equal(values, moved()[1][name], err_msg=name)


def test_weights_whose_squares_leave_float32_are_scaled_back_to_the_limit():
    weights = np.array([[3e25, 0.1], [-4e25, 0.2]], np.float32)
    with np.errstate(all="ignore"):
        Penalizer(Penalties(max_norm=2.0)).shorten([weights])
    np.testing.assert_allclose(weights, [[1.2, 0.1], [-1.6, 0.2]], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e25])
def test_the_norm_of_gradients_of_any_size(size):
    values = np.array([3, 0, -4], np.float32) * np.float32(size)
    with np.errstate(all="ignore"):
        assert norm_of(values) == pytest.approx(5 * size, rel=1e-5)


def test_a_gradient_of_zeros_stays_so():
    assert norm_of(np.zeros(3, np.float32)) == 0.0
    assert clip_scale(np, 0.0, 1e-9) <= 1.0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_not_finite_changes_nothing(bad):
    made = engine("adam", clip_norm=1.0, l2=0.1)
    assert made.step(ROWS, 0.1)
    before, step = made.state(), made.step_number
    (run,) = made._steps[len(ROWS)].passes
    run.backward.run = lambda: made._gradients[0].flat.__setitem__(7, bad)
    assert not made.step(ROWS, 0.1)
    assert made.step_number == step
    for name, values in made.state().items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


def test_without_penalties_the_plan_is_the_one_it_was():
    plain, none = engine(), engine(l1=0.0, l2=0.0, weight_decay=0.0, clip_norm=None)
    (one,), (other,) = (made.update.changes([made._gradients[0].flat]) for made in (plain, none))
    assert [c.op for c in one.plan.calls] == ["multiply", "subtract"]
    assert str(other.plan) == str(one.plan)
    assert not Penalizer(NO_PENALTIES, network(STACK)).strengths


def test_a_step_with_all_of_them_allocates_no_array():
    data = tiny(features=300, classes=64, train=64)
    stack = [{"type": "dense", "units": 300}, {"type": "dense", "units": 64, "activation": "softmax"}]
    penalties = Penalties(l1=0.01, l2=0.01, weight_decay=0.01, clip_norm=0.1, max_norm=0.1)
    net = network(stack, 300, {"name": "cross_entropy", "label_smoothing": 0.1})
    made, rows = NumpyEngine(net, optimizers.read("adam"), data, 0, penalties), np.arange(64)
    assert growth(lambda: [made.step(rows, 1e-3) for _ in range(10)]) < 80_000
