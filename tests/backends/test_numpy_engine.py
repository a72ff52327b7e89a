"""The NumPy engine against a textbook network in float64: losses, hits, gradients, state."""

import numpy as np
import pytest

from tests.helpers import engine, network, tiny
from tests.reference import Reference
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.arrays import Data, Part
from tuiml.nn.activations import activations
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.optimizers import optimizers

FEATURES, SEED = 3, 11
BETWEEN = {  # a stack that shows each type of layer at work, between two dense ones
    "flatten": [{"type": "flatten"}],
    "dense": [{"type": "dense", "units": 3, "activation": "tanh"}],
    "dropout": [{"type": "dropout", "rate": 0.3}],
    "activation": [
        {"type": "activation", "activation": "prelu"},
        {"type": "activation", "activation": "rrelu"},
    ],
    "batch_norm": [{"type": "batch_norm", "eps": 0.01}, {"type": "activation", "activation": "tanh"}],
    "layer_norm": [{"type": "layer_norm", "eps": 0.01}],
}  # those of images: tests/test_convolution.py
OPTIONS = {"leaky_relu": {"negative_slope": 0.3}, "elu": {"alpha": 1.5}, "celu": {"alpha": 0.5}}


def hidden(name):
    return {"name": name, **OPTIONS.get(name, {})}


def stack_of(name, last, outputs, bias=True, between=()):
    return [
        {"type": "dense", "units": 4, "activation": hidden(name), "bias": bias, "initializer": "he_normal"},
        *between,
        {"type": "dense", "units": outputs, "activation": last, "bias": bias},
    ]


def check_gradients(stack, loss, classes, batch=4, step=0, shape=None):
    """The engine's gradients, loss and hits of one step against the textbook's."""
    data = tiny(FEATURES, classes, train=batch + 2, seed=batch, shape=shape)
    run = engine(stack, data, "sgd", loss, SEED)
    run.step_number = step
    rows = np.random.default_rng(1).permutation(batch + 2)[:batch]
    p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
    assert run.step(rows, 0.0)
    reference = Reference(stack, loss, SEED, shape and (1, *shape)[-3:])
    inputs, labels = data.train.inputs[rows].astype(np.float64), data.train.labels[rows]
    assert run.totals().mean_loss == pytest.approx(reference.mean_loss(inputs, labels, p, step), rel=2e-6)
    found, expected = run._gradients[0].tensors(), reference.gradients(inputs, labels, p, step)
    assert set(found) == set(expected)
    scale = max(np.abs(g).max() for g in expected.values())
    assert scale > 1e-4  # nothing would be shown by zeros
    for name in expected:
        np.testing.assert_allclose(
            found[name], expected[name], rtol=2e-4, atol=3e-6 * max(scale, 1), err_msg=name
        )


every_loss = pytest.mark.parametrize("loss", [entry.name for entry in losses])
HIDDEN = [f.name for f in activations if not f.output_only]


def last_layers(loss):
    fused = losses[loss].activation
    return [fused] if fused else [f.name for f in activations]


@every_loss
@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_gradients_of_every_activation_and_loss(name, loss, bias):
    check_gradients(stack_of(name, losses[loss].activation or "linear", 3, bias), loss, 3)


@every_loss
@pytest.mark.parametrize("kind", [entry.name for entry in layers if not entry.images])
@pytest.mark.parametrize("name", ["tanh", "prelu", "rrelu"])
def test_gradients_through_every_layer(kind, loss, name):
    assert kind in BETWEEN, "add a stack that shows it at work"
    stack = stack_of(name, losses[loss].activation or "linear", 3, between=BETWEEN[kind])
    check_gradients(stack, loss, 3, step=7)


@every_loss
def test_gradients_of_every_last_layer_with_many_outputs_and_with_one(loss):
    for last in last_layers(loss):
        check_gradients(stack_of("tanh", last, 3), loss, 3)
        if last != "softmax":
            check_gradients(stack_of("tanh", last, 1), loss, 2)


@every_loss
@pytest.mark.parametrize("batch", [1, 2, FEATURES + 1, 5])
def test_gradients_whatever_the_batch(loss, batch):
    """One example; as many as a layer has inputs with its bias: shapes that are easily confused."""
    for name in ("prelu", "relu"):
        stack = stack_of(name, losses[loss].activation or "sigmoid", 3, between=BETWEEN["dropout"])
        check_gradients(stack, loss, 3, batch)


def test_gradients_of_a_single_layer():
    check_gradients([{"type": "dense", "units": 3, "activation": "softmax"}], "cross_entropy", 3)
    check_gradients([{"type": "flatten"}, {"type": "dense", "units": 1, "activation": "sigmoid"}], "mse", 2)


def test_noise_first_thing():
    check_gradients([{"type": "dropout"}, *stack_of("rrelu", "softmax", 3)], "cross_entropy", 3, step=3)


# -- what is left after training ------------------------------------------------------------------------

DEEP = [
    {"type": "dense", "units": 5, "activation": "prelu"},
    {"type": "dropout", "rate": 0.25},
    {"type": "dense", "units": 6, "activation": "rrelu", "bias": False},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


def train(run, steps, size=5, rate=0.05):
    for step in range(steps):
        assert run.step(np.random.default_rng(step).permutation(12)[:size], rate)


def test_evaluation_equals_the_textbook_and_draws_nothing():
    data = tiny(4, 3, train=12, test=1203)  # three batches, the last one of other size
    run = engine(DEEP, data, "adam")
    train(run, 20)
    p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
    reference, found = Reference(DEEP, "cross_entropy"), run.evaluate(data.test)
    inputs = data.test.inputs.astype(np.float64)
    assert found.examples == 1203
    assert found.mean_loss == pytest.approx(reference.mean_loss(inputs, data.test.labels, p), rel=1e-5)
    assert found.accuracy == pytest.approx(reference.accuracy(inputs, data.test.labels, p), abs=1e-9)
    assert run.evaluate(data.test) == found


def test_totals_are_of_the_steps_since_they_were_asked_for():
    data = tiny(4, 3)
    run = engine(DEEP[-1:], data)
    reference, losses_seen = Reference(DEEP[-1:], "cross_entropy"), []
    for rows in (np.arange(5), np.arange(5, 12)):
        p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
        inputs = data.train.inputs[rows].astype(np.float64)
        losses_seen.append(len(rows) * reference.mean_loss(inputs, data.train.labels[rows], p))
        assert run.step(rows, 0.5)
    totals = run.totals()
    assert totals.examples == 12
    assert totals.loss == pytest.approx(sum(losses_seen), rel=1e-5)
    again = run.totals()
    assert again.examples == 0
    assert np.isnan(again.mean_loss)


@pytest.mark.parametrize("name", optimizers.names())
def test_state_goes_round_and_training_goes_on_to_the_bit(name):
    data, table = tiny(4, 3), {"name": "sgd", "momentum": 0.9} if name == "sgd" else name
    run = engine(DEEP, data, table)
    train(run, 7)
    saved, other = run.state(), engine(DEEP, data, table)
    assert set(run.tensors()) <= set(saved)
    assert len(saved) == len(run.tensors()) * (1 + len(optimizers.read(table).state_names()))
    other.load(saved, 7)
    for go_on in (run, other):
        for step in range(7, 12):
            assert go_on.step(np.arange(step, step + 5) % 12, 0.05)
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, other.state()[key], err_msg=key)


def test_state_that_does_not_fit_is_refused_by_name():
    data = tiny(4, 3)
    run = engine(DEEP, data, "adam")
    saved = run.state()
    missing = {k: v for k, v in saved.items() if k != "layers.2.weight"}
    with pytest.raises(ValueError, match=r"layers\.2\.weight is missing"):
        run.load(missing, 1)
    with pytest.raises(ValueError, match=r"layers\.0\.slope has the shape \(6,\), not \(5,\)"):
        run.load({**saved, "layers.0.slope": np.zeros(6, np.float32)}, 1)
    without = {k: v for k, v in saved.items() if not k.startswith("optimizer.")}
    with pytest.raises(ValueError, match=r"optimizer\.gradients\.layers\.0\.weight is missing"):
        run.load(without, 1)
    assert run.step_number == 0


def test_tensors_are_copies():
    run = engine(DEEP, tiny(4, 3))
    before = run.tensors()
    train(run, 1)
    after = run.tensors()
    assert not np.array_equal(before["layers.0.weight"], after["layers.0.weight"])
    after["layers.0.weight"][:] = 9.0
    assert run.tensors()["layers.0.weight"].max() < 9.0


def test_snapshot_and_restore():
    data = tiny(4, 3)
    run = engine(DEEP, data, "adam")
    train(run, 4)
    kept, state = run.snapshot(), run.state()
    train(run, 3)
    run.restore(kept)
    assert run.step_number == 4
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, state[key])
    train(run, 2)  # the snapshot is a copy: it can be used again
    run.restore(kept)
    np.testing.assert_array_equal(run.tensors()["layers.0.weight"], state["layers.0.weight"])


def test_a_loss_that_is_not_finite_changes_nothing():
    data = tiny(4, 3)
    run = engine(DEEP, data, "adam")
    train(run, 2)
    run.totals()
    huge = run.state()
    huge["layers.0.weight"] = np.full((5, 4), 3e38, np.float32)
    run.load(huge, 2)
    assert not run.step(np.arange(5), 0.1)
    assert run.step_number == 2
    assert run.totals().examples == 0
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, huge[key])
    assert run.finite()
    huge["layers.0.weight"][1, 2] = np.nan
    run.load(huge, 2)
    assert not run.finite()


def test_same_seed_same_bits_other_seed_other_noise():
    data = tiny(4, 3)
    runs = [engine(DEEP, data, "adam", seed=seed) for seed in (3, 3, 4)]
    runs[2].load(runs[0].state(), 0)  # the same start: what differs is drawn in training
    for run in runs:
        train(run, 6)
    same, again, other = (run.tensors()["layers.0.weight"] for run in runs)
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


def test_dropout_drops_its_share_anew_each_step_and_keeps_the_mean():
    data = tiny(4, 3, train=400)
    run = engine([{"type": "dropout", "rate": 0.2}, DEEP[-1]], data)
    run.data.train.inputs[...] = 1.0
    masks = []
    for _ in range(2):
        assert run.step(np.arange(400), 0.0)
        masks.append(run.views()[0].output.copy())
    dropped = [np.mean(mask == 0) for mask in masks]
    assert dropped == pytest.approx([0.2, 0.2], abs=0.04)
    np.testing.assert_allclose(np.unique(masks[0]), [0.0, 1.25])
    assert np.mean((masks[0] == 0) & (masks[1] == 0)) == pytest.approx(0.04, abs=0.025)
    by_unit, by_example = (masks[0] == 0).mean(axis=1), (masks[0] == 0).mean(axis=0)
    assert by_unit.max() < 0.35
    assert by_example.std() == pytest.approx(0.2, abs=0.05)  # independent draws: √(0.2 · 0.8 / 4)


def test_views_show_every_layer_of_the_last_batch():
    data = tiny(4, 3)
    run = engine([{"type": "flatten"}, *DEEP], data)
    before = run.views()
    assert [v.output.shape for v in before] == [(4, 12), (5, 12), (5, 12), (6, 12), (3, 12)]
    assert [v.gradients is None for v in before] == [v.weights is None for v in before]
    assert not np.array_equal(before[2].output, before[1].output)  # as in training: something dropped
    rows = np.array([7, 2, 9])
    assert run.step(rows, 0.1)
    after = run.views()
    np.testing.assert_array_equal(after[0].output, data.train.inputs[rows].T)
    np.testing.assert_allclose(after[4].output.sum(axis=0), 1.0, rtol=1e-6)
    assert [v.weights is None for v in after] == [True, False, True, False, False]
    assert [v.weights.shape for v in after if v.weights is not None] == [(4, 5), (5, 6), (6, 3)]
    assert [v.gradients.shape for v in after if v.gradients is not None] == [(4, 5), (5, 6), (6, 3)]
    assert [v.biases is None for v in after] == [True, False, True, True, False]
    np.testing.assert_array_equal(after[1].bias_gradients, run._gradients[0].tensors()["layers.1.bias"])


def test_rows_of_ones_stay_ones():
    """They carry the bias through every product: one wrong write would move it silently."""
    run = engine(DEEP, tiny(4, 3), "adam")
    train(run, 50)
    train(run, 3, size=2)
    run.evaluate(run.data.test)
    passes = [p for step in run._steps.values() for p in step.passes]
    passes += [p for found in run._passes.values() for p in found]
    wholes = [w for p in passes for w in p._plan._with_ones.values()]
    assert len(wholes) > 12
    for whole in wholes:
        np.testing.assert_array_equal(whole[-1], 1.0)


@pytest.mark.parametrize("shift", [np.float32(0), np.float32([10, 20, 30, 40])], ids=["unit", "standard"])
def test_bytes_are_normalized_as_the_data_says(shift):
    rng = np.random.default_rng(0)
    raw = Part(rng.integers(0, 256, (9, 4), np.uint8), (np.arange(9) % 3).astype(np.uint8))
    scale = np.float32(1 / 255) if shift.ndim == 0 else np.float32([0.1, 0.0, 0.02, 0.01])
    data = Data((2, 2), ("a", "b", "c"), raw, raw, raw, shift, scale, "unit")
    stack = [{"type": "flatten"}, {"type": "dense", "units": 3, "activation": "softmax"}]
    run = NumpyEngine(network(stack), optimizers.read("sgd"), data, 0)
    assert run.step(np.array([8, 0, 3]), 0.1)
    np.testing.assert_array_equal(run.views()[0].output, data.batch(raw, [8, 0, 3]).T)


def test_many_classes_need_more_than_a_byte():
    rng = np.random.default_rng(0)
    labels = np.arange(300, dtype=np.int32)
    many = Part(rng.standard_normal((300, 4)).astype(np.float32), labels)
    names = tuple(map(str, range(300)))
    data = Data((4,), names, many, many, many, np.float32(0), np.float32(1), "none")
    run = engine([{"type": "dense", "units": 300, "activation": "softmax"}], data)
    assert run.step(np.arange(300), 0.1)
    targets = run._steps[300].passes[0].batches.targets
    np.testing.assert_array_equal(targets, np.eye(300))


def test_equal_outputs_are_one_guess_not_many():
    """All-zero weights give every class the same: only the first class's examples count as right."""
    stack = [{"type": "dense", "units": 3, "activation": "softmax", "initializer": "zeros"}]
    data = tiny(4, 3, train=12)
    run = engine(stack, data)
    assert run.evaluate(data.train).accuracy == pytest.approx(4 / 12)
    one = tiny(4, 2, train=9)
    single = [{"type": "dense", "units": 1, "activation": "sigmoid", "initializer": "zeros"}]
    half = engine(single, one, loss="binary_cross_entropy").evaluate(one.train)
    assert half.accuracy == pytest.approx(5 / 9)  # exactly ½ is class 0


def test_an_empty_part_has_no_mean():
    data = tiny(4, 3, validation=0)
    found = engine(DEEP, data).evaluate(data.validation)
    assert found.examples == 0
    assert np.isnan(found.mean_loss)
    assert np.isnan(found.accuracy)
