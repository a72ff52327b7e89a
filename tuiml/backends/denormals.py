"""Numbers below 1.2e-38 are taken as 0 in the calling thread.

The averages of an optimizer fade towards 0 by a factor a step and never reach it; in between lie float32's
denormal numbers, on which many processors take several times as long over a root or a quotient. The C library
can tell the processor to leave them out, for one thread at a time.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import platform
import struct
import sys
from collections.abc import Iterator

FLUSH = 0x8040
"""Bits of x86's MXCSR: results that are denormal become 0 (bit 15), arguments too (bit 6)."""
_SIZE, _MXCSR = 32, 28
"""Of ``fenv_t`` on Linux x86-64, in bytes, and the place of MXCSR in it."""


@contextlib.contextmanager
def flushed() -> Iterator[None]:
    """Leave denormal numbers out within the block, where this machine is known to be able to."""
    before = _mxcsr(FLUSH)
    try:
        yield
    finally:
        if before is not None:
            _mxcsr(before, only=True)


def _mxcsr(bits: int, only: bool = False) -> int | None:
    """Set bits of this thread's MXCSR (all of it with ``only``); its value before, or ``None``."""
    libm = _libm()
    if libm is None:
        return None
    environment = ctypes.create_string_buffer(_SIZE)
    if libm.fegetenv(environment):
        return None
    (before,) = struct.unpack_from("I", environment, _MXCSR)
    struct.pack_into("I", environment, _MXCSR, bits if only else before | bits)
    libm.fesetenv(environment)
    return int(before)


@functools.cache
def _libm() -> ctypes.CDLL | None:
    """The C library's mathematics, where its ``fenv_t`` is the one described above."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:
        return None
