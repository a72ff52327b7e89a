"""Initial values: the distributions that Keras defines, from a seed alone."""

import math

import numpy as np
import pytest

from tests.helpers import network
from tuiml.backends.parameters import initial_tensors
from tuiml.nn.initializers import initializers
from tuiml.nn.layers import layers
from tuiml.nn.losses import losses
from tuiml.nn.network import Network, node_of

FAN_IN, FAN_OUT = 300, 500
SHAPE = (FAN_OUT, FAN_IN)  # out × in: the fans come from the arguments, not from this
AVERAGE = (FAN_IN + FAN_OUT) / 2


def draw(name, shape=SHAPE, fan_in=FAN_IN, fan_out=FAN_OUT, seed=1, **options):
    rng = np.random.Generator(np.random.PCG64(seed))
    return initializers[name](**options).draw(np, rng, shape, fan_in, fan_out)


# Mean, standard deviation, and the bound that no value passes: Keras, keras.initializers.
CUT = 0.8796256610342398  # a unit normal's deviation when cut at ±2: √(1 - 4φ(2) / (2Φ(2) - 1))
EXPECTED = {
    "zeros": (0, 0, 0),
    "ones": (1, 0, 1),
    "constant": (0.1, 0, 0.1),
    "normal": (0, 1, math.inf),
    "uniform": (0, 0.1 / math.sqrt(12), 0.05),
    "truncated_normal": (0, 0.05 * CUT, 0.1),
    "glorot_normal": (0, math.sqrt(1 / AVERAGE), 2 * math.sqrt(1 / AVERAGE) / CUT),
    "glorot_uniform": (0, math.sqrt(1 / AVERAGE), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "he_normal": (0, math.sqrt(2 / FAN_IN), 2 * math.sqrt(2 / FAN_IN) / CUT),
    "he_uniform": (0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "lecun_normal": (0, math.sqrt(1 / FAN_IN), 2 * math.sqrt(1 / FAN_IN) / CUT),
    "lecun_uniform": (0, math.sqrt(1 / FAN_IN), math.sqrt(3 / FAN_IN)),
    "orthogonal": (0, 1 / math.sqrt(FAN_OUT), 1),
}
every = pytest.mark.parametrize("name", initializers.names())


def test_the_distribution_of_every_initializer_is_known():
    assert set(EXPECTED) == set(initializers.names()), "write its mean, deviation and bound above"


def test_the_cut_normal_has_the_deviation_that_corrects_it():
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    assert math.sqrt(1 - 4 * density / math.erf(math.sqrt(2))) == pytest.approx(CUT, rel=1e-12)


@every
def test_mean_spread_and_bounds(name):
    mean, std, bound = EXPECTED[name]
    values = draw(name)
    assert values.shape == SHAPE
    assert values.dtype == np.float64
    n = values.size
    assert values.mean() == pytest.approx(mean, abs=5 * std / math.sqrt(n) + 1e-12)
    assert values.std() == pytest.approx(std, rel=0.01, abs=1e-12)
    assert np.abs(values).max() <= bound * (1 + 1e-12)
    if 0 < bound < math.inf and name != "orthogonal":
        assert np.abs(values).max() > 0.99 * bound  # a wider interval was not forgotten


@every
def test_fans_come_from_the_layer_not_from_the_array(name):
    """A dense weight and a filter of the same fans start alike, whatever their arrays' shapes."""
    spread = draw(name, shape=(4, 5, 6, 50)).std()
    if name != "orthogonal":
        assert spread == pytest.approx(EXPECTED[name][1], rel=0.05, abs=1e-12)


@every
def test_same_seed_same_bits(name):
    np.testing.assert_array_equal(draw(name, seed=7), draw(name, seed=7))
    if EXPECTED[name][1] > 0:
        assert not np.array_equal(draw(name, seed=7), draw(name, seed=8))


def test_options():
    assert draw("constant", value=-2.5).max() == -2.5
    shifted = draw("normal", mean=3.0, stddev=0.5)
    assert (shifted.mean(), shifted.std()) == pytest.approx((3.0, 0.5), rel=0.01)
    cut = draw("truncated_normal", mean=1.0, stddev=0.5)
    assert cut.min() >= 0.0
    assert cut.max() <= 2.0
    assert cut.std() == pytest.approx(0.5 * CUT, rel=0.01)
    uniform = draw("uniform", low=2.0, high=3.0)
    assert uniform.min() >= 2.0
    assert uniform.max() <= 3.0
    swapped = draw("uniform", low=3.0, high=2.0)  # bounds in the wrong order are an interval all the same
    assert swapped.min() >= 2.0
    assert draw("normal", stddev=0.0).any() == np.False_


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (50, 50), (1, 7), (6, 2, 5)])
def test_orthogonal_rows_or_columns_whichever_are_fewer(shape):
    values = draw("orthogonal", shape=shape, gain=2.0).reshape(shape[0], -1)
    short = values if values.shape[0] <= values.shape[1] else values.T
    np.testing.assert_allclose(short @ short.T, 4.0 * np.eye(len(short)), atol=1e-12)


def test_orthogonal_has_no_preferred_sign():
    """QR alone gives a diagonal of one sign (Mezzadri 2007): over many draws half the signs differ."""
    corner = [draw("orthogonal", shape=(3, 3), seed=seed)[0, 0] for seed in range(400)]
    assert 150 < sum(value > 0 for value in corner) < 250


def test_names_that_other_libraries_use():
    for alias, name in {
        "xavier": "glorot_normal",
        "xavier_uniform": "glorot_uniform",
        "msra": "he_normal",
        "msra_uniform": "he_uniform",
        "kaiming_normal": "he_normal",
        "random_normal": "normal",
    }.items():
        assert initializers[alias].name == name


def stack(first="glorot_uniform", units=8):
    return [
        {"type": "dense", "units": 6, "activation": "prelu", "initializer": first},
        {"type": "dropout"},
        {"type": "dense", "units": units, "initializer": "he_normal"},
        {"type": "dense", "units": 3, "activation": "softmax"},
    ]


def test_editing_one_layer_leaves_the_others_alone():
    before = initial_tensors(network(stack()), 5)
    edited = initial_tensors(network(stack("orthogonal")), 5)
    changed = {name for name in before if not np.array_equal(before[name], edited[name])}
    assert changed == {"layers.0.weight"}
    wider = initial_tensors(network(stack(units=9)), 5)
    assert np.array_equal(before["layers.0.weight"], wider["layers.0.weight"])


def test_tensors_of_a_network():
    tensors = initial_tensors(network(stack()), 5)
    assert {name: t.shape for name, t in tensors.items()} == {
        "layers.0.weight": (6, 4),
        "layers.0.bias": (6,),
        "layers.0.slope": (6,),
        "layers.2.weight": (8, 6),
        "layers.2.bias": (8,),
        "layers.3.weight": (3, 8),
        "layers.3.bias": (3,),
    }
    assert all(t.dtype == np.float32 for t in tensors.values())
    assert not tensors["layers.0.bias"].any()
    assert (tensors["layers.0.slope"] == 0.25).all()
    again, other = initial_tensors(network(stack()), 5), initial_tensors(network(stack()), 6)
    assert all(np.array_equal(tensors[name], again[name]) for name in tensors)
    assert not np.array_equal(tensors["layers.0.weight"], other["layers.0.weight"])


def test_two_layers_of_one_shape_start_apart():
    twins = [{"type": "dense", "units": 4} for _ in range(2)]
    tensors = initial_tensors(network([*twins, {"type": "dense", "units": 3, "activation": "softmax"}]), 5)
    assert not np.array_equal(tensors["layers.0.weight"], tensors["layers.1.weight"])


@pytest.mark.parametrize(
    ("kind", "shape"),
    [({"type": "dense", "units": 4000}, None), ({"type": "conv2d", "filters": 4000}, (4, 4))],
)
def test_biases_start_from_zeros_or_from_what_is_asked_for(kind, shape):
    """Drawing them changes no weight: each parameter has a generator of its own."""

    def tensors(**options):
        node = node_of(0, layers.read({**kind, **options}), shape or (5,))
        return initial_tensors(Network((node,), losses["mse"]()), 5)

    plain = tensors()
    drawn = tensors(bias_initializer="normal")
    assert not plain["layers.0.bias"].any()
    assert drawn["layers.0.bias"].mean() == pytest.approx(0, abs=0.06)
    assert drawn["layers.0.bias"].std() == pytest.approx(1, abs=0.05)
    assert np.array_equal(plain["layers.0.weight"], drawn["layers.0.weight"])
    assert layers.write(layers.read({**kind, "bias_initializer": "zeros"})) == kind


@every
@pytest.mark.parametrize(
    ("kind", "shape", "fan_out"),
    [("dense", (300,), 4000), ("conv2d", (12, 5, 5), 4000 * 25)],
)
def test_biases_have_the_distribution_of_their_initializer(name, kind, shape, fan_out):
    """One value a unit, with the fans of the layer's weights."""
    width = {"dense": {"units": 4000}, "conv2d": {"filters": 4000, "kernel_size": 5}}[kind]
    layer = layers.read({"type": kind, **width, "bias_initializer": name})
    biases = initial_tensors(Network((node_of(0, layer, shape),), losses["mse"]()), 5)["layers.0.bias"]
    n, average = 4000, (300 + fan_out) / 2
    assert biases.shape == (n,)
    if name not in EXPECTED:
        return
    deviation, cut = EXPECTED[name][1], EXPECTED[name][2] / EXPECTED[name][1] if EXPECTED[name][1] else 1
    deviation = {"glorot": math.sqrt(1 / average), "orthogonal": 1 / math.sqrt(n)}.get(
        name.partition("_")[0], deviation
    )
    assert biases.mean() == pytest.approx(EXPECTED[name][0], abs=5 * deviation / math.sqrt(n) + 1e-7)
    assert biases.std() == pytest.approx(deviation, rel=0.06, abs=1e-6)
    if name == "orthogonal":
        assert np.linalg.norm(biases) == pytest.approx(1.0, rel=1e-5)
    elif deviation:
        assert np.abs(biases).max() <= deviation * cut * (1 + 1e-6)
