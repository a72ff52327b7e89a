"""Bound calls as machine code: each is read back, and does what NumPy does."""

from functools import partial

import numpy as np
import pytest

from tests.helpers import needs_numba
from tuiml.backends import blas, fast
from tuiml.backends.denormals import flushed
from tuiml.backends.machine.reading import OPERATIONS, Each, Other, read

EDGES = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e-5, -1e-7, 1e-30, 88.5, -87.0, 120.0, -120.0, 3e38, -3e38),
        *(np.inf, -np.inf, np.nan),
    ],
    np.float32,
)
KINDS = {"f": np.float32, "u": np.uint32, "b": np.bool_, "B": np.uint8}


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
        partial(A.dot, np.ones((6, 4000), np.float32), np.ones((4, 8000), np.float32)[:, ::2]),
        partial(np.matmul, A, A.T.astype(np.float64), out=np.ones((4, 4))),
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
@pytest.mark.usefixtures("machine_code")
@pytest.mark.parametrize(("name", "kinds"), OPERATIONS)
def test_each_operation_is_numpys(name, kinds):
    for shape in [(1, 1), (3, 333), (1, 4099)]:
        check_operation(name, kinds, [shape] * len(kinds))
        for place, kind in enumerate(kinds[1:], 1):
            if kind == kinds[0] and not (name == "copyto" and len(kinds) == 2):
                check_operation(name, kinds, [shape] * len(kinds), in_place=place)


@needs_numba
@pytest.mark.usefixtures("machine_code")
@pytest.mark.parametrize(("name", "kinds"), [key for key in OPERATIONS if len(key[1]) == 3])
@pytest.mark.parametrize("narrow", [(1, 37), (5, 1), (1, 1)])
def test_rows_columns_and_single_values_are_repeated(name, kinds, narrow):
    for shapes in ([(5, 37), (5, 37), narrow], [(5, 37), narrow, (5, 37)]):
        check_operation(name, kinds, shapes)


@needs_numba
@pytest.mark.usefixtures("machine_code")
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


def assert_is_the_product(shape, **tolerance):
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    for a in (rng.standard_normal((rows, inner)), rng.standard_normal((inner, rows)).T):
        for b in (rng.standard_normal((inner, columns)), rng.standard_normal((columns, inner)).T):
            a, b = (np.asarray(x, np.float32, order="K") for x in (a, b))
            out, other = np.empty((rows, columns), np.float32), np.ones(3, np.float32)
            (program,) = fast.fused([partial(a.dot, b, out), partial(np.negative, other, other)], [], [])
            program()
            np.testing.assert_allclose(out, a.astype(np.float64) @ b, **tolerance)


@needs_numba
@pytest.mark.usefixtures("machine_code")
@pytest.mark.parametrize("shape", [(1, 1, 1), (8, 3, 32), (3, 9, 5), (2, 8, 33), (4, 4, 4), (7, 5, 16)])
def test_small_products_are_numpys(shape):
    assert_is_the_product(shape, rtol=1e-5, atol=1e-6)


@needs_numba
@pytest.mark.usefixtures("machine_code")
@pytest.mark.skipif(blas.function("sgemm") is None, reason="NumPy has another matrix library")
@pytest.mark.parametrize("shape", [(40, 33, 65), (4, 30, 200), (1, 300, 70), (300, 70, 1)])
def test_large_products_are_the_librarys(shape):
    assert_is_the_product(shape, rtol=1e-4, atol=1e-4)


@needs_numba
@pytest.mark.usefixtures("machine_code")
@pytest.mark.skipif(blas.function("sgemm") is None, reason="NumPy has another matrix library")
def test_products_of_overlapping_matrices_are_the_librarys():
    rows = np.random.default_rng(0).standard_normal((12, 50)).astype(np.float32)
    stack = np.lib.stride_tricks.sliding_window_view(rows, 3, 0).transpose(0, 2, 1)
    kernel, other = (
        np.random.default_rng(1).standard_normal((3, 7)).astype(np.float32),
        np.ones(3, np.float32),
    )
    forward, back = np.empty((10, 7, 50), np.float32), np.empty((10, 3, 7), np.float32)
    calls = [
        partial(np.matmul, kernel.T, stack, out=forward),
        partial(np.matmul, stack, forward.transpose(0, 2, 1), out=back),
    ]
    (program,) = fast.fused([*calls, partial(np.negative, other, other)], [], [])
    program()
    np.testing.assert_allclose(forward, kernel.T @ stack, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(back, stack @ forward.transpose(0, 2, 1), rtol=1e-4, atol=1e-4)


@needs_numba
@pytest.mark.usefixtures("machine_code")
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
@pytest.mark.usefixtures("machine_code")
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
@pytest.mark.usefixtures("machine_code")
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
