"""What the screen shows of a layer: counts that add up, fixed axes, fractions as they are called."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuiml.backends.engine import LayerView
from tuiml.nn.activations import activations
from tuiml.training import codec
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.statistics import (
    BINS,
    NAN,
    SAMPLE,
    UNBOUNDED,
    histogram,
    histograms,
    limits,
    numbers,
    round_up,
    sample,
    samples_of,
    silent_units,
)

float32 = st.floats(width=32)
finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def statistics(output, activation="linear", weights=None, gradients=None):
    f = activations[activation]() if activation else None
    arrays = [None if a is None else np.asarray(a, np.float32) for a in (output, weights, gradients)]
    view = LayerView(*arrays)
    samples, bounds = samples_of(view), f.range if f else UNBOUNDED
    axes = {k: limits(v.flat, bounds if k == "activations" else UNBOUNDED) for k, v in samples.items()}
    silent = silent_units(view, f)
    dead = NAN if silent is None else float(silent.mean())
    return LayerStatistics(**numbers(view, f, samples), dead=dead, **histograms(samples, axes))


def counted(found):
    return sum(found.counts) + found.below + found.above


@given(st.lists(float32, min_size=1, max_size=50))
def test_every_finite_value_is_counted_once(values):
    values = np.array(values, np.float32)
    ends = limits(values)
    n = int(np.isfinite(values).sum())
    if ends is None:
        assert n == 0
        return
    low, high = ends
    assert low < high
    found = histogram(values, low, high)
    assert len(found.counts) == BINS
    assert counted(found) == n
    finite = values[np.isfinite(values)].astype(np.float64)
    assert found.below == np.sum(finite < low)
    assert found.above == np.sum(finite > high)


@given(st.lists(finite32, min_size=1, max_size=50))
def test_the_axis_is_round_and_spans_zero_and_the_values(values):
    low, high = limits(np.array(values, np.float32))
    assert low <= 0 <= high
    for end in (low, high):
        if end:
            assert float(f"{abs(end):e}".partition("e")[0]) in (1.0, 2.0, 5.0)
    assert sum(low <= v <= high for v in values) >= 0.98 * len(values)


def test_values_lie_in_the_bins_that_hold_them():
    found = histogram(np.float32([0.0, 0.5, 0.999, 1.0, -0.001, 1.001]), 0.0, 1.0)
    assert found.counts[0] == 1
    assert found.counts[BINS // 2] == 1
    assert found.counts[-1] == 2  # the last bin is closed
    assert (found.below, found.above) == (1, 1)


def test_the_counts_of_numpy():
    rng = np.random.default_rng(0)
    for scale in (1e-42, 1e-20, 1.0, 1e30, 3e37):
        values = (rng.standard_normal(5000) * scale).astype(np.float32)
        low, high = limits(values)
        found = histogram(values, low, high)
        expected, _ = np.histogram(values.astype(np.float64), BINS, (low, high))
        assert np.abs(np.array(found.counts) - expected).sum() <= 4  # a value on an edge, give or take
        assert counted(found) == 5000


def test_known_bounds_are_the_axis_and_far_values_do_not_flatten_the_rest():
    values = np.float32(np.r_[np.full(996, 0.3), np.full(4, 1e6)])
    assert limits(values, (0.0, 1.0)) == (0.0, 1.0)
    assert limits(values) == (0.0, 0.5)
    assert histogram(values, 0.0, 0.5).above == 4
    assert limits(np.float32([-3.0, 0.7]), (0.0, None)) == (0.0, 1.0)


def test_an_axis_stands_still_while_values_drift():
    ends = {limits(np.float32([-x, 2 * x])) for x in np.linspace(0.26, 0.49, 50)}
    assert ends == {(-0.5, 1.0)}


def test_constant_and_missing_values():
    assert limits(np.zeros(9, np.float32)) == (-1.0, 1.0)
    assert limits(np.full(9, 3.0, np.float32)) == (0.0, 5.0)
    assert limits(np.full(9, -3.0, np.float32)) == (-5.0, 0.0)
    assert limits(np.full(9, np.nan, np.float32)) is None
    assert limits(np.full(9, np.inf, np.float32)) is None
    found = statistics(np.full((3, 4), np.nan))
    assert found.activations is None
    assert math.isnan(found.mean)


@pytest.mark.parametrize("value", [1.0, 2.0, 5.0, 1e-40, 3e38, 0.3, 7.0, 1e-300])
def test_round_up(value):
    found = round_up(value)
    assert value * (1 - 1e-6) <= found <= 2.5 * value * (1 + 1e-6)


def test_shares_and_moments_by_hand():
    output = [[0.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 2.0]]
    found = statistics(output, "relu")
    assert found.mean == pytest.approx(8 / 12)
    assert found.std == pytest.approx(np.std(output))
    assert found.zeros == pytest.approx(8 / 12)
    assert found.dead == pytest.approx(1 / 3)  # the unit that is silent on the whole batch
    assert math.isnan(found.saturated)
    assert found.weights is None
    assert math.isnan(found.weight_mean)
    assert math.isnan(found.gradient_norm)


def test_saturation_by_hand():
    found = statistics([[0.01, 0.03, 0.5, 0.97, 0.98, 1.0]], "sigmoid")
    assert found.saturated == pytest.approx(3 / 6)
    assert math.isnan(found.dead)
    assert statistics([[-0.99, 0.0, 0.5, 0.98]], "tanh").saturated == pytest.approx(0.5)
    assert (found.activations.low, found.activations.high) == (0.0, 1.0)


def test_a_layer_without_activation_has_no_shares_of_one():
    found = statistics([[0.0, 1.0]], None)
    assert math.isnan(found.saturated)
    assert math.isnan(found.dead)
    assert found.zeros == 0.5


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
def test_gradient_norms_of_any_size(scale):
    """Ten sigmoid layers take gradients below what float32 can square."""
    g = np.float32([[3.0 * scale, 0.0], [0.0, -4.0 * scale]])
    found = statistics([[1.0]], weights=[[1.0, 3.0]], gradients=g)
    assert found.gradient_norm == pytest.approx(5 * scale, rel=1e-5)
    assert found.weight_mean == 2.0
    assert found.weight_std == 1.0
    assert counted(found.gradients) == 4


@given(
    st.lists(
        st.sampled_from([0.0, 1.0, 3e38, -3e38, math.nan, math.inf, -math.inf, 1e-45]), min_size=4, max_size=4
    )
)
def test_whatever_is_in_the_arrays_no_warning_and_readable_back(values):
    block = np.float32(values).reshape(2, 2)
    for f in ("relu", "sigmoid", "linear"):
        found = statistics(block, f, block, block)
        assert 0 <= found.zeros <= 1
        if found.activations:
            assert counted(found.activations) == int(np.isfinite(block).sum())


def test_a_sample_visits_every_unit_and_every_example():
    for units, batch in ((512, 50), (300, 100), (1000, 64), (129, 128), (640, 250)):
        for array in (
            np.arange(units * batch).reshape(units, batch),
            np.arange(units * batch).reshape(batch, units).T,
        ):
            found = sample(array)
            assert SAMPLE / 3 < found.size <= SAMPLE
            places = np.argwhere(np.isin(array, found))
            assert set(places[:, 0]) == set(range(units))
            assert set(places[:, 1]) == set(range(batch))
    small = np.arange(SAMPLE).reshape(-1, 4)
    assert sorted(sample(small)) == list(range(SAMPLE))


def test_json_and_back():
    found = statistics([[0.0, 1.0]], "relu", [[1.0]], None)
    again = codec.read(LayerStatistics, json.loads(json.dumps(codec.plain(found), allow_nan=False)))
    assert repr(again) == repr(found)
    assert again.weights == found.weights
