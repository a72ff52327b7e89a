"""Whether plans run as machine code: where numba is installed, the extra ``fast``, and nobody says no.

``TUIML_FAST=0`` in the environment says no. Without numba every plan is what it is anyway, a list of bound
NumPy calls; with it, :mod:`tuiml.backends.fused` makes one call of many.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuiml.backends.passes import Pass
    from tuiml.backends.plan import Steps
    from tuiml.data.arrays import Part
    from tuiml.backends.whole import Whole

SWITCH = "TUIML_FAST"
Calls = list[Callable[[], object]]


def trouble() -> str:
    """Why machine code is not used, or nothing; numba is not imported to find out."""
    if os.environ.get(SWITCH, "") == "0":
        return f"{SWITCH}=0 is set"
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed: pip install 'tuiml[fast]'"
    return ""


@functools.cache
def _loads() -> str:
    """Why numba does not load or compile here, or nothing."""
    try:
        from tuiml.backends import fused  # noqa: F401 - only to see whether it loads
    except Exception as error:  # whatever it is: training does not need it
        return f"numba does not load: {str(error).splitlines()[0][:120] if str(error) else type(error).__name__}"
    return ""


def used() -> bool:
    """Whether machine code is used in this process."""
    return not trouble() and not _loads()


def fused(calls: Sequence[Callable[[], object]]) -> Calls:
    """The same work in fewer calls, or the calls as they are."""
    if not calls or not used():
        return list(calls)
    from tuiml.backends.fused import fuse

    return fuse(calls)


def whole(run: Pass, part: Part, update: Steps) -> Whole | None:
    """A step in one call, for networks so small that all of it can be; else ``None``."""
    if not used():
        return None
    from tuiml.backends.whole import whole_step

    return whole_step(run, part, update)
