"""What a network answers: outputs and losses of any examples, and what is told of them."""

import numpy as np
import pytest

from tests import helpers

STACK = [
    {"type": "dense", "units": 7, "activation": "relu"},
    {"type": "dropout", "rate": 0.5},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


def learned(data, stack=STACK, **options):
    """An engine that has taken some steps."""
    engine = helpers.engine(stack, data, **options)
    for _ in range(20):
        engine.step(np.arange(len(data.train)), 0.1)
    return engine


# -- the engine --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("examples", [1, 6, 499, 500, 1203])
def test_outputs_and_losses_of_examples_add_up_to_the_evaluation(examples):
    data = helpers.tiny(validation=examples)
    engine = learned(data)
    outputs, losses = engine.judge(data.validation)
    whole = engine.evaluate(data.validation)
    assert losses.mean() == pytest.approx(whole.mean_loss, rel=1e-5)
    assert int((outputs.argmax(0) == data.validation.labels).sum()) == whole.correct
    np.testing.assert_allclose(-np.log(outputs[data.validation.labels, range(examples)]), losses, rtol=1e-4)
    np.testing.assert_allclose(engine.predict(data.validation.inputs), outputs, atol=1e-6)


def test_predicting_takes_raw_inputs_leaves_no_trace_and_draws_no_noise():
    chosen = helpers.preset(data={"name": "digits", "train": 60, "validation": 20}, stack=[
        {"type": "flatten"}, *STACK[:2], {"type": "dense", "activation": "softmax"}
    ])  # fmt: skip
    _, data, engine = helpers.run_parts(chosen)
    before, kept = engine.state(), len(engine.source._ready)
    raw = data.validation.inputs.astype(np.float64)  # 0…16, as somebody might draw them
    found = engine.predict(raw)
    assert len(engine.source._ready) == kept
    weights = engine.tensors()
    x = data.batch(data.validation, slice(None)).T
    hidden = np.maximum(weights["layers.1.weight"] @ x + weights["layers.1.bias"][:, None], 0)
    np.testing.assert_allclose(engine.responses(raw, 1), hidden, atol=1e-5)
    z = weights["layers.3.weight"] @ hidden + weights["layers.3.bias"][:, None]
    np.testing.assert_allclose(found, np.exp(z) / np.exp(z).sum(0), atol=1e-5)
    assert all(np.array_equal(before[name], value) for name, value in engine.state().items())


def test_a_layer_of_pictures_responds_channel_by_channel_row_by_row():
    data = helpers.tiny(shape=(5, 4))
    stack = [
        {"type": "conv2d", "filters": 1, "kernel_size": 1, "padding": "valid", "activation": "linear"},
        {"type": "flatten"},
        {"type": "dense", "units": 3, "activation": "softmax"},
    ]
    engine = helpers.engine(stack, data)
    tensors = engine.state() | {
        "layers.0.weight": np.full((1, 1, 1, 1), 2, np.float32), "layers.0.bias": np.ones(1, np.float32)
    }  # fmt: skip
    engine.load(tensors, 0)
    raw = data.test.inputs
    np.testing.assert_allclose(engine.responses(raw, 0), 2 * raw.T + 1, rtol=1e-6)
