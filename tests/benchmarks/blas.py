"""The number of threads of the OpenBLAS in NumPy's wheel, changed while it runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np

NAMES = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")
"""What OpenBLAS calls the function, by how it was built."""


def setter() -> Callable[[int], object] | None:
    """The function that sets it; ``None`` where NumPy has another library (Accelerate on a Mac, say)."""
    package = Path(np.__file__).parent
    for place in (package.parent / "numpy.libs", package / ".dylibs"):
        for library in place.glob("*openblas*"):
            loaded = ctypes.CDLL(str(library))  # loaded already, by numpy
            for name in NAMES:
                if hasattr(loaded, name):
                    function = getattr(loaded, name)
                    function.argtypes, function.restype = (ctypes.c_int,), None
                    return function
    return None
