"""What the notes say of initial values, from the very statistics that the screen shows.

Initial values and activations: Glorot & Bengio 2010, He et al. 2015. Before anything is trained, a batch goes
forward and back through a deep stack of normal inputs.
"""

import itertools
import math

import numpy as np
import pytest

from tests.helpers import engine, tiny
from tuiml.training.statistics_tracker import StatisticsTracker


def probed(depth, activation, initializer, units=100, features=100, examples=256, seed=0):
    """Statistics of ``depth`` equal layers and an output layer on normal inputs."""
    data = tiny(features, 10, train=examples, seed=seed)
    hidden = {"type": "dense", "units": units, "activation": activation, "initializer": initializer}
    last = {"type": "dense", "activation": "softmax", "units": 10}
    last |= {"initializer": "zeros"} if initializer == "zeros" else {}
    run = engine([hidden] * depth + [last], data, seed=seed)
    return run, StatisticsTracker(run.network).snapshot(run.dry_run(examples))


def normal(std):
    return {"name": "normal", "stddev": std}


def test_sigmoid_with_large_weights_piles_up_at_both_ends():
    _, found = probed(5, "sigmoid", normal(1.0), features=1000)
    for layer in found[:5]:
        counts = np.array(layer.activations.counts)
        ends, middle = counts[:2].sum() + counts[-2:].sum(), counts[18:22].sum()
        assert ends > 5 * middle
        assert layer.saturated > 0.4
        assert (layer.activations.low, layer.activations.high) == (0.0, 1.0)


def test_sigmoid_with_small_weights_collapses_at_one_half():
    _, found = probed(5, "sigmoid", normal(0.01), features=1000)
    assert found[0].std > 2 * found[1].std
    for layer in found[1:5]:
        assert layer.mean == pytest.approx(0.5, abs=0.05)
        assert layer.std < 0.02
        assert layer.saturated == 0.0


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_glorot_spreads_the_outputs_of_sigmoid_and_tanh(activation):
    _, found = probed(5, activation, "glorot_normal", features=1000)
    spread = {"sigmoid": 0.02, "tanh": 0.2}[activation]
    for layer in found[:5]:
        assert layer.std > spread
        assert layer.saturated < 0.4
    _, narrow = probed(5, activation, normal(0.01), features=1000)
    assert found[4].std > 2 * narrow[4].std


def test_glorot_shrinks_under_relu():
    _, found = probed(10, "relu", "glorot_normal")
    stds = [layer.std for layer in found[:10]]
    assert stds[9] < 0.1 * stds[0]


@pytest.mark.parametrize("seed", range(3))
def test_he_keeps_the_spread_through_ten_layers_of_relu(seed):
    _, found = probed(10, "relu", "he_normal", units=200, seed=seed)
    assert 0.5 < found[9].std / found[0].std < 2.0
    assert 0.5 < found[9].input_std / found[0].input_std < 2.0


def test_zeros_leave_all_units_of_a_layer_equal_for_ever():
    run, _ = probed(3, "sigmoid", "zeros", units=8)
    for k in range(20):
        run.observe_next_step(256)
        assert run.step(np.arange(256), 0.5), k
        for view in run.views()[:3]:
            # Equal but for the order in which a library adds up.
            np.testing.assert_allclose(view.weights, np.tile(view.weights[:, :1], 8), rtol=1e-3, atol=1e-7)
            np.testing.assert_allclose(view.output, np.tile(view.output[:1], (8, 1)), rtol=1e-4)
    run, _ = probed(3, "relu", "zeros", units=8)
    assert all(
        layer.zeros == 1.0 and layer.dead == 1.0
        for layer in StatisticsTracker(run.network).snapshot(run.dry_run(9))[:3]
    )


def test_the_gradient_vanishes_through_ten_layers_of_sigmoid():
    _, found = probed(10, "sigmoid", "glorot_normal")
    norms = [layer.gradient_norm for layer in found]
    assert math.log10(norms[10] / norms[0]) > 4
    assert all(a < b for a, b in itertools.pairwise(norms))  # ever less on its way back
    middles = [layer.gradients.counts[: len(layer.gradients.counts) // 2] for layer in found]
    centres = [np.average(np.arange(len(m)), weights=m) for m in middles]
    assert centres[0] > centres[9] + 4  # seen on the shared axis: two bins a power of ten, towards 0
    _, held = probed(10, "relu", "he_normal")
    norms = [layer.gradient_norm for layer in held]
    assert abs(math.log10(norms[9] / norms[0])) < 1
