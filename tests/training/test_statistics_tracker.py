"""Statistics over time: axes are shared and stand still, a unit is dead only after a while."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import network, preset
from tuiml.backends import choice
from tuiml.backends.engine import LayerView
from tuiml.data.prepare import load
from tuiml.spec import network_of
from tuiml.training import codec
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.statistics import BINS, CEILING, FLOOR, SIDE, Values, histogram, logarithmic
from tuiml.training.statistics_tracker import EXAMPLES, LOOKS, PATIENCE, Axis, Silence, StatisticsTracker

needs_mlx = pytest.mark.skipif(
    importlib.util.find_spec("mlx") is None, reason="MLX is an extra; CI runs these with it"
)
RNG = np.random.default_rng(0)


def normal(std, n=2000, mean=0.0):
    return Values((mean + std * RNG.standard_normal((n // 10, 10))).astype(np.float32))


def observed(axis, *layers):
    """The limits after one more snapshot of these layers."""
    axis.fit(layers)
    found = axis.count(layers)
    if axis.adjust(found, layers):
        found = axis.count(layers)
        assert all(max(h.below, h.above) <= 0.005 * h.total for h in found)
    return axis.limits


def test_limits_stand_still_while_values_drift():
    axis = Axis()
    assert {observed(axis, normal(std)) for std in np.linspace(1.0, 0.4, 60)} == {axis.limits}


def test_limits_grow_at_once_and_are_those_of_the_widest_layer():
    axis = Axis()
    assert observed(axis, normal(0.1), normal(1.0)) == (-5.0, 5.0)
    assert observed(axis, normal(10.0), normal(1.0)) == (-50.0, 50.0)


def test_limits_shrink_only_when_far_too_wide_for_long():
    axis = Axis()
    observed(axis, normal(10.0))
    found = [observed(axis, normal(0.1)) for _ in range(PATIENCE + 1)]
    assert found[: PATIENCE - 1] == [(-50.0, 50.0)] * (PATIENCE - 1)
    assert found[-1] == (-0.5, 0.5)
    for _ in range(3):  # one wide snapshot among them and the count begins anew
        for _ in range(PATIENCE - 1):
            assert observed(axis, normal(0.01)) == (-0.5, 0.5)
        assert observed(axis, normal(0.1)) == (-0.5, 0.5)


def test_each_end_moves_by_itself():
    axis = Axis()
    assert observed(axis, normal(0.01, mean=3.0)) == (0.0, 5.0)
    assert observed(axis, normal(0.01, mean=-3.0)) == (-5.0, 5.0)
    for _ in range(PATIENCE + 1):
        observed(axis, normal(0.01, mean=-3.0))
    assert axis.limits == (-5.0, 0.0)


def test_an_axis_of_zeros_waits_for_values():
    """Biases start at 0: their first change is not to be hidden by an axis that was a guess."""
    zeros = Values(np.zeros(9, np.float32))
    axis = Axis()
    assert observed(axis, zeros) == (-1.0, 1.0)
    assert observed(axis, zeros, normal(1e-3)) == (-0.005, 0.005)


@given(st.lists(st.floats(width=32), min_size=1, max_size=30), st.lists(st.floats(width=32), max_size=30))
def test_whatever_comes_every_finite_value_is_counted_once(first, second):
    axis = Axis()
    for values in (first, second or first, first):
        layer = Values(np.array(values, np.float32))
        layers = [layer] if layer.finite.size else []
        axis.fit(layers)
        found = axis.count(layers)
        if axis.adjust(found, layers):
            found = axis.count(layers)
        for part in found:
            assert part.total == layer.finite.size
            assert part.low <= 0.0 <= part.high


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_gradients_are_counted_by_sign_and_power_of_ten(values):
    array = np.array(values, np.float32)
    finite = array[np.isfinite(array)].astype(np.float64)
    found = logarithmic(array)
    assert found.total == len(finite)
    assert len(found.counts) == 2 * SIDE + 1
    assert (found.below, found.above) == (np.sum(finite < -CEILING), np.sum(finite > CEILING))
    edges = np.array(found.edges())
    assert np.all(np.diff(edges) > 0)
    np.testing.assert_allclose(edges, -edges[::-1])
    distance = np.min(np.abs(np.abs(finite)[:, None] / edges[edges > 0] - 1), axis=1) if len(finite) else []
    clear = finite[np.asarray(distance) > 1e-5]  # on an edge it may be rounded to either side
    expected, _ = np.histogram(clear, edges)
    assert np.sum(np.abs(np.array(found.counts) - expected)) <= len(finite) - len(clear)


def test_the_middle_holds_what_is_nearer_to_zero_than_the_floor():
    found = logarithmic(
        np.float64([0.0, 0.9 * FLOOR, -0.9 * FLOOR, 1.1 * FLOOR, -1.1 * FLOOR, 9.9, -9.9, 11.0])
    )
    assert found.counts[SIDE] == 3
    assert (found.counts[SIDE + 1], found.counts[SIDE - 1]) == (1, 1)
    assert (found.counts[0], found.counts[-1], found.above, found.below) == (1, 1, 1, 0)


def test_the_edges_of_equal_bins():
    edges = histogram(np.zeros(3), -1.0, 3.0).edges()
    np.testing.assert_allclose(edges, np.linspace(-1.0, 3.0, BINS + 1))


def test_a_unit_is_dead_once_it_was_silent_for_long():
    silence = Silence()
    silent = np.array([True, True, False])
    assert silence.dead(silent, 100) == pytest.approx(2 / 3)  # what is known so far
    assert silence.dead(np.array([True, False, True]), 100) == pytest.approx(1 / 3)
    for _ in range(EXAMPLES // 100 - 1):
        assert silence.dead(np.array([True, True, False]), 100) == pytest.approx(1 / 3)
    assert silence.dead(np.array([True, True, False]), 100) == pytest.approx(2 / 3)
    assert silence.dead(np.array([False, True, False]), 100) == pytest.approx(1 / 3)  # it woke up


def test_few_pictures_are_not_enough_however_many_examples():
    silence = Silence()
    silence.dead(np.array([False]), 5000)
    found = [silence.dead(np.array([True]), 5000) for _ in range(LOOKS)]
    assert found == [0.0] * (LOOKS - 1) + [1.0]


def views(*scales):
    """What two relu layers and an output look like whose outputs are of these sizes."""
    found = []
    for units, scale in zip((4, 5, 3), scales, strict=True):
        inputs = (scale * RNG.standard_normal((units, 200))).astype(np.float32)
        weights = (scale * RNG.standard_normal((6, units))).astype(np.float32)
        found.append(LayerView(np.maximum(inputs, 0), weights, weights, inputs, weights[0]))
    return found


def test_layers_of_a_kind_share_their_axes_and_bounds_are_kept():
    hidden = [{"type": "dense", "units": n, "activation": "relu"} for n in (4, 5)]
    net = network([*hidden, {"type": "dense", "units": 3, "activation": "softmax"}])
    one, two, last = StatisticsTracker(net).snapshot(views(1.0, 10.0, 0.1))
    assert (one.activations.low, one.activations.high) == (two.activations.low, two.activations.high)
    assert one.activations.low == 0.0
    assert (last.activations.low, last.activations.high) == (0.0, 1.0)
    for kind in ("inputs", "weights", "biases"):
        assert len({(getattr(s, kind).low, getattr(s, kind).high) for s in (one, two, last)}) == 1, kind
    assert {s.gradients.floor for s in (one, two, last)} == {FLOOR}


def test_arrays_that_are_not_finite_break_nothing():
    hidden = [{"type": "dense", "units": n, "activation": "relu"} for n in (4, 5)]
    net = network([*hidden, {"type": "dense", "units": 3, "activation": "softmax"}])
    tracker = StatisticsTracker(net)
    for value in (np.nan, np.inf, -np.inf, 3e38, 0.0):
        seen = views(1.0, 1.0, 1.0)
        for array in (seen[1].output, seen[1].inputs, seen[1].weights):
            array[...] = value
        found = tracker.snapshot(seen)
        assert found[0].activations.total == 800
        assert (found[1].activations is None) == (not np.isfinite(value))


@pytest.mark.parametrize("backend", ["numpy", pytest.param("mlx", marks=needs_mlx)])
def test_learned_slopes_are_those_of_the_step_and_survive_json(backend):
    hidden = {"type": "dense", "units": 6, "activation": {"name": "prelu", "init": 0.2}}
    chosen = preset([hidden, {"type": "dense", "activation": "softmax"}])
    training, net = chosen.training, network_of(chosen)
    parts = net, training.optimizer, load(chosen.data, training.seed), training.seed, training.penalties
    engine = choice.build(choice.choose(backend), *parts, 1)
    tracker = StatisticsTracker(net)
    first = tracker.snapshot(engine.dry_run(20))[0]
    assert [first.slope_min, first.slope_mean, first.slope_max] == pytest.approx([0.2] * 3)
    for _ in range(5):
        engine.step(np.arange(20), 0.5)
    found = tracker.snapshot(engine.views())
    slopes = engine.tensors()["layers.0.slope"].astype(np.float64)
    assert slopes.min() < slopes.max()
    reported = codec.plain(found[0])
    wanted = [slopes.min(), slopes.mean(), slopes.max()]
    assert [reported["slope_min"], reported["slope_mean"], reported["slope_max"]] == pytest.approx(wanted)
    assert repr(codec.read(LayerStatistics, reported)) == repr(found[0])
    assert "slope_mean" not in codec.plain(found[1])  # a layer without, as in files of older versions
