"""Activations as functions of one value: the slope shown is that of the curve shown."""

from __future__ import annotations

import numpy as np
import pytest

from tuiml.nn.activations import Activation, activations
from tuiml.registry import options_of
from tuiml.training.activation_curve import FLAT, flat_fraction, functions, respond, spread
from tuiml.training.layer_statistics import Histogram
from tuiml.tui.dialogs.explorer_model import ladder

X = np.linspace(-6, 6, 481) + 0.0033
"""Beside every kink."""
EACH = pytest.mark.parametrize("entry", functions(), ids=lambda entry: entry.name)


def variants(entry: type[Activation]) -> list[Activation]:
    """With its usual values, and each of them at several others."""
    found = [entry()]
    for option in options_of(entry):
        steps = ladder(option)
        found += [entry(**{option.name: v}) for v in (steps[0], steps[len(steps) // 2], steps[-1])]
    return found


def test_only_softmax_is_left_out() -> None:
    assert {entry.name for entry in activations} - {entry.name for entry in functions()} == {"softmax"}


@EACH
def test_the_slope_is_that_of_the_curve(entry: type[Activation]) -> None:
    h = 1e-6
    for activation in variants(entry):
        found = respond(activation, X)
        rise = (respond(activation, X + h).y - respond(activation, X - h).y) / (2 * h)
        # the error function of gelu is an approximation, good to 1.5e-7, and so is its slope
        np.testing.assert_allclose(found.slope, rise, rtol=2e-5, atol=2e-6, err_msg=repr(activation))
        assert found.y.shape == found.slope.shape == X.shape
        assert np.isfinite(found.y).all()


@EACH
def test_far_out_nothing_is_lost_or_overflows(entry: type[Activation]) -> None:
    found = respond(entry(), np.array([-100.0, 0.0, 100.0]))
    assert np.isfinite(found.y).all()
    assert np.isfinite(found.slope).all()


def test_a_drawn_slope_is_shown_at_its_mean_within_its_band() -> None:
    rrelu = activations["rrelu"](lower=0.1, upper=0.5)
    found = respond(rrelu, X)
    assert found.band is not None
    low, high = found.band
    negative = X < 0
    np.testing.assert_allclose(found.slope[negative], 0.3)
    np.testing.assert_allclose(low[negative], 0.1 * X[negative])
    np.testing.assert_allclose(high[negative], 0.5 * X[negative])
    assert respond(activations["relu"](), X).band is None


def test_a_learned_slope_is_shown_as_it_starts() -> None:
    np.testing.assert_allclose(respond(activations["prelu"](init=-0.5), X).slope[X < 0], -0.5)


def test_the_share_without_gradient_is_that_of_the_values() -> None:
    rng = np.random.default_rng(0)
    values = 3 * rng.standard_normal(200_000)
    counts, _ = np.histogram(values, 40, (-5, 5))
    part = Histogram(-5.0, 5.0, tuple(counts.tolist()), int((values < -5).sum()), int((values > 5).sum()))
    for name in ("sigmoid", "tanh", "relu", "elu", "linear", "softsign"):
        activation = activations[name]()
        truth = np.mean(np.abs(respond(activation, values).slope) < FLAT)
        assert flat_fraction(activation, part) == pytest.approx(truth, abs=0.01)
    assert flat_fraction(activations["relu"](), part) == pytest.approx(0.5, abs=0.01)
    assert flat_fraction(activations["linear"](), part) == 0
    assert np.isnan(flat_fraction(activations["relu"](), Histogram(0.0, 1.0, (0, 0), 0, 0)))


def test_inputs_fall_into_the_columns_of_the_axis() -> None:
    part = Histogram(-2.0, 2.0, (1, 3, 3, 1), 1, 1)
    found = spread(part, -4.0, 4.0, 16)
    np.testing.assert_allclose(found * 10, [0] * 4 + [0.5, 0.5, 1.5, 1.5, 1.5, 1.5, 0.5, 0.5] + [0] * 4)
    np.testing.assert_allclose(spread(part, 0.0, 1.0, 2) * 10, [1.5, 1.5])


def test_the_sigmoid_is_the_textbooks() -> None:
    found = respond(activations["sigmoid"](), X)
    np.testing.assert_allclose(found.y, 1 / (1 + np.exp(-X)), atol=1e-12)
    assert found.slope.max() == pytest.approx(0.25, abs=1e-5)
