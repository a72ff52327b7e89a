"""Functions compiled once on a machine: the compiled code is saved in a folder of the cache.

The folder is in ``NUMBA_CACHE_DIR``, if that is set, else in tuiml's cache. Its name says from which text of
this package it was compiled, so nothing old is taken for new; numba minds its own version and the processor.
Where it cannot be written, nothing is saved and each process compiles what it needs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import cfunc, config, njit

from tuiml import files

SIGNATURE = "void(CPointer(int64))"
"""Of every function: it takes a pointer to its numbers, some of which are addresses."""
OPTIONS: dict[str, Any] = {"nopython": True, "error_model": "numpy"}


@functools.cache
def folder() -> Path | None:
    """The folder of compiled functions, or ``None``."""
    texts = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:16]
    given = os.environ.get("NUMBA_CACHE_DIR")
    found = (Path(given) if given else files.cache() / "compiled") / digest
    try:
        found.mkdir(parents=True, exist_ok=True)
        files.write_whole(found / "writable", "")
    except OSError:
        return None
    config.CACHE_DIR = str(found)
    return found


def compiled(function: Callable[..., object]) -> Any:
    """A function that C can call; it holds the code, and ``address`` is where that lies."""
    if folder():
        with contextlib.suppress(OSError, RuntimeError):  # numba's, when the disk is full or the folder gone
            return cfunc(SIGNATURE, cache=True, **OPTIONS)(function)
    return cfunc(SIGNATURE, **OPTIONS)(function)


def entered(signature: str, function: Callable[..., object]) -> Any:
    """A function that Python calls, and which lets other threads run."""
    if folder():
        with contextlib.suppress(OSError, RuntimeError):
            return njit(signature, nogil=True, cache=True, error_model="numpy")(function)
    return njit(signature, nogil=True, error_model="numpy")(function)


def written(text: str, names: dict[str, Any]) -> Callable[..., object]:
    """The function ``kernel`` of a text, for :func:`compiled`."""
    cache, path = folder(), "<loop>"
    if cache:
        place = cache / f"loop_{hashlib.sha256(text.encode()).hexdigest()[:24]}.py"
        with contextlib.suppress(OSError):
            if not place.exists():  # numba looks at its date; what is run is the text itself
                files.write_whole(place, text)
            path = str(place)
    scope = {**names, "__name__": __name__}
    exec(compile(text, path, "exec"), scope)
    found: Callable[..., object] = scope["kernel"]
    return found
