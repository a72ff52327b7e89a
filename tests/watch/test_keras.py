"""``model.fit`` of Keras 3 under its callback, on the backends that are installed."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.watch.reading import events, layers, modules
from tuiml.runs.watched import read_model

pytest.importorskip("numpy")
if find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)

BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is not installed"))
    for name in ("torch", "jax")
]
ROOT = Path(__file__).parents[2]


RECURRENT = """
import keras, numpy as np, tuiml
lstm, dense = keras.layers.LSTM(8, name="lstm"), keras.layers.Dense(1, name="dense")
model = keras.Sequential([keras.Input((6, 4)), lstm, dense])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(40, 6, 4)).astype("float32")
callbacks = [tuiml.watch.KerasCallback(name="net")]
model.fit(x, x[:, 0, :1], epochs=1, batch_size=8, verbose=0, callbacks=callbacks)
"""


def fit(backend, tmp_path, watched):
    """Fit a small network in a process of its own, for Keras has one backend a process: the final weights."""
    out = tmp_path / f"{backend}-{watched}.npz"
    program = ROOT / "tests" / "watch" / "keras_program.py"
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(program), str(out), str(int(watched))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "tuiml.watch: recording has ended" not in done.stderr
    return out


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_is_recorded_and_ends_with_the_same_bits(backend, tmp_path, own_folders):
    import numpy as np

    with np.load(fit(backend, tmp_path, True)) as one, np.load(fit(backend, tmp_path, False)) as two:
        same = [name for name in two.files if name.startswith("w")]
        assert same
        assert all(one[name].tobytes() == two[name].tobytes() for name in same)
        last = {name: float(one[name]) for name in one.files if one[name].ndim == 0}
    path = own_folders / "runs" / "net"
    found = layers(path, at=0)  # of the second step
    assert list(found) == ["conv2d", "batch_normalization", "flatten", "dropout", "dense"]
    assert modules(path)["conv2d"].activation == "relu"
    assert modules(path)["conv2d"].parameters == 40
    assert read_model(path).optimizer == "Adam"
    assert [round(epoch.train_loss, 5) for epoch in events(path, "epoch")][-1] == round(last["loss"], 5)
    assert events(path, "epoch")[-1].val_accuracy == pytest.approx(last["val_accuracy"])
    assert events(path)[-1].reason == "completed"
    one = found["conv2d"]
    assert one.weight_std == pytest.approx(last["conv_std"], rel=1e-4)
    assert -5 < one.update_ratio < 0
    assert one.gradient_norm == pytest.approx(last["conv_gradient"], rel=1e-4)
    assert 0 < one.zeros < 1
    assert one.dead == 0.0
    assert modules(path)["conv2d"].output_shape == (6, 6, 4)
    assert not read_model(path).unseen
    assert one.mean == pytest.approx(last["conv_mean"], rel=1e-4)


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_layers_inside_a_loop_of_jax_have_gradients_and_say_why_no_outputs(own_folders):
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", RECURRENT], env=environment, check=True, timeout=300)
    path = own_folders / "runs" / "net"
    found = layers(path)
    assert found["lstm.lstm_cell"].gradient_norm > 0
    assert found["dense"].gradient_norm > 0
    assert list(read_model(path).unseen) == ["activations"]
