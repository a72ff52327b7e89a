"""Layers for images: the textbook's loops, whatever the kernel, strides, padding and image."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.backends.test_numpy_engine import HIDDEN, check_gradients, hidden
from tests.helpers import engine, tiny
from tests.reference import Reference, convolve, pool
from tuiml.backends.graph import Graph
from tuiml.backends.layout import laid
from tuiml.backends.plan import Plan
from tuiml.cli import main
from tuiml.nn.layers import ShapeError, layers
from tuiml.nn.layers.windows import window
from tuiml.nn.optimizers import optimizers
from tuiml.runs import memory_estimate
from tuiml.spec import check, network_of

LAST = [{"type": "flatten"}, {"type": "dense", "units": 3, "activation": "softmax"}]
SHOWN = {  # a stack that shows each type of layer for images at work
    "conv2d": [{"type": "conv2d", "filters": 2, "kernel_size": 2, "strides": 2, "padding": "same"}],
    "max_pool2d": [{"type": "max_pool2d", "pool_size": 3, "strides": 2, "padding": "same"}],
    "avg_pool2d": [{"type": "avg_pool2d", "pool_size": 3, "strides": 2, "padding": "same"}],
    "global_avg_pool": [{"type": "global_avg_pool"}],
}
CONV = {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "tanh", "initializer": "he_normal"}


@pytest.mark.parametrize("kind", [entry.name for entry in layers if entry.images])
@pytest.mark.parametrize("shape", [(4, 5), (2, 5, 4)], ids=["grey", "two channels"])
def test_gradients_through_every_layer_for_images(kind, shape):
    check_gradients([CONV, *SHOWN[kind], *LAST], "cross_entropy", 3, shape=shape)
    check_gradients([*SHOWN[kind], *LAST], "mse", 3, batch=3, shape=shape)


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_gradients_of_every_activation_behind_a_convolution(name, bias):
    """Learned slopes are one a channel; noise is counted in the order of a flat example."""
    layer = {**CONV, "activation": hidden(name), "bias": bias, "padding": "same"}
    stack = [layer, {"type": "dropout", "rate": 0.25}, {"type": "avg_pool2d"}, *LAST]
    check_gradients(stack, "cross_entropy", 3, step=4, shape=(3, 4))


def test_gradients_of_a_deep_stack_and_of_one_that_begins_with_noise():
    deep = [CONV, {"type": "max_pool2d"}, {**CONV, "padding": "same"}, {"type": "global_avg_pool"}, LAST[1]]
    check_gradients(deep, "cross_entropy", 3, shape=(6, 5))
    check_gradients([{"type": "dropout", "rate": 0.2}, CONV, *LAST], "cross_entropy", 3, shape=(3, 3))
    check_gradients([{"type": "dropout", "rate": 0.2}, *LAST], "cross_entropy", 3, shape=(3, 3))


# -- each operation, on images of any size -------------------------------------------------------------

lengths, few = st.integers(1, 9), st.integers(1, 4)


def compiled(formula, home=None, **arrays):
    """``formula(xp, **nodes)`` by a plan, for images given as (channels, height, width, batch).

    ``home`` is the array for the result, where it is not to be one of the plan's own.
    """
    graph, inputs, nodes = Graph(), {}, {}
    for label, values in arrays.items():
        pixels = values.ndim == 4 and label != "weight"
        flat = values.reshape(-1, values.shape[-1])
        inputs[label] = laid(flat, values.shape[:-1]) if pixels else values
        shape = inputs[label].shape
        if label == "weight":  # as it lies in the arena, with or without its bias
            inputs[label] = values.transpose(2, 3, 1, 0).reshape(-1, len(values)).copy()
            if "bias" in arrays:
                inputs[label] = np.vstack([inputs[label], arrays["bias"]])
        nodes[label] = graph.input(label, shape)
    result = formula(graph, **nodes)
    plan = Plan(graph, inputs, {result: home})
    for _ in range(2):  # the second run finds what the first one left
        plan.run()
    found = plan.array(result)
    return found.transpose(0, 2, 1, 3).copy() if found.ndim == 4 else found.copy()


@st.composite
def cases(draw):
    """An image of small whole numbers, so that float32 is exact; a window; and a batch of one to three."""
    size, stride = draw(few), draw(few)
    padding = draw(st.sampled_from(["valid", "same"]))
    shape = (draw(few), draw(lengths), draw(lengths), draw(st.integers(1, 3)))
    assume(padding == "same" or size <= min(shape[1:3]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng, rng.integers(-2, 3, shape).astype(np.float32), size, stride, padding


def by_hand(function, x, *options):
    """A textbook function of one image, example by example."""
    return np.stack([function(x[..., n], *options) for n in range(x.shape[-1])], axis=-1)


def windows_of(x, size, stride, padding):
    return [window(n, size, stride, padding) for n in x.shape[1:3]]


@given(cases(), few, st.booleans())
def test_a_convolution_and_its_two_gradients(case, filters, biased):
    rng, x, size, stride, padding = case
    w = rng.integers(-2, 3, (filters, len(x), size, size)).astype(np.float32)
    arrays = {"bias": rng.integers(-2, 3, filters).astype(np.float32)} if biased else {}
    ways = windows_of(x, size, stride, padding)
    expected = by_hand(convolve, x, w, size, stride, padding)
    y = compiled(
        lambda xp, x, weight, bias=None: xp.convolve(weight, bias, x, *ways), x=x, weight=w, **arrays
    )
    offset = arrays["bias"][:, None, None, None] if biased else 0
    np.testing.assert_array_equal(y, expected + offset)

    # Linear in each: <g, convolve(w, x)> = <dw, w> = <dx, x> for every w and x, so on a basis of them.
    g = rng.integers(-2, 3, y.shape).astype(np.float32)
    dx = compiled(
        lambda xp, x, weight, g, bias=None: xp.convolve_input_gradient(weight, x, g, *ways),
        x=x, weight=w, g=g, **arrays,
    )  # fmt: skip
    for place in rng.permutation(x.size)[:6]:
        one = np.zeros_like(x)
        one.flat[place] = 1
        assert dx.flat[place] == np.sum(g * by_hand(convolve, one, w, size, stride, padding))
    gradient = np.empty((w[0].size + biased, filters), np.float32)
    compiled(
        lambda xp, x, weight, g, bias=None: xp.convolve_gradients(weight, bias, x, g, *ways)["weight"],
        gradient, x=x, weight=w, g=g, **arrays,
    )  # fmt: skip
    dw = gradient[: w[0].size].reshape(size, size, len(x), filters).transpose(3, 2, 0, 1)
    if biased:
        np.testing.assert_array_equal(gradient[-1], g.sum(axis=(1, 2, 3)))
    for place in rng.permutation(w.size)[:6]:
        one = np.zeros_like(w)
        one.flat[place] = 1
        assert dw.flat[place] == np.sum(g * by_hand(convolve, x, one, size, stride, padding))


def pooled(layer, x):
    return compiled(lambda xp, x: layer.forward(xp, x, {}, None).y, x=x)


def pooled_gradient(layer, x, g):
    def formula(xp, x, g):
        return layer.backward(xp, layer.forward(xp, x, {}, None), g, {}, None)[0]

    return compiled(formula, x=x, g=g)


@given(cases())
def test_pooling_and_its_gradient(case):
    rng, x, size, stride, padding = case
    rows, columns = windows_of(x, size, stride, padding)
    for kind in ("max_pool2d", "avg_pool2d"):
        layer = layers.read({"type": kind, "pool_size": size, "strides": stride, "padding": padding})
        y = pooled(layer, x)
        expected = by_hand(pool, x, size, stride, padding, kind)
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
        g = rng.integers(-2, 3, y.shape).astype(np.float32)
        dx = pooled_gradient(layer, x, g)
        spread = by_hand_gradient(x, g, rows, columns, kind)
        np.testing.assert_allclose(dx, spread, rtol=1e-6, atol=1e-6)


def by_hand_gradient(x, g, rows, columns, kind):
    """Of pooling: each window's gradient to the first of its greatest values, or in equal shares."""
    found = np.zeros_like(x)
    channels, height, width, batch = x.shape
    for c, i, j, n in np.ndindex(channels, rows.outputs, columns.outputs, batch):
        top, left = i * rows.stride - rows.before, j * columns.stride - columns.before
        places = [
            (r, s)
            for r in range(top, top + rows.size)
            for s in range(left, left + columns.size)
            if 0 <= r < height and 0 <= s < width
        ]
        if kind == "avg_pool2d":
            for r, s in places:
                found[c, r, s, n] += g[c, i, j, n] / len(places)
        else:
            r, s = max(places, key=lambda place: x[c, place[0], place[1], n])  # of equal ones, the first
            found[c, r, s, n] += g[c, i, j, n]
    return found


def test_all_values_equal_the_first_of_each_window_gets_the_gradient():
    x, g = np.ones((1, 4, 4, 1), np.float32), np.full((1, 2, 2, 1), 3, np.float32)
    dx = pooled_gradient(layers.read("max_pool2d"), x, g)
    np.testing.assert_array_equal(dx[0, ..., 0], [[3, 0, 3, 0], [0, 0, 0, 0], [3, 0, 3, 0], [0, 0, 0, 0]])


# -- shapes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "before", "after"),
    [
        ({"type": "conv2d", "filters": 16}, (28, 28), (16, 26, 26)),
        ({"type": "conv2d", "filters": 16, "padding": "same"}, (28, 28), (16, 28, 28)),
        ({"type": "conv2d", "filters": 4, "kernel_size": 5, "strides": 3}, (3, 28, 17), (4, 8, 5)),
        ({"type": "conv2d", "strides": 2, "padding": "same"}, (3, 7, 8), (16, 4, 4)),
        ({"type": "max_pool2d"}, (16, 13, 13), (16, 6, 6)),
        ({"type": "avg_pool2d", "padding": "same"}, (16, 13, 13), (16, 7, 7)),
        ({"type": "max_pool2d", "pool_size": 3, "strides": 1}, (8, 8), (1, 6, 6)),
        ({"type": "global_avg_pool"}, (16, 13, 13), (16,)),
        ({"type": "flatten"}, (16, 5, 5), (400,)),
    ],
)
def test_shapes(layer, before, after):
    assert layers.read(layer).output_shape(before) == after


@pytest.mark.parametrize(
    ("layer", "before", "field", "words"),
    [
        ("conv2d", (784,), "", "conv2d needs an image (channels×height×width), not 784"),
        ("max_pool2d", (10,), "", "max_pool2d needs an image"),
        ("global_avg_pool", (10,), "", "global_avg_pool needs an image"),
        ({"type": "conv2d", "kernel_size": 9}, (8, 12), "kernel_size", "9 is more than the image's 8×12"),
        ({"type": "avg_pool2d", "pool_size": 3}, (4, 2, 8), "pool_size", "give at most 2, or padding 'same'"),
        ("dense", (4, 2, 8), "units", "is missing"),
        ({"type": "dense", "units": 2}, (4, 2, 8), "", "needs a flat input, not 4×2×8"),
    ],
)
def test_what_does_not_fit_is_said_by_field(layer, before, field, words):
    with pytest.raises(ShapeError) as found:
        layers.read(layer).output_shape(before)
    assert found.value.field == field
    assert words in str(found.value)


def test_weights_are_counted_and_drawn_as_in_keras_and_lie_as_in_pytorch():
    layer = layers.read({"type": "conv2d", "filters": 8, "kernel_size": 5, "activation": "prelu"})
    weight, bias, slope = layer.parameters((3, 9, 9))
    assert (weight.shape, weight.fan_in, weight.fan_out) == ((8, 3, 5, 5), 75, 200)
    assert (bias.shape, slope.shape) == ((8,), (8,))


# -- a whole engine ---------------------------------------------------------------------------------------

NET = [
    {"type": "conv2d", "filters": 4, "activation": "relu", "padding": "same"},
    {"type": "max_pool2d"},
    {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "prelu", "bias": False},
    {"type": "flatten"},
    {"type": "dense", "units": 3, "activation": "softmax"},
]


def test_views_are_units_by_values():
    """An image's channel is a unit: statistics of dead units are of channels."""
    data = tiny(shape=(6, 8))
    run = engine(NET, data)
    assert run.step(np.arange(5), 0.1)
    views = run.views()
    assert [v.output.shape for v in views] == [(4, 6 * 8 * 5), (4, 60), (3, 30), (18, 5), (3, 5)]
    assert [v.weights.shape for v in views if v.weights is not None] == [(9, 4), (16, 3), (18, 3)]
    p = {name: t.astype(np.float64) for name, t in engine(NET, data).tensors().items()}
    first = Reference(NET[:1], "mse", shape=(1, 6, 8))
    expected = first.outputs(data.train.inputs[:5].astype(np.float64), p)
    np.testing.assert_allclose(
        views[0].output.reshape(4, 6, 8, 5), np.stack(expected, axis=-1), rtol=1e-4, atol=1e-5
    )


def test_state_goes_round_and_evaluation_is_the_textbooks():
    data = tiny(shape=(6, 8))
    run = engine(NET, data, "adam")
    for step in range(6):
        assert run.step(np.arange(step, step + 4) % 12, 0.01)
    other = engine(NET, data, "adam", seed=5)
    other.load(run.state(), 6)
    for go_on in (run, other):
        assert go_on.step(np.arange(4), 0.01)
    for key, values in run.state().items():
        np.testing.assert_array_equal(values, other.state()[key], err_msg=key)
    p = {name: t.astype(np.float64) for name, t in run.tensors().items()}
    assert p["layers.0.weight"].shape == (4, 1, 3, 3)
    judged, inputs = run.evaluate(data.test), data.test.inputs.astype(np.float64)
    reference = Reference(NET, "cross_entropy", shape=(1, 6, 8))
    assert judged.mean_loss == pytest.approx(reference.mean_loss(inputs, data.test.labels, p), rel=1e-5)


# -- presets ----------------------------------------------------------------------------------------------

DIGITS = {"name": "digits"}
END = [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}]


@pytest.mark.parametrize(
    ("stack", "path", "words"),
    [
        ([{"type": "conv2d", "kernel_size": 9}, *END], "layers[0].kernel_size", "9 is more than"),
        ([{"type": "flatten"}, {"type": "max_pool2d"}, END[1]], "layers[1]", "needs an image"),
        ([{"type": "conv2d"}, END[1]], "layers[1]", "put a flatten layer before it"),
        ([{"type": "conv2d", "activation": "softmax"}, *END], "layers[0].activation", "last layer alone"),
        ([{"type": "conv2d"}], "layers[0]", "the last layer must be dense with 10 units"),
        (
            [{"type": "conv2d", "filters": 60_000}, {"type": "conv2d", "filters": 60_000}, *END],
            "layers[1].filters",
            "parameters",
        ),
    ],
)
def test_what_is_wrong_with_a_preset_is_said_by_place(stack, path, words):
    preset, problems = check({"version": 1, "data": DIGITS, "layers": stack})
    assert preset is None
    assert words in {p.path: p.message for p in problems}[path]


def test_memory_counts_what_a_convolution_keeps():
    """As many values as its patches: for a wide kernel far more than its output."""
    small, wide = (
        network_of(check({"version": 1, "data": DIGITS, "layers": [conv, *END]})[0])
        for conv in ({"type": "conv2d", "padding": "same", "kernel_size": n} for n in (1, 7))
    )
    sizes = [memory_estimate.of_layer(net.nodes[0], optimizers.read("sgd"), 100) for net in (small, wide)]
    more = 2 * 100 * 4 * 8 * (14 * 8 - 8 * 2)  # rows × (kernel width + 1) × columns: 14×8 and 8×2, of 8 each
    weights = 2 * 4 * 16 * (49 - 1)
    assert sizes[1] - sizes[0] == more + weights


def test_the_outline_shows_channels_height_and_width(capsys):
    assert main(["show", "mnist-cnn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split()[1:4] for line in lines if line[:1].isdigit()][:5]
    assert rows[:2] == [["conv2d", "16×26×26", "160"], ["max_pool2d", "16×13×13", "0"]]
    assert rows[2:4] == [["conv2d", "32×11×11", "4,640"], ["max_pool2d", "32×5×5", "0"]]
