"""Class weights: a step against finite differences of the weighted loss, by hand; what they leave alone."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from tests.helpers import document, needs_numba, network, preset, tiny
from tests.reference import Reference
from tuiml.backends import fast, sharding
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn import class_weights, optimizers
from tuiml.runs import replay, session
from tuiml.runs.preparation import prepare_run
from tuiml.spec import check, dumps, loads
from tuiml.training.run_control import RunControl

WEIGHTS = (0.5, 3.0, 1.25)
BACKENDS = [
    "numpy",
    pytest.param("fast", marks=needs_numba),
    "threads",
    pytest.param(
        "mlx",
        marks=pytest.mark.skipif(importlib.util.find_spec("mlx") is None, reason="MLX is an extra"),
    ),
]
ENDS = [
    ("cross_entropy", {"activation": "softmax", "units": 3}),
    ("binary_cross_entropy", {"activation": "sigmoid", "units": 3}),
    ("binary_cross_entropy", {"activation": "sigmoid", "units": 1}),
]
ROWS = np.arange(36)


def engine_of(monkeypatch, backend, net, data):
    """An engine of the backend, its batch split where there are threads."""
    monkeypatch.setenv(fast.SWITCH, "1" if backend == "fast" else "0")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)  # MLX would call a compiler
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    if backend == "mlx":
        from tuiml.backends.mlx.engine import MlxEngine

        return MlxEngine(net, optimizers.read("sgd"), data, 0)
    return NumpyEngine(net, optimizers.read("sgd"), data, 0, threads=2 if backend == "threads" else 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("loss", "end"), ENDS)
def test_a_step_follows_the_weighted_loss_divided_by_the_number_of_examples(monkeypatch, backend, loss, end):
    stack = [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense", **end}]
    classes = 2 if end["units"] == 1 else 3
    weights, data = WEIGHTS[:classes], tiny(classes=classes, train=36)
    net = dataclasses.replace(network(stack, 4, loss), class_weights=weights)
    made = engine_of(monkeypatch, backend, net, data)
    inputs, labels = data.train.inputs.astype(np.float64), data.train.labels
    plain = Reference(stack, loss)

    class Weighted(Reference):
        def mean_loss(self, inputs, labels, p, step=None):
            total = 0.0
            for y, label in zip(self.outputs(inputs, p, step), labels, strict=True):
                total += weights[label] * self.loss(y, self._target(label, len(y)))
            return total / len(labels)

    reference = Weighted(stack, loss)
    before = {name: values.astype(np.float64) for name, values in made.tensors().items()}
    gradients = reference.gradients(inputs, labels, before, 0)
    assert made.step(ROWS, 0.25)
    assert made.totals().mean_loss == pytest.approx(reference.mean_loss(inputs, labels, before), rel=1e-5)
    after = made.tensors()
    for name, values in before.items():
        moved = (values - after[name]) / 0.25
        np.testing.assert_allclose(moved, gradients[name], rtol=2e-3, atol=3e-6, err_msg=name)
    now = {name: values.astype(np.float64) for name, values in after.items()}
    test = data.test.inputs.astype(np.float64), data.test.labels
    assert made.evaluate(data.test).mean_loss == pytest.approx(plain.mean_loss(*test, now), rel=1e-5)
    _, losses = made.evaluate_each(data.test)
    assert float(np.mean(losses)) == pytest.approx(plain.mean_loss(*test, now), rel=1e-5)
    if backend == "fast":
        assert all(step._program for step in made._steps.values())
    if backend == "threads":
        assert len(made._steps[36].passes) == 2
    made.close()


def test_without_class_weights_a_step_makes_the_calls_it_made_before():
    net, data = network([{"type": "dense", "units": 3, "activation": "softmax"}]), tiny()
    calls = []
    for weights in ((), WEIGHTS):
        net = dataclasses.replace(net, class_weights=weights)
        made = NumpyEngine(net, optimizers.read("sgd"), data, 0)
        assert made.step(np.arange(6), 0.1)
        calls.append([call.op for call in made._steps[6].passes[0]._plan.calls])
    softmax = "affine max spread subtract exp sum spread divide"
    loss, gradient = "log maximum multiply sum subtract sum", "subtract multiply affine_gradient"
    assert calls[0] == f"{softmax} {loss} {gradient}".split()
    assert len(calls[1]) == len(calls[0]) + 5


def test_balanced_is_the_number_of_examples_by_classes_and_examples_of_the_class():
    found = class_weights.read("balanced").of(("a", "b", "c", "none of it"), (90, 9, 1, 0))
    assert found == pytest.approx((100 / (3 * 90), 100 / (3 * 9), 100 / 3, 0.0))
    assert class_weights.read("none").of(("a", "b"), (1, 99)) == ()


def prepared(**training):
    """A preset's engine, ready to train."""
    steps_of = prepare_run(preset(training=training), backend="numpy", control=RunControl(rewindable=False))
    while True:
        try:
            next(steps_of)
        except StopIteration as ended:
            return ended.value


def test_balanced_counts_the_training_part():
    with_, without = prepared(class_weight="balanced"), prepared()
    counts = np.bincount(with_.data.train.labels)
    assert with_.engine.network.class_weights == pytest.approx(counts.sum() / (len(counts) * counts))
    assert without.engine.network.class_weights == ()


@pytest.mark.parametrize(
    ("given", "weights"),
    [
        ([1, 5], (1.0, 5.0)),
        ({"1": 5}, (1.0, 5.0)),
        ({"arm 2": 5.0, "arm 1": 2}, (2.0, 5.0)),
        ({"name": "manual", "weights": "1, 5"}, (1.0, 5.0)),
        ({"name": "manual", "weights": "arm 2 = 5"}, (1.0, 5.0)),
        ({"name": "manual", "weights": [1.0, 5.0]}, (1.0, 5.0)),
    ],
)
def test_weights_are_given_by_class_or_in_order(given, weights):
    chosen = preset(training={"class_weight": given})
    names = ("arm 1", "arm 2")
    assert chosen.training.class_weight.of(names, (1, 1)) == weights
    again, problems = check(loads(dumps(chosen.document())))
    assert (again, problems) == (chosen, [])


@pytest.mark.parametrize(
    ("given", "rest", "told"),
    [
        ([1.0, 2.0, 3.0], {}, "3 weights for 2 classes"),
        ({"cat": 2.0}, {}, "there is no class 'cat'; the classes are"),
        ({"0": 2.0, "arm 1": 3.0}, {}, "a class has two weights"),
        ("manual", {}, "0 weights for 2 classes"),
        ("balancd", {}, "did you mean 'balanced'?"),
        ([1.0, -2.0], {}, "above 0"),
        ([1.0, float("nan")], {}, "above 0"),
        ([1.0, True], {}, "above 0"),
        ("balanced", {"loss": "mse"}, "balanced is for cross_entropy and binary_cross_entropy, not for mse"),
    ],
)
def test_what_is_wrong_with_given_weights_is_told_in_one_line(given, rest, told):
    names = document()
    names["training"] |= {"class_weight": given, **rest}
    found, problems = check(names)
    assert found is None
    (problem,) = problems
    assert problem.path.startswith("training.class_weight")
    assert told in problem.message
    assert "\n" not in str(problem)


def test_a_regression_has_no_classes_to_weight():
    layers = [{"type": "dense", "activation": "linear"}]
    training = {"loss": "mse", "class_weight": "balanced"}
    wrong = document(layers, training, data={"name": "sine"})
    _, problems = check(wrong)
    assert [str(p) for p in problems] == [
        "training.class_weight: balanced is for classification, and sine is a regression; leave it out"
    ]


def test_classes_named_by_numbers_are_named_by_those():
    manual = class_weights.read({"name": "manual", "weights": {"1": 4.0}})
    assert manual.of(("1", "2", "3"), (1, 1, 1)) == (4.0, 1.0, 1.0)
    assert manual.of(("a", "b", "c"), (1, 1, 1)) == (1.0, 4.0, 1.0)
    assert "no class '0'" in class_weights.read({"name": "manual", "weights": {"0": 4.0}}).problem(("1", "2"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_with_class_weights_is_resumed_and_replayed_to_the_same_bits(monkeypatch, backend):
    monkeypatch.setenv(fast.SWITCH, "1" if backend == "fast" else "0")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr(sharding, "WORTH_SPLITTING", 1.0)
    shards, name = (2 if backend == "threads" else 1), "mlx" if backend == "mlx" else "numpy"
    chosen = preset(training={"class_weight": [1, 4], "epochs": 3, "batch_size": 32})
    part = preset(training={"class_weight": [1, 4], "epochs": 1, "batch_size": 32})
    *_, whole = session.run(chosen, name="whole", backend=name, shards=shards)
    *_, _ = session.run(part, name="part", backend=name, shards=shards)
    *_, resumed = session.resume("part", ["training.epochs=3"])
    *_, unweighted = session.run(preset(training={"epochs": 3, "batch_size": 32}), name="un", backend=name)
    assert resumed.test_loss == whole.test_loss != unweighted.test_loss
    *_, verdict = replay.replay("part")
    assert verdict.same
