"""Machine code for lists of small operations: compiled once on a machine, whatever the network.

:func:`run` interprets a program, a table of whole numbers whose rows are instructions on addresses. A loop
runs its instructions one after the other over a block of values that fits into the fastest cache, then over
the next block. Nothing is compiled for a network, so nobody waits but the first time on a machine.
:mod:`tuiml.backends.fused` writes the programs. This is the one module that imports numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

from tuiml.nn.losses import OVERFLOW

WIDTH = 12
"""Numbers in an instruction: its own, then what it takes."""
LOOP, PRODUCT, GREATEST, GATHER, GATHER_BYTES, ONE_HOT, HITS, GUARD = range(8)
"""Each by itself; the rest work on the blocks of a loop."""
FILL, COPY, EXP, EXPM1, LOG, LOG1P, SQRT, SQUARE, TANH, ABS, SIGN, NEGATIVE = range(20, 32)
ADD, SUBTRACT, MULTIPLY, DIVIDE, MAXIMUM, MINIMUM = range(40, 46)
GREATER, GREATER_EQUAL, SELECT, MASK = range(50, 54)
WHOLE_XOR, WHOLE_SHIFT, WHOLE_ADD, WHOLE_MULTIPLY, WHOLE_FLOAT = range(60, 65)

f32, i32 = np.float32, np.int32
compiled: Any = njit(nogil=True, error_model="numpy")


def _pointer(kind: Any) -> Any:
    """A function that makes an address a pointer to values of a kind."""

    def typed(_typing: Any, address: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(types.int64), build

    return intrinsic(typed)


floats, wholes, bytes_, longs = map(_pointer, (types.float32, types.uint32, types.uint8, types.int64))

# -- one value: written so that the compiler makes vector instructions of a loop over them ---------------------

ZERO, HALF, ONE = f32(0), f32(0.5), f32(1)
INF, NAN, TOO_MUCH = f32(np.inf), f32(np.nan), f32(OVERFLOW)
ROUND = f32(12582912.0)
"""1.5 · 2²³: added and taken away again, it leaves the nearest whole number."""
LOG2E, LN2_HIGH, LN2_LOW = f32(1.44269504088896341), f32(0.693359375), f32(-2.12194440e-4)
LEAST, MOST, LARGE = f32(-104.0), f32(89.0), f32(80.0)
"""Where e^x is 0 and infinite in float32, and where taking 1 away makes no difference."""
P0, P1, P2, P3, P4, P5 = map(
    f32,
    (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
)
Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8 = map(
    f32,
    (
        *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
        *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    ),
)
T1, T3, T5, T7, T9, T11, T13 = map(
    f32,
    (
        *(4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08),
        *(-8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16),
    ),
)
U0, U2, U4, U6 = map(
    f32, (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06)
)
FLAT, STEEP = f32(7.90531110763549805), f32(0.0004)
"""Beyond the one tanh x is ±1, below the other it is x."""
ROOT_HALF = f32(0.707106781186547524)
MANTISSA, BIAS, PLACES = i32(0x007FFFFF), i32(127), i32(23)
HALF_BITS, ONE_BIT, BIAS_LOG = i32(0x3F000000), i32(1), i32(126)


@compiled
def _exponent(x: Any) -> Any:
    """``q``, ``low`` and ``high``: e^x is (q + 1) · low · high, from 0 to infinity (Cephes' expf)."""
    x = LEAST if x < LEAST else x
    x = MOST if x > MOST else x
    n = (x * LOG2E + ROUND) - ROUND
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    p = ((((P0 * r + P1) * r + P2) * r + P3) * r + P4) * r + P5
    whole = i32(n if n == n else ZERO)
    half = whole >> ONE_BIT  # 2^n in two steps: n may be beyond the exponents
    low = i32((half + BIAS) << PLACES).view(f32)
    high = i32((whole - half + BIAS) << PLACES).view(f32)
    return p * (r * r) + r, low, high


@compiled
def exp(x: Any) -> Any:
    """e^x."""
    q, low, high = _exponent(x)
    return (q + ONE) * low * high


@compiled
def expm1(x: Any) -> Any:
    """e^x - 1, with every digit near 0."""
    q, low, high = _exponent(x)
    scale = low * high
    return (q * scale + (scale - ONE)) if x < LARGE else (q + ONE) * low * high


@compiled
def log(x: Any) -> Any:
    """The natural logarithm (Cephes' logf)."""
    bits = f32(x).view(i32)
    e = f32(i32(i32(bits >> PLACES) - BIAS_LOG))
    m = i32((bits & MANTISSA) | HALF_BITS).view(f32)  # 1/2 to 1
    below = m < ROOT_HALF
    e = e - ONE if below else e
    m = (m + m if below else m) - ONE
    z = m * m
    p = (((((((Q0 * m + Q1) * m + Q2) * m + Q3) * m + Q4) * m + Q5) * m + Q6) * m + Q7) * m + Q8
    y = m + ((p * m * z + e * LN2_LOW) - HALF * z) + e * LN2_HIGH
    y = y if x < INF else x  # infinity, and what is no number
    y = -INF if x == ZERO else y
    return NAN if x < ZERO else y


@compiled
def log1p(x: Any) -> Any:
    """log(1 + x), the rounding of 1 + x made good (Kahan)."""
    u = ONE + x
    rest = u - ONE
    y = log(u) * (x / rest)
    y = x if rest == ZERO else y
    return u if u == INF else y


@compiled
def tanh(x: Any) -> Any:
    """tanh x as a quotient of polynomials (Eigen's), within 6 units in the last place, at most 1."""
    c = FLAT if x > FLAT else x
    c = -FLAT if c < -FLAT else c
    q = c * c
    p = c * ((((((T13 * q + T11) * q + T9) * q + T7) * q + T5) * q + T3) * q + T1)
    y = p / (((U6 * q + U4) * q + U2) * q + U0)
    y = ONE if y > ONE else y
    y = -ONE if y < -ONE else y
    return x if abs(x) < STEEP else y


@compiled
def sqrt(x: Any) -> Any:
    return f32(np.sqrt(x))


@compiled
def sign(x: Any) -> Any:
    y = ONE if x > ZERO else (-ONE if x < ZERO else ZERO)
    return y if x == x else x


@compiled
def absolute(x: Any) -> Any:
    return abs(x)


@compiled
def negative(x: Any) -> Any:
    return -x


@compiled
def square(x: Any) -> Any:
    return x * x


@compiled
def same(x: Any) -> Any:
    return x


@compiled
def add(a: Any, b: Any) -> Any:
    return a + b


@compiled
def subtract(a: Any, b: Any) -> Any:
    return a - b


@compiled
def multiply(a: Any, b: Any) -> Any:
    return a * b


@compiled
def divide(a: Any, b: Any) -> Any:
    return a / b


@compiled
def maximum(a: Any, b: Any) -> Any:
    return a if a >= b or a != a else b


@compiled
def minimum(a: Any, b: Any) -> Any:
    return a if a <= b or a != a else b


@compiled
def xor(a: Any, b: Any) -> Any:
    return a ^ b


@compiled
def shift(a: Any, b: Any) -> Any:
    return a >> b


# -- a block of values. Written over an argument has a loop of its own: else the compiler has to assume that ---
# -- the values written are read again further on, and takes them one by one                                 ---


def _unary(f: Any) -> Any:
    """A loop over a block."""

    @njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def block(n: Any, out: Any, a: Any) -> None:
        y, x = carray(floats(out), n), carray(floats(a), n)
        if out == a:
            for i in range(n):
                y[i] = f(y[i])
        else:
            for i in range(n):
                y[i] = f(x[i])

    return block


def _in_place(f: Any) -> Any:
    """A loop over a block, written but once: for functions beside which a copy costs nothing."""

    @njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def block(n: Any, out: Any, a: Any) -> None:
        if out != a:
            _copy(n, out, a)
        y = carray(floats(out), n)
        for i in range(n):
            y[i] = f(y[i])

    return block


def _either(f: Any, pointer: Any = floats) -> Any:
    """A loop over a block, of a function for which the order of its arguments makes no difference."""

    @njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def block(n: Any, out: Any, a: Any, b: Any) -> None:
        if out == b:
            a, b = b, a
        y, p, q = carray(pointer(out), n), carray(pointer(a), n), carray(pointer(b), n)
        if out == a:
            for i in range(n):
                y[i] = f(y[i], q[i])
        else:
            for i in range(n):
                y[i] = f(p[i], q[i])

    return block


def _ordered(f: Any, pointer: Any = floats) -> Any:
    """A loop over a block."""

    @njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
    def block(n: Any, out: Any, a: Any, b: Any) -> None:
        y, p, q = carray(pointer(out), n), carray(pointer(a), n), carray(pointer(b), n)
        if out == a:
            for i in range(n):
                y[i] = f(y[i], q[i])
        elif out == b:
            for i in range(n):
                y[i] = f(p[i], y[i])
        else:
            for i in range(n):
                y[i] = f(p[i], q[i])

    return block


@compiled
def _greater(n: Any, out: Any, a: Any, b: Any) -> None:
    y, p, q = carray(bytes_(out), n), carray(floats(a), n), carray(floats(b), n)
    for i in range(n):
        y[i] = p[i] > q[i]


@compiled
def _greater_equal(n: Any, out: Any, a: Any, b: Any) -> None:
    y, p, q = carray(bytes_(out), n), carray(floats(a), n), carray(floats(b), n)
    for i in range(n):
        y[i] = p[i] >= q[i]


@compiled
def _select(n: Any, out: Any, a: Any, mask: Any) -> None:
    """``a`` where the mask says so; the rest stays."""
    y, p, m = carray(floats(out), n), carray(floats(a), n), carray(bytes_(mask), n)
    for i in range(n):
        y[i] = p[i] if m[i] else y[i]


@compiled
def _mask(n: Any, out: Any, a: Any, mask: Any) -> None:
    """``a`` times 1 or 0."""
    y, p, m = carray(floats(out), n), carray(floats(a), n), carray(bytes_(mask), n)
    if out == a:
        for i in range(n):
            y[i] = y[i] * f32(m[i])
    else:
        for i in range(n):
            y[i] = p[i] * f32(m[i])


@compiled
def _float(n: Any, out: Any, a: Any) -> None:
    y, x = carray(floats(out), n), carray(wholes(a), n)
    for i in range(n):
        y[i] = f32(x[i])


@compiled
def _fill(n: Any, out: Any, a: Any) -> None:
    """The one value of four bytes at ``a``."""
    y, value = carray(wholes(out), n), carray(wholes(a), 1)[0]
    for i in range(n):
        y[i] = value


_copy, _sqrt, _square, _abs, _sign, _negative = map(_unary, (same, sqrt, square, absolute, sign, negative))
_exp, _expm1, _log, _log1p, _tanh = map(_in_place, (exp, expm1, log, log1p, tanh))
_add, _multiply, _maximum, _minimum = map(_either, (add, multiply, maximum, minimum))
_subtract, _divide = map(_ordered, (subtract, divide))
_xor, _whole_add, _whole_multiply = (_either(f, wholes) for f in (xor, add, multiply))
_shift = _ordered(shift, wholes)


@compiled
def _one(op: Any, n: Any, out: Any, a: Any, b: Any) -> None:  # noqa: C901
    """An instruction on a block of ``n`` values."""
    if op == FILL:
        _fill(n, out, a)
    elif op == COPY:
        _copy(n, out, a)
    elif op == EXP:
        _exp(n, out, a)
    elif op == EXPM1:
        _expm1(n, out, a)
    elif op == LOG:
        _log(n, out, a)
    elif op == LOG1P:
        _log1p(n, out, a)
    elif op == SQRT:
        _sqrt(n, out, a)
    elif op == SQUARE:
        _square(n, out, a)
    elif op == TANH:
        _tanh(n, out, a)
    elif op == ABS:
        _abs(n, out, a)
    elif op == SIGN:
        _sign(n, out, a)
    elif op == NEGATIVE:
        _negative(n, out, a)
    elif op == WHOLE_FLOAT:
        _float(n, out, a)
    elif op == ADD:
        _add(n, out, a, b)
    elif op == SUBTRACT:
        _subtract(n, out, a, b)
    elif op == MULTIPLY:
        _multiply(n, out, a, b)
    elif op == DIVIDE:
        _divide(n, out, a, b)
    elif op == MAXIMUM:
        _maximum(n, out, a, b)
    elif op == MINIMUM:
        _minimum(n, out, a, b)
    elif op == GREATER:
        _greater(n, out, a, b)
    elif op == GREATER_EQUAL:
        _greater_equal(n, out, a, b)
    elif op == SELECT:
        _select(n, out, a, b)
    elif op == MASK:
        _mask(n, out, a, b)
    elif op == WHOLE_XOR:
        _xor(n, out, a, b)
    elif op == WHOLE_SHIFT:
        _shift(n, out, a, b)
    elif op == WHOLE_ADD:
        _whole_add(n, out, a, b)
    elif op == WHOLE_MULTIPLY:
        _whole_multiply(n, out, a, b)


# -- instructions by themselves -----------------------------------------------------------------------------


@compiled
def _product(out: Any, rows: Any, columns: Any, inner: Any, a: Any, a0: Any, a1: Any, b: Any, b0: Any, b1: Any) -> None:
    """A matrix product, for matrices so small that calling a library takes longer; strides in values."""
    if b1 == 1:
        _by_row(out, rows, columns, inner, a, a0, a1, b, b0)
    elif a1 == 1 and b0 == 1:
        _by_value(out, rows, columns, inner, a, a0, b, b1)
    else:
        y, p, q = carray(floats(out), rows * columns), carray(floats(a), 1), carray(floats(b), 1)
        for i in range(rows):
            for j in range(columns):
                total = ZERO
                for k in range(inner):
                    total += p[i * a0 + k * a1] * q[k * b0 + j * b1]
                y[i * columns + j] = total


@compiled
def _by_row(out: Any, rows: Any, n: Any, inner: Any, a: Any, a0: Any, a1: Any, b: Any, b0: Any) -> None:
    """Rows of ``b`` added up, four at a time."""
    p = carray(floats(a), 1)
    for i in range(rows):
        y = carray(floats(out + 4 * i * n), n)
        k, at = 0, i * a0
        while k < inner:
            q0 = carray(floats(b + 4 * k * b0), n)
            if k + 4 <= inner:
                q1, q2 = carray(floats(b + 4 * (k + 1) * b0), n), carray(floats(b + 4 * (k + 2) * b0), n)
                q3 = carray(floats(b + 4 * (k + 3) * b0), n)
                s0, s1, s2, s3 = p[at], p[at + a1], p[at + 2 * a1], p[at + 3 * a1]
                if k == 0:
                    for j in range(n):
                        y[j] = s0 * q0[j] + s1 * q1[j] + s2 * q2[j] + s3 * q3[j]
                else:
                    for j in range(n):
                        y[j] += s0 * q0[j] + s1 * q1[j] + s2 * q2[j] + s3 * q3[j]
                k, at = k + 4, at + 4 * a1
            else:
                s0 = p[at]
                if k == 0:
                    for j in range(n):
                        y[j] = s0 * q0[j]
                else:
                    for j in range(n):
                        y[j] += s0 * q0[j]
                k, at = k + 1, at + a1


@njit(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _by_value(out: Any, rows: Any, columns: Any, inner: Any, a: Any, a0: Any, b: Any, b1: Any) -> None:
    """Rows of ``a`` times columns of ``b``, both without gaps: each value's sum in a vector."""
    y = carray(floats(out), rows * columns)
    for i in range(rows):
        p = carray(floats(a + 4 * i * a0), inner)
        for j in range(columns):
            q = carray(floats(b + 4 * j * b1), inner)
            total = ZERO
            for k in range(inner):
                total += p[k] * q[k]
            y[i * columns + j] = total


@compiled
def _greatest(out: Any, rows: Any, n: Any, a: Any, a0: Any) -> None:
    """The greatest value of each column."""
    _copy(n, out, a)
    for i in range(1, rows):
        _maximum(n, out, out, a + i * a0)


@compiled
def _gather(out: Any, n: Any, width: Any, source: Any, rows: Any) -> None:
    places = carray(longs(rows), n)
    for i in range(n):
        y = carray(floats(out + 4 * i * width), width)
        x = carray(floats(source + 4 * places[i] * width), width)
        for j in range(width):
            y[j] = x[j]


@compiled
def _gather_bytes(out: Any, n: Any, source: Any, rows: Any) -> None:
    places, y, x = carray(longs(rows), n), carray(bytes_(out), n), carray(bytes_(source), 1)
    for i in range(n):
        y[i] = x[places[i]]


@compiled
def _one_hot(out: Any, classes: Any, n: Any, labels: Any, first: Any) -> None:
    """A row for each class, 1 where it is the label."""
    label = carray(bytes_(labels), n)
    for c in range(classes):
        y = carray(floats(out + 4 * c * n), n)
        for i in range(n):
            y[i] = f32(label[i] == c + first)


@compiled
def _hits(out: Any, classes: Any, n: Any, values: Any, labels: Any) -> None:
    """How many columns have their largest value, the first of equals, at the label; of one row see Hits."""
    v, label, count = carray(floats(values), classes * n), carray(bytes_(labels), n), 0
    for i in range(n):
        guess, best = 0, v[i]
        if classes == 1:
            guess = 1 if best > HALF else 0
        for c in range(1, classes):
            if v[c * n + i] > best:
                guess, best = c, v[c * n + i]
        count += 1 if guess == label[i] else 0
    carray(longs(out), 1)[0] = count


@njit(nogil=True, cache=True, error_model="numpy")
def run(code: Any) -> None:
    """Run a program: an int64 array of instructions × :data:`WIDTH`."""
    at = 0
    while at < len(code):
        c = code[at]
        if c[0] == LOOP:
            instructions, blocks, size, whole = c[1], c[2], c[3], c[4]
            for block in range(blocks):
                n = min(size, whole - block * size)
                for i in range(at + 1, at + 1 + instructions):
                    d = code[i]
                    _one(d[0], n, d[1] + block * d[2], d[3] + block * d[4], d[5] + block * d[6])
            at += instructions
        elif c[0] == PRODUCT:
            _product(c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10])
        elif c[0] == GREATEST:
            _greatest(c[1], c[2], c[3], c[4], c[5])
        elif c[0] == GATHER:
            _gather(c[1], c[2], c[3], c[4], c[5])
        elif c[0] == GATHER_BYTES:
            _gather_bytes(c[1], c[2], c[3], c[4])
        elif c[0] == ONE_HOT:
            _one_hot(c[1], c[2], c[3], c[4], c[5])
        elif c[0] == HITS:
            _hits(c[1], c[2], c[3], c[4], c[5])
        elif c[0] == GUARD:
            if not carray(floats(c[1]), 1)[0] < TOO_MUCH:
                return
        at += 1
