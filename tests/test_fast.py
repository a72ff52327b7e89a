"""Machine code for plans: what numba makes of them is what NumPy does, in fewer calls."""

import importlib.util
from functools import partial

import numpy as np
import pytest

from tests.helpers import engine, network, tiny
from tests.test_numpy_engine import BETWEEN, hidden, stack_of
from tuiml.backends import fast, steps
from tuiml.backends.denormals import flushed
from tuiml.backends.machine.reading import OPERATIONS, Each, Other, read
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.nn.activations import activations
from tuiml.nn.losses import losses
from tuiml.nn.optimizers import optimizers
from tuiml.spec.preset import Penalties

NO_NUMBA = importlib.util.find_spec("numba") is None
needs_numba = pytest.mark.skipif(NO_NUMBA, reason="numba is not installed: pip install -e '.[fast]'")
EDGES = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e-5, -1e-7, 1e-30, 88.5, -87.0, 120.0, -120.0, 3e38, -3e38),
        *(np.inf, -np.inf, np.nan),
    ],
    np.float32,
)
KINDS = {"f": np.float32, "u": np.uint32, "b": np.bool_, "B": np.uint8}


@pytest.fixture
def on(monkeypatch):
    monkeypatch.delenv(fast.SWITCH, raising=False)
    assert fast.trouble() == ""


# -- the switch; these need no numba ------------------------------------------------------------------------


def test_the_environment_says_no(monkeypatch):
    monkeypatch.setenv(fast.SWITCH, "0")
    assert fast.trouble() == "TUIML_FAST=0 is set"
    assert fast.version() is None
    calls = [partial(np.exp, EDGES, EDGES.copy())] * 2
    assert fast.fused(calls, [], []) == calls


def test_without_numba_it_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv(fast.SWITCH, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fast._missing.cache_clear()
    try:
        assert "tuiml[fast]" in fast.trouble()
        assert not any(s._whole for s in trained(stack_of("tanh", "softmax", 3), tiny())._steps.values())
    finally:
        fast._missing.cache_clear()


def test_numba_that_does_not_load_is_done_without(monkeypatch):
    monkeypatch.delenv(fast.SWITCH, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(__import__("sys").modules, "tuiml.backends.machine.programs", None)
    monkeypatch.delattr("tuiml.backends.machine.programs", raising=False)
    fast._missing.cache_clear()
    try:
        assert fast.trouble().startswith("numba does not load")
    finally:
        fast._missing.cache_clear()


# -- reading ------------------------------------------------------------------------------------------------


def test_a_call_is_read_back():
    a, b, out = (np.ones((5, 7), np.float32) for _ in range(3))
    found = read(partial(np.add, a, b, out))
    assert isinstance(found, Each)
    assert (found.words, found.rows, found.size) == ("{0} + {1}", 1, 35)
    row = read(partial(np.subtract, a, b[:1], out))
    assert (row.rows, row.size, row.operands[2].step) == (5, 7, 0)
    column = read(partial(np.subtract, a, b[:, :1], out))
    assert [o.single for o in column.operands] == [False, False, True]
    assert isinstance(read(partial(a.T.dot, b, np.ones((7, 7), np.float32))), Other)


A = np.ones((4, 6), np.float32)


@pytest.mark.parametrize(
    "call",
    [
        partial(np.add, A, A.astype(np.float64), np.ones((4, 6))),
        partial(np.add, A, A, A, where=A > 0),
        partial(np.add, A[:, :-1], A[:, 1:], A[:, 1:]),  # overlaps: NumPy copies first
        partial(np.add, A[:, ::2], A[:, ::2], np.ones((4, 3), np.float32)),
        partial(np.copyto, A, 1.0),
        partial(np.exp, A),
        partial(np.equal, A, A, out=A > 0),
        partial(A.dot, A.T),
        partial(A.take, np.arange(2), axis=0, out=A[:2].copy()),
        partial(np.maximum.reduce, A, axis=0, out=A[:1].copy(), initial=2.0),
        partial(np.arctan, A, A.copy()),
        partial(A.dot, np.ones((6, 4000), np.float32), np.ones((4, 4000), np.float32)),
        partial(np.maximum.reduce, A, axis=1, out=np.ones((4, 1), np.float32), keepdims=True),
        lambda: None,
    ],
)
def test_what_cannot_be_read_stays_as_it_is(call):
    assert read(call) is None
    assert fast.fused([call], [], []) == [call]


# -- one operation ------------------------------------------------------------------------------------------


def values(kind, shape, seed):
    rng = np.random.default_rng(seed)
    if kind != "f":
        return rng.integers(0, 2 if kind == "b" else 2**32 if kind == "u" else 256, shape).astype(KINDS[kind])
    return rng.choice(np.concatenate([EDGES, rng.normal(0, 3, 40).astype(np.float32)]), shape)


def call_of(name, out, arguments):
    if name != "copyto":
        return partial(getattr(np, name), *arguments, out=out)
    where = {"where": arguments[1]} if len(arguments) == 2 else {}
    return partial(np.copyto, out, arguments[0], casting="unsafe", **where)


def check_operation(name, kinds, shapes, in_place=None):
    """The call beside one that changes nothing it touches, as a program and as it is."""
    arrays = [values(kind, shape, i) for i, (kind, shape) in enumerate(zip(kinds, shapes, strict=True))]
    found = [a.copy() for a in arrays]
    for chosen in (arrays, found):
        if in_place is not None:
            chosen[0] = chosen[in_place]
    other = np.ones(3, np.float32)
    with np.errstate(all="ignore"):
        call_of(name, arrays[0], arrays[1:])()
        calls = [call_of(name, found[0], found[1:]), partial(np.negative, other, other)]
        (program,) = fast.fused(calls, [], [])
        assert program not in calls
        program()
    exact = name not in ("exp", "expm1", "log", "log1p", "tanh")
    np.testing.assert_array_equal(other, -1)
    np.testing.assert_allclose(found[0], arrays[0], rtol=0 if exact else 1e-6, atol=0)
    if name not in ("maximum", "minimum"):  # either zero is the greater
        zeros = arrays[0] == 0
        np.testing.assert_array_equal(np.signbit(found[0][zeros]), np.signbit(arrays[0][zeros]))


@needs_numba
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(("name", "kinds"), OPERATIONS)
def test_each_operation_is_numpys(name, kinds):
    for shape in [(1, 1), (3, 333), (1, 4099)]:
        check_operation(name, kinds, [shape] * len(kinds))
        for place, kind in enumerate(kinds[1:], 1):
            if kind == kinds[0] and not (name == "copyto" and len(kinds) == 2):
                check_operation(name, kinds, [shape] * len(kinds), in_place=place)


@needs_numba
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize(("name", "kinds"), [key for key in OPERATIONS if len(key[1]) == 3])
@pytest.mark.parametrize("narrow", [(1, 37), (5, 1), (1, 1)])
def test_rows_columns_and_single_values_are_repeated(name, kinds, narrow):
    for shapes in ([(5, 37), (5, 37), narrow], [(5, 37), narrow, (5, 37)]):
        check_operation(name, kinds, shapes)


@needs_numba
@pytest.mark.usefixtures("on")
def test_denormals_as_numpy_has_them():
    tiny_values = np.float32(1e-38) * np.float32(2.0) ** -np.arange(1, 12, dtype=np.float32)
    out = np.empty_like(tiny_values)
    (program,) = fast.fused([partial(np.multiply, tiny_values, tiny_values[:1] * 0 + 1, out)] * 2, [], [])
    program()
    np.testing.assert_array_equal(out, tiny_values)
    with flushed():
        program()
        numpys = tiny_values * np.float32(1)
    np.testing.assert_array_equal(out, numpys)


@needs_numba
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 3, 32), (3, 9, 5), (2, 8, 33), (4, 4, 4), (7, 5, 16)])
def test_small_products_are_numpys(shape):
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    for a in (rng.standard_normal((rows, inner)), rng.standard_normal((inner, rows)).T):
        for b in (rng.standard_normal((inner, columns)), rng.standard_normal((columns, inner)).T):
            a, b = (np.asarray(x, np.float32, order="K") for x in (a, b))
            out, other = np.empty((rows, columns), np.float32), np.ones(3, np.float32)
            (program,) = fast.fused([partial(a.dot, b, out), partial(np.negative, other, other)], [], [])
            program()
            np.testing.assert_allclose(out, a.astype(np.float64) @ b, rtol=1e-5, atol=1e-6)


@needs_numba
@pytest.mark.usefixtures("on")
def test_what_nobody_reads_is_not_written_and_all_else_is():
    x, middle, out = (np.full(100, value, np.float32) for value in (2, 5, 7))
    own = [(middle.ctypes.data, middle.ctypes.data + middle.nbytes)]
    calls = [partial(np.square, x, middle), partial(np.add, middle, x, out)]
    for later, expected in ([[], 5], [[partial(np.exp, middle, x)], 4], [[lambda: None], 4]):
        middle.fill(5)
        (program,) = fast.fused(calls, own, later)
        program()
        assert (out == 6).all()
        assert (middle == expected).all()
    middle.fill(5)
    (program,) = fast.fused(calls, [], [])
    program()
    assert (middle == 4).all()


@needs_numba
@pytest.mark.usefixtures("on")
def test_what_was_compiled_is_found_again():
    from tuiml.backends.machine import loops

    x, out = np.ones(9, np.float32), np.zeros(9, np.float32)
    calls = [partial(np.subtract, x, x, out), partial(np.sqrt, out, out), partial(np.subtract, out, x, out)]
    hits = []
    for _ in range(2):
        loops._loop.cache_clear()  # as in another process
        (program,) = fast.fused(calls, [], [])
        program()
        hits.append(program._functions[0].cache_hits)
    assert hits[1] == 1
    assert (out == -1).all()


@needs_numba
@pytest.mark.usefixtures("on")
def test_nothing_is_kept_where_nothing_can_be_written(monkeypatch, tmp_path):
    from tuiml.backends.machine import compiling, loops

    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    compiling.folder.cache_clear()
    loops._loop.cache_clear()
    try:
        assert compiling.folder() is None
        x = np.full(9, 4, np.float32)
        (program,) = fast.fused([partial(np.sqrt, x, x), partial(np.negative, x, x)], [], [])
        program()
        assert (x == -2).all()
    finally:
        compiling.folder.cache_clear()


# -- training -----------------------------------------------------------------------------------------------


def trained(stack, data, optimizer="sgd", loss="cross_entropy", batch=6, count=20, rate=0.01, **options):
    run = NumpyEngine(network(stack, data.shape[0], loss), optimizers.read(optimizer), data, 3, **options)
    n = len(data.train)
    batches = ((np.random.default_rng(i).permutation(n)[:batch], rate) for i in range(count))
    assert run.steps(batches) == count
    return run


def same_as_numpy(monkeypatch, *args, **kwargs):
    """Trains with and without; the engine with."""
    found = {}
    for switch in ("0", "1"):
        monkeypatch.setenv(fast.SWITCH, switch)
        run = trained(*args, **kwargs)
        found[switch] = run.state(), run.totals(), run.evaluate(run.data.test)
    without, with_ = found["0"], found["1"]
    for name, expected in without[0].items():
        scale = np.abs(expected).max()
        np.testing.assert_allclose(with_[0][name], expected, rtol=2e-3, atol=2e-4 * scale, err_msg=name)
    for a, b in zip(without[1:], with_[1:], strict=True):
        assert b.examples == a.examples
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.correct == pytest.approx(a.correct, abs=1)
    return run


HIDDEN = [f.name for f in activations if not f.output_only]
OPTIMIZERS = [entry.name for entry in optimizers]
WIDE = {"features": 30, "train": 90}


@needs_numba
@pytest.mark.parametrize("number", range(max(len(HIDDEN), len(OPTIMIZERS))))
def test_training_is_numpys(monkeypatch, number):
    """Every activation and every optimizer, in a step of one call and in one of many."""
    name, optimizer = HIDDEN[number % len(HIDDEN)], OPTIMIZERS[number % len(OPTIMIZERS)]
    rate = 1.0 if optimizer == "adadelta" else 1e-3
    run = same_as_numpy(monkeypatch, stack_of(name, "softmax", 3), tiny(), optimizer, rate=rate)
    assert all(step._whole for step in run._steps.values())
    stack = [{"type": "dense", "units": 40, "activation": hidden(name)}, *stack_of(name, "softmax", 3)]
    run = same_as_numpy(monkeypatch, stack, tiny(**WIDE), optimizer, batch=70, rate=rate)
    assert not any(step._whole for step in run._steps.values())


@needs_numba
@pytest.mark.parametrize("kind", BETWEEN)
def test_training_through_every_layer_is_numpys(monkeypatch, kind):
    same_as_numpy(
        monkeypatch, stack_of("tanh", "softmax", 3, between=BETWEEN[kind]), tiny(train=40), batch=33
    )


@needs_numba
@pytest.mark.parametrize("loss", [entry.name for entry in losses])
def test_training_by_every_loss_is_numpys(monkeypatch, loss):
    stack = stack_of("tanh", losses[loss].activation or "sigmoid", 3)
    same_as_numpy(monkeypatch, stack, tiny(), "adam", loss)


@needs_numba
def test_penalties_are_numpys(monkeypatch):
    penalties = Penalties(l1=0.01, l2=0.02, weight_decay=0.01)
    same_as_numpy(monkeypatch, stack_of("relu", "softmax", 3), tiny(), "adam", penalties=penalties)


@needs_numba
@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("threads", [1, 2])
def test_bits_repeat(monkeypatch, threads):
    monkeypatch.setattr(steps, "WORTH_SHARING", 1.0)
    stack = [{"type": "dense", "units": 40, "activation": "gelu"}, *stack_of("rrelu", "softmax", 3)]
    states = []
    for _ in range(2):
        run = trained(stack, tiny(**WIDE), "adam", batch=70, threads=threads)
        assert [len(step.passes) for step in run._steps.values()] == [threads]
        states.append(run.state())
        run.close()
    for name, expected in states[0].items():
        assert states[1][name].tobytes() == expected.tobytes(), name


@needs_numba
@pytest.mark.usefixtures("on")
def test_no_weight_changes_where_there_is_no_loss_to_go_by():
    run = trained(stack_of("relu", "softmax", 3), tiny(), count=3)
    assert all(step._whole for step in run._steps.values())
    run.weights.flat[:] = 1e30
    before = run.weights.flat.copy()
    assert run.steps([(np.arange(6), 0.1)]) == 0
    np.testing.assert_array_equal(run.weights.flat, before)


@needs_numba
@pytest.mark.usefixtures("on")
def test_pictures_as_bytes_are_normalized_as_numpy_does(monkeypatch):
    from dataclasses import replace

    rng, data = np.random.default_rng(0), tiny(30, 3, train=9)
    for shift in (np.float32(0), np.float32(100), rng.integers(0, 99, 30).astype(np.float32)):
        parts = {}
        for part in ("train", "validation", "test"):
            found = getattr(data, part)
            parts[part] = replace(found, inputs=rng.integers(0, 256, (len(found), 30), dtype=np.uint8))
        monkeypatch.setattr("tuiml.backends.batches.READY", 0)
        bytes_ = replace(data, **parts, shift=shift, scale=np.float32(1 / 255))
        run = engine(stack_of("relu", "softmax", 3), bytes_)
        assert run.step(np.array([4, 0, 7]), 0.0)
        (step,) = run._steps.values()
        expected = (parts["train"].inputs[[4, 0, 7]].astype(np.float32) - shift) * np.float32(1 / 255)
        np.testing.assert_array_equal(step.passes[0].batches.x.T, expected)
