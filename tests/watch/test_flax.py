"""JAX loops with a model of Flax NNX under ``tuiml.watch``."""

import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
optax = pytest.importorskip("optax")

import numpy as np  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import events, layers, modules  # noqa: E402
from tuiml.runs.watched import read_model  # noqa: E402


class Net(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.List([nnx.Linear(8, 16, rngs=rngs), nnx.Linear(16, 3, rngs=rngs)])
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)

    def __call__(self, x):
        return self.layers[1](self.dropout(nnx.relu(self.norm(self.layers[0](x)))))


@nnx.jit
def step(model, optimizer, x, y):
    def loss_of(model):
        return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()

    loss, grads = nnx.value_and_grad(loss_of)(model)
    optimizer.update(model, grads)
    return loss, grads


def data():
    make = np.random.default_rng(0)
    return make.normal(size=(32, 8)).astype(np.float32), make.integers(0, 3, 32)


def trained(watched, steps=2):
    model, (x, y) = Net(nnx.Rngs(0)), data()
    optimizer = nnx.Optimizer(model, optax.adam(1e-2), wrt=nnx.Param)
    run = tuiml.watch(model, optimizer=optimizer, name="net", probe=x[:16]) if watched else None
    before = grads = None
    for _ in range(steps):
        before = jax.tree.map(np.array, nnx.state(model, nnx.Param))
        loss, grads = step(model, optimizer, x, y)
        if run:
            run.step(loss=loss, grads=grads)
    if run:
        run.close()
    return run, model, before, grads, x


def near(found, wanted):
    assert found == pytest.approx(float(wanted), rel=1e-4, abs=1e-6)


def test_numbers_are_those_computed_by_hand():
    run, model, before, grads, x = trained(True)
    found = layers(run.path)
    assert list(found) == ["layers.0", "layers.1", "norm", "dropout"]
    for place in (0, 1):
        weight = np.array(model.layers[place].kernel[...], np.float64)
        was = np.array(before["layers"][place]["kernel"][...], np.float64)
        one = found[f"layers.{place}"]
        near(one.weight_std, weight.std())
        near(one.gradient_norm, np.linalg.norm(np.array(grads["layers"][place]["kernel"][...], np.float64)))
        near(10**one.update_ratio, (weight - was).std() / weight.std())
    out = model.layers[0](x[:16])
    near(found["layers.0"].mean, out.mean())
    near(found["layers.0"].std, out.std())
    assert modules(run.path)["norm"].kind == "normalization"
    assert modules(run.path)["layers.0"].output_shape == (16,)
    assert "batch to probe with" in " ".join(read_model(run.path).limits)
    assert events(run.path, "batch")[-1].train_loss > 0


@pytest.mark.parametrize("names", [["a.b"], ["a.b", "c"]])
def test_gradients_of_several_models_are_found_under_the_names_of_the_loop(names):
    models = {name: nnx.Linear(8, 3, rngs=nnx.Rngs(0)) for name in names}
    grads = {name: nnx.grad(lambda model: model(data()[0]).sum())(model) for name, model in models.items()}
    run = tuiml.watch(models, name="net")
    for _ in range(2):
        run.step(grads=grads)
    run.close()
    found = layers(run.path)
    assert list(found) == [
        one for name in names for one in (name.replace(".", "_"), f"{name.replace('.', '_')}.Linear")
    ]
    norm = np.linalg.norm(np.array(grads["a.b"]["kernel"][...], np.float64))
    near(found["a_b.Linear"].gradient_norm, norm)


def test_compiling_the_probe_is_not_counted():
    run, *_ = trained(True)
    assert 0 < run._budget.spent < run._models.first.once


def test_bits_and_state_are_the_same_with_and_without():
    _, watched, *_ = trained(True, steps=4)
    _, plain, *_ = trained(False, steps=4)
    pairs = zip(jax.tree.leaves(nnx.state(watched)), jax.tree.leaves(nnx.state(plain)), strict=True)

    def bits(value):
        raw = jax.random.key_data(value) if jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key) else value
        return np.asarray(raw).tobytes()

    assert all(bits(a) == bits(b) for a, b in pairs)
    assert not watched.dropout.deterministic
    assert type(watched.layers[0]) is nnx.Linear
