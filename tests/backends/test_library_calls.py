"""Calls put together into one of the matrix library's: the same values, and nothing else changes."""

from functools import partial

import numpy as np
import pytest

from tests.helpers import engine, tiny
from tuiml.backends import blas, fast
from tuiml.backends.library_calls import LEAST, combined
from tuiml.nn.optimizers import optimizers

pytestmark = pytest.mark.skipif(blas.function("saxpby") is None, reason="NumPy has another matrix library")
SIZE = LEAST + 37


def arrays(count, size=SIZE):
    return [np.random.default_rng(i).standard_normal(size).astype(np.float32) for i in range(count)]


def span(array):
    return (array.ctypes.data, array.ctypes.data + array.nbytes)


def test_scaling_and_adding_is_one_pass():
    y, x = arrays(2)
    factor, expected = np.float32(0.9), np.float32(0.9) * y + x
    scalar = np.asarray(factor)
    other = np.ones(3, np.float32)
    calls = [partial(np.multiply, scalar, y, y), partial(np.negative, other, other), partial(np.add, x, y, y)]
    found = combined(calls, [], [])
    assert len(found) == 2
    for call in found:
        call()
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_the_factor_is_read_when_it_runs():
    w, g, t = arrays(3)
    rate, before = np.zeros((), np.float32), w.copy()
    calls = [partial(np.multiply, rate, g, t), partial(np.subtract, w, t, w)]
    (call,) = combined(calls, [span(t)], [])
    rate[...] = 0.5
    call()
    np.testing.assert_allclose(w, before - 0.5 * g, rtol=1e-5, atol=1e-6)


def test_what_others_read_or_change_stays_as_it_is():
    w, g, t = arrays(3)
    rate = np.float32(0.5).reshape(())
    scaled, taken = partial(np.multiply, np.asarray(rate), g, t), partial(np.subtract, w, t, w)
    for calls, own, later in (
        ([scaled, taken], [], []),  # somebody else's array
        ([scaled, taken], [span(t)], [partial(np.exp, t, g)]),
        ([scaled, taken, partial(np.exp, t, g)], [span(t)], []),
        ([scaled, taken, lambda: None], [span(t)], []),
        ([scaled, partial(np.exp, g, g), taken], [span(t)], []),
        ([scaled, partial(np.subtract, t, w, w)], [span(t)], []),
        ([partial(np.multiply, g, g, t), taken], [span(t)], []),
    ):
        assert combined(calls, own, later) == calls


def test_small_arrays_and_those_with_gaps_are_numpys():
    for y, x in (arrays(2, LEAST - 1), [a[::2] for a in arrays(2, 2 * SIZE)]):
        calls = [partial(np.multiply, np.asarray(np.float32(0.9)), y, y), partial(np.add, y, x, y)]
        assert combined(calls, [], []) == calls


@pytest.mark.parametrize("optimizer", [entry.name for entry in optimizers])
def test_training_is_numpys(monkeypatch, optimizer):
    monkeypatch.setenv(fast.SWITCH, "0")
    stack = [
        {"type": "dense", "units": 300, "activation": "tanh"},
        {"type": "dense", "units": 3, "activation": "softmax"},
    ]
    states = []
    for found in (blas.function, lambda name: None):
        monkeypatch.setattr(blas, "function", found)
        run = engine(stack, tiny(features=40, train=60), optimizer)
        for i in range(10):
            assert run.step(np.random.default_rng(i).permutation(60)[:30], 1e-3)
        states.append(run.state())
    for name, expected in states[1].items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(states[0][name], expected, rtol=2e-3, atol=1e-4 * scale, err_msg=name)
