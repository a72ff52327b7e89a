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


def trained(watched, steps=2, compiled=False, given=False):
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
            run.step(loss=loss, grads=grads if given else None)
    if run:
        run.close()
    return run, model, before, dict(tree_flatten(grads)), x


def near(found, wanted):
    assert found == pytest.approx(float(wanted), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("given", [False, True])
def test_numbers_are_those_computed_by_hand(given):
    run, model, before, grads, x = trained(True, given=given)
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


def test_gradients_are_those_that_the_optimizer_gets_of_a_part_of_the_model_too():
    model, (x, y) = MLP(), data()
    head, optimizer = model.layers[2], optim.SGD(learning_rate=0.1)
    other = MLP()  # has parameters of the same names
    run = tuiml.watch(model, optimizer=optimizer)
    for _ in range(2):
        _, grads = nn.value_and_grad(model, loss_of)(model, x, y)
        clipped, _ = optim.clip_grad_norm(grads, 0.01)
        head.update(optimizer.apply_gradients(clipped["layers"][2], head.trainable_parameters()))
        optim.SGD(learning_rate=0.1).update(other, grads)
        run.step()
    run.close()
    found = layers(run.path)
    near(found["layers.2"].gradient_norm, mx.linalg.norm(clipped["layers"][2]["weight"]))
    assert math.isnan(found["layers.0"].gradient_norm), "no optimizer got it"


def test_one_optimizer_of_two_models():
    models, (x, y) = {"a": MLP(), "b": MLP()}, data()
    optimizer = optim.Adam(learning_rate=0.01)
    run = tuiml.watch(models, optimizer=optimizer)
    seen = {}
    for _ in range(2):
        for name, model in models.items():
            _, grads = nn.value_and_grad(model, loss_of)(model, x, y)
            optimizer.update(model, grads)
            seen[name] = mx.linalg.norm(grads["layers"][0]["weight"])
        run.step()
    assert type(optimizer) is optim.Adam
    run.close()
    for name in models:
        near(layers(run.path)[f"{name}.layers.0"].gradient_norm, seen[name])


def test_the_optimizer_has_its_own_class_again_and_can_be_pickled_before():
    model = MLP()
    optimizer = optim.SGD(learning_rate=0.1)
    run = tuiml.watch(model, optimizer=optimizer)
    run.step()  # the next step is armed
    assert type(optimizer) is not optim.SGD
    assert type(pickle.loads(pickle.dumps(optimizer))) is optim.SGD
    run.close()
    assert type(optimizer) is optim.SGD


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


@pytest.mark.parametrize("given", [False, True])
def test_a_compiled_step_is_seen_but_for_its_outputs(given, monkeypatch):
    monkeypatch.setattr("tuiml.watch.run.GAP", 0.0)
    monkeypatch.setattr("tuiml.watch.run.FRACTION", 1e9)
    monkeypatch.setattr("tuiml.runs.folder.RunFolder.takes_snapshot", True)
    run, *_ = trained(True, steps=5, compiled=True, given=given)
    found = layers(run.path)["layers.0"]
    assert math.isnan(found.mean)
    assert found.weight_norm > 0
    assert math.isnan(found.gradient_norm) != given
    unseen = read_model(run.path).unseen
    assert "compiled" in unseen["activations"]
    assert given or "run.step(grads=grads)" in unseen["gradients"]


def test_frozen_and_quantized_modules():
    model = MLP()
    model.layers[0].freeze()
    model.layers[2] = nn.QuantizedLinear.from_linear(nn.Linear(64, 3), group_size=32)
    run = tuiml.watch(model)
    run.close()
    described = modules(run.path)
    assert described["layers.0"].trainable == 0 < described["layers.0"].parameters
    assert any("quantized" in limit for limit in read_model(run.path).limits)
