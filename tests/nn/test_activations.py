"""Activations: values, derivatives, extremes and what each declares about itself."""

import inspect
import math

import numpy as np
import pytest

from tests.helpers import compiled
from tests.reference import ACTIVATIONS
from tuiml.nn.activations import activations
from tuiml.registry import options_of

UNITS, BATCH = 5, 40
OTHER = {  # values away from the defaults, one set for each activation that has options
    "leaky_relu": {"negative_slope": 0.3},
    "prelu": {"init": -0.4},
    "rrelu": {"lower": 0.05, "upper": 0.9},
    "elu": {"alpha": 2.5},
    "celu": {"alpha": 0.4},
}


def between(option):
    """A value of an option beside its default."""
    end = option.high if option.high is not None else option.default + 1
    return option.default + 0.25 * (end - option.default)


def variants():
    for entry in activations:
        yield entry()
        if options_of(entry):
            yield entry(**OTHER.get(entry.name) or {o.name: between(o) for o in options_of(entry)})


def at_the_bounds():
    """Each option at the least and the greatest value it allows."""
    for entry in activations:
        for option in options_of(entry):
            low = (option.low * (1 + 1e-9) or 1e-300) if option.low_open else option.low
            yield from (entry(**{option.name: float(end)}) for end in (low, option.high))


VARIANTS = list(variants())
every = pytest.mark.parametrize("f", VARIANTS, ids=repr)
by_element = pytest.mark.parametrize("f", [f for f in VARIANTS if not f.output_only], ids=repr)


def points(rng, dtype=np.float64):
    """Values of both signs, none so near 0 that a finite difference straddles a kink."""
    x = rng.uniform(0.05, 4.0, (UNITS, BATCH)) * rng.choice([-1.0, 1.0], (UNITS, BATCH))
    return x.astype(dtype)


def extras(f, rng, dtype=np.float64):
    """What the activation takes beside its input: slopes, one a unit; noise, one an element."""
    found = {name: rng.uniform(-0.5, 0.9, (UNITS, 1)).astype(dtype) for name in f.learned}
    if f.noisy:
        found["noise"] = rng.random((UNITS, BATCH)).astype(dtype)
    return found


def value(f, x, **options):
    """f(x) at one point, float64."""
    return float(np.asarray(f.model_copy(update=options).forward(np, np.array([[x]])))[0, 0])


@every
def test_derivative_agrees_with_finite_differences(f):
    rng, h = np.random.default_rng(1), 1e-6
    x, extra = points(rng), extras(f, rng)
    g = rng.standard_normal(x.shape)
    y = f.forward(np, x, **extra)
    found = f.backward(np, x, y, g, **extra)
    # The whole of dL/dx for L = Σ g·f(x), so that softmax, whose outputs share their inputs, is covered too.
    expected = np.empty_like(x)
    for i, j in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][i, j] -= h
        moved[1][i, j] += h
        low, high = (np.sum(g * f.forward(np, m, **extra)) for m in moved)
        expected[i, j] = (high - low) / (2 * h)
    # GELU differentiates Φ exactly but evaluates it to 1.5e-7 (7.1.26): its slope is off by a little more.
    tolerance = 5e-6 if f.name == "gelu" else 1e-8
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=tolerance)


@by_element
def test_backward_is_the_derivative_times_the_gradient(f):
    rng = np.random.default_rng(2)
    x, extra = points(rng), extras(f, rng)
    y, g = f.forward(np, x, **extra), rng.standard_normal(x.shape)
    by_hand = g * f.derivative(np, x, y, **extra)
    np.testing.assert_allclose(f.backward(np, x, y, g, **extra), by_hand, rtol=1e-12)


@pytest.mark.parametrize("f", [f for f in VARIANTS if f.learned], ids=repr)
def test_learned_gradients_agree_with_finite_differences(f):
    rng, h = np.random.default_rng(3), 1e-6
    x, extra = points(rng), extras(f, rng)
    g = rng.standard_normal(x.shape)
    found = f.learned_gradients(np, x, f.forward(np, x, **extra), g)
    assert set(found) == set(f.learned)
    for name in f.learned:
        ends = [f.forward(np, x, **{**extra, name: extra[name] + step}) for step in (-h, h)]
        np.testing.assert_allclose(found[name], g * (ends[1] - ends[0]) / (2 * h), rtol=1e-6, atol=1e-8)


@every
def test_the_compiled_plan_gives_the_same_in_float32(f):
    rng = np.random.default_rng(4)
    x, extra = points(rng), extras(f, rng)
    x[0, :3] = 0.0, 1e-3, -1e-3
    g = rng.standard_normal(x.shape)
    names = list(extra)

    def formula(xp, x, g, *more):
        more = dict(zip(names, more, strict=True))
        y = f.forward(xp, x, **more)
        learned = f.learned_gradients(xp, x, y, g)
        return (y, f.backward(xp, x, y, g, **more), *learned.values())

    found = compiled(formula, *(np.float32(a) for a in (x, g, *extra.values())))
    expected = formula(np, x, g, *extra.values())
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("f", [*VARIANTS, *at_the_bounds()], ids=repr)
def test_extreme_inputs_stay_finite(f):
    x = np.float32([0.0, -0.0, 1e4, -1e4, 88.0, -88.0, 104.0, -104.0, 1e-40, -1e-40, 1.4e-45, 1e-8, -1e-8])[
        None
    ]
    x = np.ascontiguousarray(np.broadcast_to(x, (UNITS, x.size)))
    rng = np.random.default_rng(5)
    more = {name: np.full((UNITS, 1), 0.25, np.float32) for name in f.learned}
    if f.noisy:
        more["noise"] = rng.random(x.shape, dtype=np.float32)

    def formula(xp, x, g, *rest):
        extra = dict(zip(more, rest, strict=True))
        y = f.forward(xp, x, **extra)
        return y, f.backward(xp, x, y, g, **extra)

    y, gradient = compiled(formula, x, np.ones_like(x), *more.values())
    assert np.isfinite(y).all()
    assert np.isfinite(gradient).all()
    low, high = f.range
    assert low is None or y.min() >= low
    assert high is None or y.max() <= high


def test_zero_gives_the_value_and_the_slope_of_pytorch():
    """At a kink the slope is the left one, as there: a unit that outputs 0 passes nothing through ReLU."""
    slopes = {"relu": 0.0, "leaky_relu": 0.01, "rrelu": (1 / 8 + 1 / 3) / 2, "elu": 1.0, "celu": 1.0}
    zero = np.zeros((1, 1))
    for name, expected in slopes.items():
        f = activations[name]()
        assert f.forward(np, zero)[0, 0] == 0.0
        assert float(f.backward(np, zero, zero, np.ones((1, 1)))[0, 0]) == pytest.approx(expected), name


@every
def test_the_declared_range_is_reached_and_never_left(f):
    rng = np.random.default_rng(6)
    x = np.linspace(-60, 60, 4001)[None]
    extra = {name: np.array([[0.25]]) for name in f.learned} | (
        {"noise": rng.random(x.shape)} if f.noisy else {}
    )
    x = np.concatenate([x, -x]) if f.output_only else x  # two classes
    y = f.forward(np, x, **extra)
    low, high = f.range
    assert y.min() >= (-math.inf if low is None else low)
    assert y.max() <= (math.inf if high is None else high)
    if low is not None:
        assert y.min() < low + 0.02
    if high is not None:
        assert y.max() > high - 0.02
    if high is None:
        assert y.max() > 25.0  # no bound was forgotten


@pytest.mark.parametrize("f", [f for f in VARIANTS if f.saturation], ids=repr)
def test_outputs_called_saturated_pass_little_gradient(f):
    x = np.linspace(-50, 50, 20001)[None]
    y = f.forward(np, x)
    slope = f.derivative(np, x, y)
    low, high = f.saturation
    outside = (y < low) | (y > high)
    assert outside.any()
    assert not outside.all()
    assert slope[outside].max() < slope.max() / 8
    assert slope[~outside].min() >= slope[outside].max()


@by_element
def test_silent_units_are_those_that_pass_nothing(f):
    """``silent`` is declared exactly where a unit can be stuck at a value that no gradient leaves."""
    x = np.linspace(-5, 5, 2001)[None]
    extra = {name: np.array([[0.25]]) for name in f.learned} | (
        {"noise": np.full(x.shape, 0.5)} if f.noisy else {}
    )
    y = f.forward(np, x, **extra)
    slope = f.backward(np, x, y, np.ones_like(x), **extra)
    if f.silent is None:
        assert np.count_nonzero(slope == 0.0) <= 1  # GELU and SiLU have one flat point
    else:
        np.testing.assert_array_equal(y == f.silent, slope == 0.0)


def test_every_activation_and_option_is_in_the_textbook():
    """Without a second formula a wrong one would pass: its derivative is checked against itself alone."""
    assert set(ACTIVATIONS) == set(activations.names()), "write its formula in tests/reference.py"
    for f in activations:
        takes = {*inspect.signature(ACTIVATIONS[f.name]).parameters, *f.learned.values()}
        takes |= {"lower", "upper"} if "slope" in takes else set()
        assert {option.name for option in options_of(f)} <= takes, f.name


@every
def test_values_are_those_of_the_textbook(f):
    reference, options = ACTIVATIONS[f.name], f.model_dump(exclude=set(f.learned.values()))
    if f.name == "rrelu":  # in evaluation
        options = {"slope": (f.lower + f.upper) / 2}
    learned = {name: getattr(f, field) for name, field in f.learned.items()}
    for x in (-8.0, -3.0, -1.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 1.0, 2.0, 6.0):
        column = np.array([[x], [0.0]] if f.output_only else [[x]])
        found = f.forward(np, column, **{name: np.array([[value]]) for name, value in learned.items()})
        expected = reference(column, **learned, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6 if f.name == "gelu" else 1e-12)


def test_values_worked_out_by_hand():
    assert value(activations["sigmoid"](), math.log(3)) == pytest.approx(0.75)
    assert value(activations["softplus"](), 0.0) == pytest.approx(math.log(2))
    assert value(activations["silu"](), math.log(3)) == pytest.approx(0.75 * math.log(3))
    assert value(activations["gelu"](), 1.0) == pytest.approx(0.8413447460685429, abs=2e-7)
    assert value(activations["gelu"](), -1.0) == pytest.approx(-0.15865525393145707, abs=2e-7)
    assert value(activations["softsign"](), -3.0) == -0.75
    assert value(activations["elu"](alpha=2.0), -math.log(2)) == pytest.approx(-1.0)
    assert value(activations["celu"](alpha=2.0), -2 * math.log(2)) == pytest.approx(-1.0)


def test_softmax_gives_probabilities_even_for_huge_logits():
    x = np.float32([[1e4, -1e4, 0.0, 3e38], [0.0, -1e4, 0.0, -3e38], [-1e4, -1e4, 0.0, 0.0]])
    (y,) = compiled(lambda xp, x: activations["softmax"]().forward(xp, x), x)
    np.testing.assert_allclose(y.sum(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(y[:, 0], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(y[:, 1:3], 1 / 3, rtol=1e-6)


def test_rrelu_draws_slopes_between_its_bounds_and_takes_their_mean_without_noise():
    f = activations["rrelu"]()
    x = np.full((1, 1000), -1.0)
    noise = np.linspace(0.0, 1.0, 1000, endpoint=False)[None]
    slopes = -f.forward(np, x, noise=noise)
    assert slopes.min() == pytest.approx(1 / 8)
    assert 1 / 3 - 0.001 < slopes.max() < 1 / 3
    assert -f.forward(np, x[:, :1]) == pytest.approx((1 / 8 + 1 / 3) / 2)


def test_selu_keeps_mean_zero_and_variance_one():
    """The property its constants were solved for (Klambauer et al. 2017)."""
    f = activations["selu"]()
    z = np.random.default_rng(0).standard_normal(1_000_000)
    y = f.forward(np, z)
    assert y.mean() == pytest.approx(0.0, abs=0.005)
    assert y.var() == pytest.approx(1.0, abs=0.01)


def test_sigmoid_and_its_slope_keep_their_digits_in_both_tails():
    x = np.float32([[-86.0, -40.0, -20.0, -18.5, -5.0, 0.0, 5.0, 16.0, 20.0, 40.0, 80.0]])
    f = activations["sigmoid"]()

    def formula(xp, x):
        y = f.forward(xp, x)
        return y, f.derivative(xp, x, y)

    y, slope = compiled(formula, x)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    np.testing.assert_allclose(y, exact, rtol=2e-6)
    np.testing.assert_allclose(
        slope, np.exp(-np.abs(x.astype(np.float64))) * np.maximum(exact, 1 - exact) ** 2, rtol=4e-6
    )
    assert (formula(np, np.float32([-200.0, -1e4]))[0] > 0).all()
