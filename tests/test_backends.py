"""Which backend is chosen; and, where MLX is installed, that both give the same numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tuiml.backends import choice
from tuiml.backends.engine import Engine
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn import activations, initializers, layers, losses, optimizers
from tuiml.spec import check, network_of

needs_mlx = pytest.mark.skipif(
    importlib.util.find_spec("mlx") is None, reason="MLX is an extra; CI runs these with it"
)
STEPS = 12


def test_auto_takes_mlx_only_where_it_has_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_missing", lambda: "")
    monkeypatch.setattr(choice, "_gpu", lambda: "")
    assert choice.choose("auto").name == "numpy"
    assert choice.choose("mlx").name == "mlx"
    monkeypatch.setattr(choice, "_gpu", lambda: "a fine GPU")
    assert choice.choose("auto") == choice.Choice("mlx", "a fine GPU", "MLX has a GPU here")
    assert choice.choose("numpy").name == "numpy"


def test_without_mlx_auto_is_numpy_and_asking_for_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_missing", lambda: "MLX is not installed")
    assert choice.choose("auto") == choice.Choice("numpy", "cpu", "MLX is not installed")
    with pytest.raises(choice.BackendError, match="pip install"):
        choice.choose("mlx")
    with pytest.raises(choice.BackendError, match="not a backend"):
        choice.choose("torch")


def engines(
    hidden: list[dict[str, Any]], *, optimizer: Any = "sgd", loss: str = "cross_entropy", **training: Any
) -> tuple[Engine, Engine, float]:
    """The same network on both backends, and its learning rate."""
    from tuiml.backends.mlx_backend import MlxEngine

    last = {"type": "dense", "activation": losses[loss].activation or "linear"}
    preset, problems = check(
        {
            "version": 1,
            "data": {"name": "gaussians", "features": 6, "clouds": 3, "size": 300},
            "layers": [*hidden, last],
            "training": {"batch_size": 50, "optimizer": optimizer, "loss": loss, **training},
        }
    )
    assert preset is not None, problems
    data, network = preset.data.load(0), network_of(preset)
    kinds = (NumpyEngine, MlxEngine)
    one, two = (kind(network, preset.training.optimizer, data, 3) for kind in kinds)
    return one, two, preset.training.rate


def assert_same(one: Engine, two: Engine, rate: float) -> None:
    """Same first weights to the bit; same losses, hits and weights over some steps."""
    for name, values in one.tensors().items():
        assert np.array_equal(values, two.tensors()[name]), name
    for step in range(STEPS):
        rows = np.random.default_rng(step).permutation(270)[:50]
        assert one.step(rows, rate)
        assert two.step(rows, rate)
        first, second = one.totals(), two.totals()
        assert second.loss == pytest.approx(first.loss, rel=3e-6)
        assert (second.correct, second.examples) == (first.correct, first.examples)
    state, other = one.state(), two.state()
    assert state.keys() == other.keys()
    for name, values in state.items():
        assert other[name] == pytest.approx(
            values, rel=1e-4, abs=1e-5 * max(1e-6, float(abs(values).max()))
        ), name
    judged, again = one.evaluate(one.data.test), two.evaluate(two.data.test)
    assert again.mean_loss == pytest.approx(judged.mean_loss, rel=3e-6)


def dense(**options: Any) -> dict[str, Any]:
    return {"type": "dense", "units": 9, "activation": "tanh", "initializer": "he_normal", **options}


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLX calls a C++ compiler once for each network on a CPU: one test below pays for it."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)


@needs_mlx
@pytest.mark.parametrize("activation", [a.name for a in activations if not a.output_only])
def test_every_activation_is_the_same_on_both(activation: str) -> None:
    assert_same(*engines([dense(activation=activation)]))


@needs_mlx
@pytest.mark.parametrize("optimizer", optimizers.names())
def test_every_optimizer_is_the_same_on_both(optimizer: str) -> None:
    assert_same(*engines([dense()], optimizer=optimizer))


@needs_mlx
@pytest.mark.parametrize("initializer", initializers.names())
def test_every_initializer_is_the_same_on_both(initializer: str) -> None:
    assert_same(*engines([dense(initializer=initializer)], learning_rate=1e-3))


@needs_mlx
@pytest.mark.parametrize("loss", losses.names())
def test_every_loss_is_the_same_on_both(loss: str) -> None:
    assert_same(*engines([dense(activation="relu")], loss=loss, optimizer="adam"))


@needs_mlx
@pytest.mark.parametrize("layer", layers.names())
def test_every_layer_is_the_same_on_both(layer: str) -> None:
    extra: dict[str, Any] = dense(bias=False) if layer == "dense" else {"type": layer}
    assert_same(
        *engines([dense(), extra, dense()], optimizer={"name": "sgd", "momentum": 0.9, "nesterov": True})
    )


@needs_mlx
def test_compiled_steps_are_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert_same(*engines([dense(), {"type": "dropout", "rate": 0.3}], optimizer="adam"))


@needs_mlx
def test_a_loss_that_is_not_finite_leaves_the_weights_of_the_step_before() -> None:
    _, two, _ = engines([dense(activation="relu")], loss="mse")
    rows = np.arange(50)
    while two.step(rows, 1e9):
        pass
    assert two.finite()
    steps = two.step_number
    assert not two.step(rows, 1e-3)
    two.restore(two.snapshot())
    assert two.step(rows, 1e-9) in (True, False)
    assert two.step_number >= steps


@needs_mlx
def test_what_one_backend_saved_the_other_goes_on_from() -> None:
    one, two, rate = engines([dense()], optimizer="adam")
    rows = np.arange(50)
    for _ in range(3):
        one.step(rows, rate)
    two.load(one.state(), one.step_number)
    one.totals()
    one.step(rows, rate)
    two.step(rows, rate)
    assert two.totals().loss == pytest.approx(one.totals().loss, rel=3e-6)
    assert two.step_number == one.step_number


@needs_mlx
def test_pretraining_gives_both_the_same_bits_to_start_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuiml.runs import folder, session

    monkeypatch.setenv("TUIML_HOME", str(tmp_path))
    layers = [{"type": "flatten"}, dense(activation="sigmoid"), {"type": "dense", "activation": "softmax"}]
    preset, problems = check(
        {
            "version": 1,
            "data": {"name": "digits", "train": 300, "validation": 100},
            "layers": layers,
            "pretraining": {"method": "rbm", "epochs": 2},
            "training": {"epochs": 1, "optimizer": "adam"},
        }
    )
    assert preset is not None, problems
    losses_of = []
    for backend in ("numpy", "mlx"):
        end = list(session.run(preset, name=backend, backend=backend))[-1]
        losses_of.append(end.to_json()["test_loss"])
    files = [(folder.runs_folder() / name / "initial.safetensors") for name in ("numpy", "mlx")]
    one, two = (safetensors.numpy.load_file(file) for file in files)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert losses_of[0] == pytest.approx(losses_of[1], rel=1e-4)
