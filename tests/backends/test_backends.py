"""Which backend is chosen; and, where MLX is installed, that both give the same numbers."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.helpers import network, numbers
from tuiml import installation
from tuiml.backends import choice
from tuiml.backends.engine import Engine
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.data.prepare import load
from tuiml.nn import activations, initializers, layers, losses, optimizers
from tuiml.runs import memory_estimate
from tuiml.spec import SpecError, check, network_of

needs_mlx = pytest.mark.skipif(
    importlib.util.find_spec("mlx") is None, reason="MLX is an extra; CI runs these with it"
)
ROOT = Path(__file__).parents[2]
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
    with pytest.raises(choice.BackendError, match="pip install") as refused:
        choice.choose("mlx")
    assert installation.hint("mlx-cuda") in str(refused.value)
    with pytest.raises(choice.BackendError, match="not a backend"):
        choice.choose("torch")


def test_a_network_too_large_for_the_gpu_is_refused_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last = {"type": "dense", "activation": "softmax"}
    preset, problems = check({"version": 1, "data": CLOUDS, "layers": [dense(units=4000), last]})
    assert preset is not None, problems
    network, gpu = network_of(preset), choice.Choice("mlx", "a small GPU", "")
    needed = memory_estimate.of_run(preset, network)
    monkeypatch.setattr(choice, "memory", lambda _: needed)  # what NumPy takes is too little for MLX
    with pytest.raises(SpecError, match=r"a small GPU has [\d.]+ MB"):
        memory_estimate.refuse_if_short(preset, network, 100 * needed, gpu)
    memory_estimate.refuse_if_short(preset, network, needed, choice.Choice("numpy", "cpu", ""))
    monkeypatch.setattr(choice, "memory", lambda _: None)  # MLX on the processor: the machine's memory
    memory_estimate.refuse_if_short(preset, network, 2 * needed, gpu)
    with pytest.raises(SpecError, match="this machine has"):
        memory_estimate.refuse_if_short(preset, network, needed, gpu)


CLOUDS = {"name": "gaussians", "features": 6, "clouds": 3, "size": 300}


def engines(
    hidden: list[dict[str, Any]],
    *,
    optimizer: Any = "sgd",
    loss: Any = "cross_entropy",
    of: Any = CLOUDS,
    initializer: str = "glorot_uniform",
    **training: Any,
) -> tuple[Engine, Engine, float]:
    """The same network on both backends, and its learning rate."""
    from tuiml.backends.mlx.engine import MlxEngine

    end = losses.read(loss).activation or "linear"
    last = {"type": "dense", "activation": end, "initializer": initializer}
    preset, problems = check(
        {
            "version": 1,
            "data": of,
            "layers": [*hidden, last],
            "training": {"batch_size": 50, "optimizer": optimizer, "loss": loss, **training},
        }
    )
    assert preset is not None, problems
    data, network = load(preset.data, 0), network_of(preset)
    kinds = (NumpyEngine, MlxEngine)
    penalties = preset.training.penalties
    one, two = (kind(network, preset.training.optimizer, data, 3, penalties) for kind in kinds)
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
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_max_norm_is_the_same_on_both(optimizer: str) -> None:
    one, two, rate = engines([dense(), dense(activation="prelu")], optimizer=optimizer, max_norm=0.7)
    assert_same(one, two, rate)
    weights = [values for name, values in two.tensors().items() if name.endswith("weight")]
    norms = [np.linalg.norm(values.astype(np.float64), axis=1).max() for values in weights]
    assert max(norms) == pytest.approx(0.7, rel=1e-6)


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


def assert_alike(one: Engine, two: Engine) -> None:
    """Numbers: squared errors and every example's outputs are the same too, in training and held out."""
    for run in (one, two):
        assert run.step(np.arange(50), 0.01)
    assert two.totals().r2 == pytest.approx(one.totals().r2, rel=1e-4)
    assert two.evaluate(two.data.test).r2 == pytest.approx(one.evaluate(one.data.test).r2, rel=1e-4)
    for mine, theirs in zip(one.evaluate_each(one.data.test), two.evaluate_each(two.data.test), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-3, atol=1e-5)
    predicted = one.predict(one.data.test.inputs), two.predict(two.data.test.inputs)
    np.testing.assert_allclose(predicted[1], predicted[0], rtol=1e-3, atol=1e-5)
    one.observe_next_step(50)
    for first, second in zip(one.dry_run(50), two.dry_run(50), strict=True):
        np.testing.assert_allclose(second.output, first.output, rtol=1e-3, atol=1e-5)


@needs_mlx
@pytest.mark.parametrize("loss", [entry.name for entry in losses if entry.activation is None])
def test_numbers_are_the_same_on_both(loss: str) -> None:
    one, two, rate = engines([dense()], loss=loss, of={"name": "friedman1", "size": 300}, optimizer="adam")
    assert_same(one, two, rate)
    assert_alike(one, two)


@needs_mlx
def test_several_numbers_at_once_are_the_same_on_both() -> None:
    from tuiml.backends.mlx.engine import MlxEngine

    data = numbers(outputs=3, train=270)
    built = network(
        [{"type": "dense", "units": 7, "activation": "tanh"}, {"type": "dense", "units": 3}], 3, "mse"
    )
    one, two = (kind(built, optimizers.read("adam"), data, 3) for kind in (NumpyEngine, MlxEngine))
    assert_same(one, two, 0.01)
    assert_alike(one, two)


@needs_mlx
@pytest.mark.parametrize("layer", [entry.name for entry in layers if not entry.images])
def test_every_layer_is_the_same_on_both(layer: str) -> None:
    extra: dict[str, Any] = dense(bias=False) if layer == "dense" else {"type": layer}
    assert_same(
        *engines([dense(), extra, dense()], optimizer={"name": "sgd", "momentum": 0.9, "nesterov": True})
    )


NORMED: list[dict[str, Any]] = [
    dense(activation="linear", bias=False),
    {"type": "batch_norm", "momentum": 0.3},
    {"type": "activation", "activation": "prelu"},
    {"type": "layer_norm"},
]


@needs_mlx
@pytest.mark.parametrize("layer", ["batch_norm", "layer_norm", "activation"])
def test_what_a_normalized_layer_shows_is_the_same_on_both(layer: str) -> None:
    one, two, _ = engines([*NORMED, {"type": layer}])
    for _ in range(2):  # before the first step with running statistics, after it with the batch's own
        for first, second in zip(one.views(), two.views(), strict=True):
            assert second.output == pytest.approx(first.output, rel=1e-4, abs=1e-5)
        rows = np.random.default_rng(1).permutation(270)[:50]
        assert one.step(rows, 0.0)
        assert two.step(rows, 0.0)
    for first, second in zip(one.views(), two.views(), strict=True):
        if first.weights is not None and first.gradients is not None:
            assert second.weights is not None
            assert second.gradients is not None
            assert float(np.linalg.norm(second.gradients)) > 0
            if first.weights.shape[1] == 1:
                assert second.gradients == pytest.approx(first.gradients, rel=1e-3, abs=1e-6)


@needs_mlx
def test_a_loss_that_is_not_finite_leaves_running_statistics_on_both() -> None:
    for run in engines(NORMED)[:2]:
        huge = run.state()
        huge["layers.0.weight"] = np.full_like(huge["layers.0.weight"], 3e38)
        run.load(huge, 0)
        run.step(np.arange(50), 0.1)
        assert run.totals().examples == 0
        assert run.step_number == 0
        for name, values in run.state().items():
            assert np.array_equal(values, huge[name]), name


DIGITS = {"name": "digits", "train": 300, "validation": 10}


@needs_mlx
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("layer", [entry.name for entry in layers if entry.images])
def test_every_layer_for_images_is_the_same_on_both(layer: str, padding: str) -> None:
    """Windows that overlap, that do not reach the edge, and that reach beyond it on one side."""
    conv = {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "tanh", "padding": padding}
    extra: dict[str, Any] = {"type": layer}
    if layer != "global_avg_pool":
        extra |= {"strides": 2, "padding": padding}
        extra |= {"kernel_size": 3} if layer == "conv2d" else {"pool_size": 3}
    end = [] if layer == "global_avg_pool" else [{"type": "flatten"}]
    assert_same(*engines([conv, extra, *end], of=DIGITS, optimizer="adam"))
    assert_same(*engines([extra, *end], of=DIGITS))


@needs_mlx
@pytest.mark.parametrize("activation", [a.name for a in activations if not a.output_only])
def test_ties_slopes_and_noise_in_images_are_the_same_on_both(activation: str) -> None:
    """Digits have wide black borders: many windows hold one value many times, and in the first step an
    activation sees exact zeros, where it may have a kink."""
    stack: list[dict[str, Any]] = [
        {"type": "dropout", "rate": 0.2},
        {"type": "max_pool2d", "strides": 1},
        {"type": "conv2d", "filters": 4, "activation": activation, "initializer": "he_normal"},
        {"type": "max_pool2d", "padding": "same"},
        {"type": "dropout", "rate": 0.3},
        {"type": "flatten"},
    ]
    assert_same(*engines(stack, of=DIGITS))


@needs_mlx
def test_views_of_images_are_the_same_on_both() -> None:
    conv = {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "tanh"}
    one, two, rate = engines([conv, {"type": "max_pool2d"}, {"type": "flatten"}], of=DIGITS)
    for view, other in zip(one.views(), two.views(), strict=True):
        assert view.output.shape == other.output.shape
        np.testing.assert_allclose(view.output, other.output, rtol=1e-5, atol=1e-6)
    assert one.step(np.arange(50), rate)
    assert two.step(np.arange(50), rate)
    for view, other in zip(one.views(), two.views(), strict=True):
        for mine, theirs in ((view.weights, other.weights), (view.gradients, other.gradients)):
            assert (mine is None) == (theirs is None)
            assert theirs is None or theirs.ndim == 2


@needs_mlx
@pytest.mark.parametrize("of", [CLOUDS, DIGITS], ids=["clouds", "digits"])
def test_a_look_and_a_watched_step_show_the_same_on_both(of: dict[str, Any]) -> None:
    conv = {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "relu", "padding": "same"}
    front = [conv, {"type": "max_pool2d"}, {"type": "flatten"}] if of is DIGITS else []
    hidden = [*front, dense(activation="tanh"), {"type": "batch_norm"}, {"type": "dropout", "rate": 0.3}]
    one, two, rate = engines([*hidden, dense(activation="sigmoid")], of=of, optimizer="adam")
    before = one.state(), two.state()

    def compare(mine: Any, theirs: Any) -> None:
        for first, second in zip(mine, theirs, strict=True):
            for field in vars(first):
                a, b = getattr(first, field), getattr(second, field)
                assert (a is None) == (b is None), field
                if a is not None:
                    assert a.shape == b.shape, field
                    np.testing.assert_allclose(b, a, rtol=2e-3, atol=2e-5, err_msg=field)

    compare(one.dry_run(70), two.dry_run(70))
    for run, state in zip((one, two), before, strict=True):
        assert run.step_number == 0
        assert all(np.array_equal(values, state[name]) for name, values in run.state().items())
    rows = np.random.default_rng(1).permutation(200)[:50]
    for _ in range(3):
        for run in (one, two):
            run.observe_next_step(len(rows))
            assert run.step(rows, rate)
        compare(one.views(), two.views())
        assert all((v.before is None) == (v.weights is None) for v in two.views())


@needs_mlx
def test_watching_changes_nothing_on_mlx() -> None:
    hidden = [dense(activation="tanh"), {"type": "batch_norm"}, {"type": "dropout", "rate": 0.3}]
    found = []
    for observed in (False, True):
        _, run, rate = engines(hidden, optimizer="adam")
        for k in range(6):
            if observed and k % 2:
                run.observe_next_step(50)
            assert run.step(np.arange(k, k + 50), rate)
            if observed:
                run.views()
        found.append(run.state())
    assert all(np.array_equal(values, found[1][name]) for name, values in found[0].items())


def all_pairs(*kinds: list[str]) -> list[tuple[str, ...]]:
    """Rows with one name of each kind, such that any two names of two kinds stand together in some row."""
    places = list(itertools.combinations(range(len(kinds)), 2))
    wanted = {(a, b, x, y) for a, b in places for x in kinds[a] for y in kinds[b]}
    rows = []
    while wanted:
        a, b, x, y = min(wanted)
        row = {a: x, b: y}
        for free in range(len(kinds)):
            if free not in row:
                row[free] = max(kinds[free], key=lambda name: len(_new({**row, free: name}, places) & wanted))
        wanted -= _new(row, places)
        rows.append(tuple(row[place] for place in range(len(kinds))))
    return rows


def _new(row: dict[int, str], places: list[tuple[int, int]]) -> set[tuple[int, int, str, str]]:
    return {(a, b, row[a], row[b]) for a, b in places if a in row and b in row}


COMBINED = all_pairs(
    layers.names(),
    [a.name for a in activations if not a.output_only],
    initializers.names(),
    optimizers.names(),
)


@needs_mlx
@pytest.mark.parametrize("layer", layers.names())
def test_fifty_steps_of_any_combination_are_the_same_on_both(layer: str) -> None:
    """Every activation with every initializer, optimizer and layer, and so for any two of the four."""
    for kind, activation, initializer, optimizer in COMBINED:
        if kind != layer:
            continue
        common = {"activation": activation, "initializer": initializer}
        extra: dict[str, Any] = {"type": layer}
        extra |= {"units": 9, **common} if layer == "dense" else {}
        extra |= {"filters": 3, **common} if layer == "conv2d" else {}
        extra |= {"activation": activation} if layer == "activation" else {}
        if layers[layer].images:
            end = [] if layer == "global_avg_pool" else [{"type": "flatten"}]
            stack = [{"type": "conv2d", "filters": 3, **common}, extra, *end]
        else:
            stack = [dense(activation=activation), extra, dense(**common)]
        of = DIGITS if layers[layer].images else CLOUDS
        one, two, _ = engines(stack, optimizer=optimizer, of=of)
        for name, values in one.tensors().items():
            assert np.array_equal(values, two.tensors()[name]), name
        found: tuple[list[float], list[float]] = ([], [])
        for step in range(50):
            rows = np.random.default_rng(step).permutation(270)[:50]
            for engine, seen in zip((one, two), found, strict=True):
                assert engine.step(rows, 1e-3)
                seen.append(engine.totals().loss)
        # Between equal units a normalization passes on rounding alone, which some optimizers scale up.
        equal = layer == "layer_norm" and initializer in ("zeros", "ones", "constant")
        words = f"{activation} {initializer} {optimizer} {layer}"
        assert found[1] == pytest.approx(found[0], rel=3e-2 if equal else 1e-4), words


@needs_mlx
def test_exact_zeros_in_front_of_every_fused_loss_are_the_same_on_both() -> None:
    for loss in losses.names():
        assert_same(*engines([], loss=loss, initializer="zeros"))


@needs_mlx
@pytest.mark.parametrize(
    "setting",
    [
        {"l1": 0.01},
        {"l2": 0.05},
        {"weight_decay": 0.5, "optimizer": "adam"},
        {"clip_norm": 0.05},
        {
            "clip_norm": 0.2,
            "l1": 0.01,
            "l2": 0.02,
            "weight_decay": 0.1,
            "optimizer": {"name": "sgd", "momentum": 0.9},
        },
        {"loss": {"name": "cross_entropy", "label_smoothing": 0.2}},
    ],
    ids=str,
)
def test_penalties_clipping_and_smoothing_are_the_same_on_both(setting: dict[str, Any]) -> None:
    assert_same(*engines([dense(activation="prelu"), dense(bias=False)], **setting))


@needs_mlx
def test_a_gradient_that_cannot_be_clipped_changes_nothing_on_mlx_either() -> None:
    _, two, rate = engines([dense()], clip_norm=1.0, optimizer="adam")
    rows = np.arange(50)
    assert two.step(rows, rate)
    before = two.state()
    bad = {name: values.copy() for name, values in before.items()}
    bad["layers.1.weight"][:] = 3e38  # its gradient is finite; that of the layer before it overflows
    bad["layers.1.weight"][::2] *= -1
    two.load(bad, 1)
    two.step(rows, rate)
    two.totals()
    assert all(np.array_equal(values, bad[name]) for name, values in two.state().items())
    assert two.step_number == 1


@needs_mlx
def test_compiled_steps_are_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert_same(*engines([*NORMED, {"type": "dropout", "rate": 0.3}], optimizer="adam"))


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
    one, two, rate = engines(NORMED, optimizer="adam")
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


@needs_mlx
def test_a_thread_can_train_again_after_an_engine_was_closed() -> None:
    for _ in range(2):
        _, run, _ = engines([dense(activation="relu")])
        assert run.step(np.arange(20), 0.05)
        assert run.totals().examples == 20
        run.close()


@needs_mlx
def test_a_program_that_trains_computes_with_mlx_before_and_after() -> None:
    """In its main thread; another thread that trained ends without ending the process."""
    code = """
import threading, mlx.core as mx, tuiml
from tests.moons_preset import MOONS
def train():
    *_, end = tuiml.train(MOONS, backend="mlx")
    print(end.reason)
own = mx.arange(3) + 1
train()
thread = threading.Thread(target=train)
thread.start()
thread.join()
print((own + mx.ones(3)).tolist())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines() == ["completed", "completed", "[2.0, 3.0, 4.0]"], done.stderr
    assert done.returncode == 0, done.stderr


@needs_mlx
@pytest.mark.parametrize("loss", losses.names())
def test_both_judge_and_predict_the_same(loss: str) -> None:
    image = {"type": "conv2d", "filters": 4, "activation": "relu"}
    hidden = [image, {"type": "batch_norm"}, {"type": "flatten"}, dense(activation="tanh")]
    of = {"name": "digits", "train": 300, "validation": 100}
    one, two, _ = engines(hidden, loss=loss, of=of)
    for run in (one, two):
        for _ in range(4):
            run.step(np.arange(50), 0.05)
    held_out = one.data.validation
    for part in (held_out, held_out[:1]):
        (outputs, lost), (others, other_losses) = (
            one.evaluate_each(part),
            two.evaluate_each(two.data.validation[: len(part)]),
        )
        assert other_losses == pytest.approx(lost, rel=1e-3, abs=1e-4)
        assert others == pytest.approx(outputs, rel=1e-3, abs=1e-4)
        assert two.predict(part.inputs) == pytest.approx(outputs, rel=1e-3, abs=1e-4)
        for layer in range(4):
            mine, theirs = one.layer_outputs(part.inputs, layer), two.layer_outputs(part.inputs, layer)
            assert theirs == pytest.approx(mine, rel=1e-3, abs=1e-4)
    assert float(two.evaluate_each(held_out)[1].sum()) == pytest.approx(
        two.evaluate(two.data.validation).loss, rel=1e-4
    )


@needs_mlx
@pytest.mark.parametrize("optimizer", optimizers.names())
def test_an_optimizer_takes_over_the_same_on_both(optimizer: str) -> None:
    """With arrays that stay (other options of the same rule) or start anew, and back by a snapshot."""
    one, two, rate = engines([dense(units=9, activation="tanh")], optimizer="sgd")
    other = {"name": "adam", "beta1": 0.95} if optimizer == "adam" else optimizer
    kept = []
    for engine in (one, two):
        for step in range(20):
            assert engine.step(np.random.default_rng(step).permutation(270)[:50], 0.05)
        engine.totals()
        kept.append((engine.snapshot(), engine.state()))
        if optimizer == "adam":
            engine.change(optimizers.read("adam"))
            assert engine.step(np.arange(50), rate)
        engine.change(optimizers.read(other))
        for step in range(10):
            assert engine.step(np.random.default_rng(step).permutation(270)[:40], 0.01)
        engine.totals()
    assert one.optimizer_start == two.optimizer_start
    first, second = one.state(), two.state()
    assert first.keys() == second.keys()
    for name, values in first.items():
        size = max(1e-6, float(abs(values).max()))
        assert second[name] == pytest.approx(values, rel=1e-3, abs=1e-4 * size), name
    for engine, (snapshot, before) in zip((one, two), kept, strict=True):
        engine.restore(snapshot)
        assert (engine.step_number, engine.optimizer_start) == (20, 0)
        again = engine.state()
        assert again.keys() == before.keys()
        assert all(np.array_equal(values, again[name]) for name, values in before.items())


@needs_mlx
def test_on_mlx_a_run_goes_back_to_the_same_bits_and_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.training.test_interventions import Whim, noisy, play
    from tuiml.runs import replay, session
    from tuiml.training.events import End, Replayed
    from tuiml.training.run_control import RunControl

    monkeypatch.setenv("TUIML_HOME", str(tmp_path))
    for seed in range(3):
        whim, name, control = Whim(seed), f"run-{seed}", RunControl()
        reported = play(session.run(noisy(), name=name, backend="mlx", control=control), control, whim)
        while not isinstance(reported[-1], End):
            control = RunControl()
            reported = play(session.resume(name, backend="mlx", control=control), control, whim)
        *_, verdict = replay.replay(name)
        assert isinstance(verdict, Replayed)
        assert verdict.same, verdict.differs
        assert verdict.changes


@needs_mlx
def test_sigmoid_and_its_slope_keep_their_digits_on_mlx() -> None:
    """The gradient is MLX's own, of the formula."""
    import mlx.core as mx

    from tuiml.backends.mlx.namespace import XP

    x = np.float32([-80.0, -40.0, -20.0, -18.5, 0.0, 5.0, 20.0, 40.0])
    sigmoid = activations["sigmoid"]()
    value = sigmoid.forward(XP, mx.array(x))
    slope = mx.grad(lambda v: mx.sum(sigmoid.forward(XP, v)))(mx.array(x))
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(np.array(value), exact, rtol=2e-6)
    tails = np.exp(-np.abs(x.astype(np.float64)))
    np.testing.assert_allclose(np.array(slope)[1:], (tails / (1 + tails) ** 2)[1:], rtol=4e-6)
    assert np.isfinite(
        np.array(mx.grad(lambda v: mx.sum(sigmoid.forward(XP, v)))(mx.array([-1e4, 1e4])))
    ).all()


@needs_mlx
def test_sums_on_mlx_do_not_depend_on_when_the_queue_was_run() -> None:
    """Snapshots run it at moments that depend on the clock: equal runs are to have equal losses."""
    found = []
    for every in (1, 3, 100):
        _, run, _ = engines([dense(), dense()])
        for step in range(40):
            run.steps([(np.random.default_rng(step).permutation(270)[:50], 1e-2)])
            if step % every == 0:
                run.finite()  # it looks at the weights, so the queue is run
        found.append(run.totals())
    assert found[0] == found[1] == found[2]


@needs_mlx
def test_equal_runs_report_equal_training_losses_on_mlx() -> None:
    """However many steps were computed at a time between two reports."""
    from tests import helpers
    from tuiml.runs import session
    from tuiml.training.events import Epoch

    preset = helpers.preset(training={"epochs": 3, "batch_size": 8})
    runs = [list(session.run(preset, name=name, backend="mlx")) for name in ("one", "two")]
    reported = [[e.train_loss for e in run if isinstance(e, Epoch)] for run in runs]
    assert len(reported[0]) == 3
    assert reported[0] == reported[1]
