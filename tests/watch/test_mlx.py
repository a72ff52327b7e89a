"""MLX loops under ``tuiml.watch``."""

import copy
import math
import pickle

import pytest

mx = pytest.importorskip("mlx.core")

import mlx.nn as nn  # noqa: E402
import mlx.optimizers as optim  # noqa: E402
import numpy as np  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import events, layers, modules  # noqa: E402
from tuiml.runs.watched import read_model  # noqa: E402


class MLP(nn.Module):
    """As in MLX's own example of MNIST."""

    def __init__(self, activation=None):
        super().__init__()
        self.layers = [nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)]
        self.norm = nn.LayerNorm(16)

    def __call__(self, x):
        x = self.norm(self.layers[1](self.layers[0](x)))
        return self.layers[2](x)


def loss_of(model, x, y):
    return nn.losses.cross_entropy(model(x), y, reduction="mean")


def data():
    make = np.random.default_rng(0)
    return mx.array(make.normal(size=(32, 8)).astype(np.float32)), mx.array(make.integers(0, 3, 32))


def trained(watched, steps=2, compiled=False):
    mx.random.seed(0)
    model, (x, y) = MLP(), data()
    optimizer = optim.Adam(learning_rate=1e-2)
    run = tuiml.watch(model, optimizer=optimizer, name="net") if watched else None
    value_and_grad = nn.value_and_grad(model, loss_of)

    def step(x, y):
        loss, grads = value_and_grad(model, x, y)
        optimizer.update(model, grads)
        return loss, grads

    state = [model.state, optimizer.state]
    step = mx.compile(step, inputs=state, outputs=state) if compiled else step
    before = grads = None
    for _ in range(steps):
        before = dict(tree_flatten(model.parameters()))
        loss, grads = step(x, y)
        mx.eval(model.state, optimizer.state, loss)
        if run:
            run.step(loss=loss, grads=grads)
    if run:
        run.close()
    return run, model, before, dict(tree_flatten(grads)), x


def near(found, wanted):
    assert found == pytest.approx(float(wanted), rel=1e-4, abs=1e-6)


def test_numbers_are_those_computed_by_hand():
    run, model, before, grads, x = trained(True)
    found, after = layers(run.path), dict(tree_flatten(model.parameters()))
    assert list(found) == ["layers.0", "layers.1", "layers.2", "norm"]
    for name in ("layers.0", "layers.2", "norm"):
        weight = np.array(after[f"{name}.weight"], np.float64)
        was = np.array(before[f"{name}.weight"], np.float64)
        near(found[name].weight_std, weight.std())
        near(found[name].gradient_norm, np.linalg.norm(np.array(grads[f"{name}.weight"], np.float64)))
        near(10 ** found[name].update_ratio, (weight - was).std() / weight.std())
    inputs = np.array(x, np.float64)
    hidden = inputs @ np.array(before["layers.0.weight"]).T + np.array(before["layers.0.bias"])
    near(found["layers.0"].mean, hidden.mean())
    near(found["layers.1"].zeros, (hidden <= 0).mean())
    assert modules(run.path)["layers.1"].activation == "relu"
    assert events(run.path, "start")[0].backend == "mlx"


def test_bits_are_the_same_with_and_without():
    _, watched, *_ = trained(True, steps=4)
    _, plain, *_ = trained(False, steps=4)
    pairs = zip(tree_flatten(watched.parameters()), tree_flatten(plain.parameters()), strict=True)
    assert all(mx.array_equal(a, b) for (_, a), (_, b) in pairs)


def test_a_loss_is_kept_as_it_was_when_it_was_reported():
    run = tuiml.watch(MLP(), name="net")
    for value in (1.0, 2.0):
        loss = mx.array(value) * 2
        run.step(loss=loss, other=mx.array([value, 3 * value]))
        loss += 10
    run.close()
    assert [event.train_loss for event in events(run.path, "batch")] == [2.0, 4.0]
    assert [event.values for event in events(run.path, "scalars")] == [{"other": 2.0}, {"other": 4.0}]


def test_no_class_of_a_module_is_changed_for_good():
    _, model, *_ = trained(True, steps=3)
    assert all("_tuiml_base" not in vars(type(module)) for _, module in model.named_modules())


def test_a_copy_has_the_classes_of_the_library():
    model = MLP()
    run = tuiml.watch(model)
    run.step(loss=1.0)  # the next step is armed
    assert type(model.layers[0]) is not nn.Linear
    assert isinstance(model.layers[0], nn.Linear)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model.layers[0]))):
        modules = [module for _, module in copied.named_modules()]
        assert all("_tuiml_base" not in vars(type(module)) for module in modules)
    assert "_tuiml_base" in vars(type(model.layers[0]))
    run.close()
    assert type(model.layers[0]) is nn.Linear


def test_a_compiled_step_is_seen_but_for_its_outputs():
    run, *_ = trained(True, steps=4, compiled=True)
    found = layers(run.path)["layers.0"]
    assert found.gradient_norm > 0
    assert math.isnan(found.mean)
    run.close()


def test_frozen_and_quantized_modules():
    model = MLP()
    model.layers[0].freeze()
    model.layers[2] = nn.QuantizedLinear.from_linear(nn.Linear(64, 3), group_size=32)
    run = tuiml.watch(model)
    run.close()
    described = modules(run.path)
    assert described["layers.0"].trainable == 0 < described["layers.0"].parameters
    assert any("quantized" in limit for limit in read_model(run.path).limits)
