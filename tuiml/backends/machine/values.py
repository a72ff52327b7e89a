"""Functions of one value, written so that the compiler makes vector instructions of a loop over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

f32, i32, u32, u8 = np.float32, np.int32, np.uint32, np.uint8
value: Any = njit(nogil=True, error_model="numpy")

ZERO, HALF, ONE = f32(0), f32(0.5), f32(1)
INF, NAN = f32(np.inf), f32(np.nan)
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


@value
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


@value
def exp(x: Any) -> Any:
    """e^x."""
    q, low, high = _exponent(x)
    return (q + ONE) * low * high


@value
def expm1(x: Any) -> Any:
    """e^x - 1, with every digit near 0."""
    q, low, high = _exponent(x)
    scale = low * high
    y = (q * scale + (scale - ONE)) if x < LARGE else (q + ONE) * low * high
    return x if x == ZERO else y  # the sign of zero


@value
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


@value
def log1p(x: Any) -> Any:
    """log(1 + x), the rounding of 1 + x made good (Kahan)."""
    u = ONE + x
    rest = u - ONE
    y = log(u) * (x / rest)
    y = x if rest == ZERO else y
    return u if u == INF else y


@value
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


@value
def sqrt(x: Any) -> Any:
    return f32(np.sqrt(x))


@value
def sign(x: Any) -> Any:
    y = ONE if x > ZERO else (-ONE if x < ZERO else ZERO)
    return y if x == x else x


@value
def maximum(a: Any, b: Any) -> Any:
    return a if a >= b or a != a else b


@value
def minimum(a: Any, b: Any) -> Any:
    return a if a <= b or a != a else b
