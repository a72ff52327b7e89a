"""NumPy's own matrix library: its number of threads, and its functions where NumPy's way to them is longer.

:mod:`tuiml.runs.threads` says why the library gets one thread: with more, a split batch takes many times as
long. Here that is seen to in a process that imported NumPy before tuiml could. Only OpenBLAS is known, which
NumPy's wheels for Linux have inside.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SUFFIXES = ("64_", "")
PREFIXES = ("scipy_openblas", "openblas")


def controllable() -> bool:
    """True if :func:`one_thread` has an effect."""
    return _openblas() is not None


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """The library has one thread within the block, in the whole process; afterwards as many as before."""
    found = _openblas()
    if found is None:
        yield
        return
    get, put = found
    before = get()
    put(1)
    try:
        yield
    finally:
        put(before)


def function(name: str) -> Any | None:
    """The library's function of a CBLAS name (``sgemm``), if its integers have 64 bits; else ``None``."""
    found: Any = None
    for library in _libraries():
        for prefix in ("scipy_", ""):
            found = found or getattr(library, f"{prefix}cblas_{name}64_", None)
    return found


@functools.cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """What reads and what sets the number of threads of NumPy's own OpenBLAS."""
    for library in _libraries():
        for prefix in PREFIXES:
            for suffix in SUFFIXES:
                names = (f"{prefix}_get_num_threads{suffix}", f"{prefix}_set_num_threads{suffix}")
                if all(hasattr(library, name) for name in names):
                    get, put = (getattr(library, name) for name in names)
                    put.restype = None
                    return get, put
    return None


@functools.cache
def _libraries() -> list[ctypes.CDLL]:
    """What lies beside NumPy under OpenBLAS's name; loaded already, by NumPy."""
    import numpy

    package, found = Path(numpy.__file__).parent, []
    for folder in (package.with_name("numpy.libs"), package / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            with contextlib.suppress(OSError):
                found.append(ctypes.CDLL(str(path)))
    return found
