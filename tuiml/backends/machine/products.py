"""Instructions that work on whole arrays. Each takes a pointer to its numbers: addresses and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit

from tuiml.backends.machine.access import bytes_, floats, longs, sgemm
from tuiml.backends.machine.values import HALF, ZERO, value

f32 = np.float32


def product(c: Any) -> None:
    """A matrix product, for matrices so small that calling a library takes longer.

    Takes the result's address, rows, columns and the sum's terms; of each argument
    address and two strides, in values.
    """
    out, rows, columns, inner = c[0], c[1], c[2], c[3]
    a, a0, a1, b, b0, b1 = c[4], c[5], c[6], c[7], c[8], c[9]
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


@value
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


def library_products(c: Any) -> None:
    """Larger products, by the matrix library, which lets other threads run as this does.

    Takes how many, the address of the library's function, rows, columns and the sum's terms; of each argument
    address, bytes to the next, whether it is turned and the values in a row; of the result the same.
    """
    for i in range(c[0]):
        a, b, out = c[5] + i * c[6], c[9] + i * c[10], c[13] + i * c[14]
        sgemm(c[1], c[7], c[11], c[2], c[3], c[4], a, c[8], b, c[12], out, c[15])


def greatest(c: Any) -> None:
    """The greatest value of each column: result, rows, columns, address, bytes from row to row."""
    rows, n = c[1], c[2]
    y = carray(floats(c[0]), n)
    x = carray(floats(c[3]), n)
    for j in range(n):
        y[j] = x[j]
    for i in range(1, rows):
        x = carray(floats(c[3] + i * c[4]), n)
        for j in range(n):
            y[j] = y[j] if y[j] >= x[j] or y[j] != y[j] else x[j]


def gather(c: Any) -> None:
    """Rows of float32: result, how many, values in each, all rows' address, the chosen ones' numbers."""
    n, width = c[1], c[2]
    places = carray(longs(c[4]), n)
    for i in range(n):
        y = carray(floats(c[0] + 4 * i * width), width)
        x = carray(floats(c[3] + 4 * places[i] * width), width)
        for j in range(width):
            y[j] = x[j]


def gather_bytes(c: Any) -> None:
    """Single bytes: result, how many, all bytes' address, the chosen ones' numbers."""
    n = c[1]
    y, x, places = carray(bytes_(c[0]), n), carray(bytes_(c[2]), 1), carray(longs(c[3]), n)
    for i in range(n):
        y[i] = x[places[i]]


def one_hot(c: Any) -> None:
    """A row for each class, 1 where it is the label: result, classes, labels, their address, first class."""
    n = c[2]
    label = carray(bytes_(c[3]), n)
    for row in range(c[1]):
        y = carray(floats(c[0] + 4 * row * n), n)
        for i in range(n):
            y[i] = f32(label[i] == row + c[4])


def hits(c: Any) -> None:
    """How many columns have their largest value, the first of equals, at the label; of one row see Hits.

    Takes the count's address, classes, columns, the values' address and the labels'.
    """
    classes, n = c[1], c[2]
    v, label, count = carray(floats(c[3]), classes * n), carray(bytes_(c[4]), n), 0
    for i in range(n):
        guess, best = 0, v[i]
        if classes == 1:
            guess = 1 if best > HALF else 0
        for row in range(1, classes):
            if v[row * n + i] > best:
                guess, best = row, v[row * n + i]
        count += 1 if guess == label[i] else 0
    carray(longs(c[0]), 1)[0] = count


def squares(c: Any) -> None:
    """The sum of squared differences: result, how many values, both addresses."""
    n, total = c[1], 0.0
    v, t = carray(floats(c[2]), n), carray(floats(c[3]), n)
    for i in range(n):
        total += (v[i] - t[i]) * (v[i] - t[i])
    carray(floats(c[0]), 1)[0] = f32(total)
