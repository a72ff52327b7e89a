"""The environment of a run: versions and the linear algebra library, on which its bits depend."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from tuiml import __version__

NAMES = ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename")
"""The names of OpenBLAS's function that names its kernels, in different builds."""


NOT_USED = "not used"


def versions(backend: str) -> dict[str, str]:
    """The versions that a backend's numbers depend on; OpenBLAS chooses its kernels by the processor."""
    import numpy

    from tuiml.backends import fast

    found = {
        "tuiml": __version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "blas": blas(),
    }
    with contextlib.suppress(metadata.PackageNotFoundError):
        found["mlx"] = metadata.version("mlx")
    if backend == "numpy":
        found["numba"] = fast.version() or NOT_USED
    return found


def blas() -> str:
    """NumPy's linear algebra library: ``scipy-openblas 0.3.31 (Haswell kernels)``."""
    import numpy

    config: Any = numpy.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    kernels = _kernels(Path(numpy.__file__).parent)
    text = f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()
    return f"{text} ({kernels} kernels)" if kernels else text


def _kernels(package: Path) -> str:
    """The kernels of the OpenBLAS in NumPy's wheel; empty for another library."""
    places = (package.parent / "numpy.libs", package / ".dylibs")
    for library in (file for place in places if place.is_dir() for file in place.glob("*openblas*")):
        try:
            loaded = ctypes.CDLL(str(library))  # loaded already, by numpy
            function = next(getattr(loaded, name) for name in NAMES if hasattr(loaded, name))
        except (OSError, StopIteration):
            continue
        function.restype, function.argtypes = ctypes.c_char_p, ()
        return (function() or b"").decode("ascii", "replace")
    return ""


def system() -> str:
    """The system in words: ``Linux 6.1 x86_64``."""
    return f"{platform.system()} {platform.release()} {platform.machine()}".strip()


def python() -> str:
    """The Python that runs: version and path."""
    return f"{platform.python_version()} ({sys.executable})"
