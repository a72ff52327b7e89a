"""Whether plans run as machine code: where numba is installed, the extra ``fast``, and nobody says no.

``TUIML_FAST=0`` in the environment says no. Without numba every plan is what it is anyway, a list of bound
NumPy calls; with it, :mod:`tuiml.backends.machine` makes one call of many.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tuiml.installation import hint

if TYPE_CHECKING:
    from tuiml.backends.machine.counting import Counting, Squares
    from tuiml.backends.machine.whole_step import Whole
    from tuiml.backends.passes import Pass
    from tuiml.backends.plan import Steps
    from tuiml.data.arrays import Part

SWITCH = "TUIML_FAST"
Calls = list[Callable[[], object]]
Range = tuple[int, int]


def trouble() -> str:
    """Why machine code is not used, or nothing."""
    if os.environ.get(SWITCH, "") == "0":
        return f"{SWITCH}=0 is set"
    return _missing()


def available() -> bool:
    """Whether numba can be used, should nobody say no."""
    return not _missing()


@functools.cache
def _missing() -> str:
    """Why numba cannot be used, or nothing."""
    if importlib.util.find_spec("numba") is None:
        return f"numba is not installed: {hint('fast')}"
    try:
        from tuiml.backends.machine import programs  # noqa: F401 - only to see whether it loads
    except Exception as error:  # whatever it is, nobody needs it to train
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return f"numba does not load: {said}"
    return ""


def version() -> str | None:
    """The version of numba where it is used; the bits depend on it."""
    return None if trouble() else metadata.version("numba")


def fused(
    calls: Sequence[Callable[[], object]], own: Sequence[Range], later: Sequence[Callable[[], object]]
) -> Calls:
    """The same work in fewer calls, or the calls as they are; see machine/programs.py."""
    if not calls or trouble():
        return list(calls)
    from tuiml.backends.machine.programs import fuse

    return fuse(calls, own, later)


def hits(output: Any, labels: Any) -> Counting | None:
    """Counts how many columns of ``output`` have their largest value at their label; or ``None``."""
    if trouble():
        return None
    from tuiml.backends.machine.counting import counting

    return counting(output, labels)


def errors(output: Any, targets: Any) -> Squares | None:
    """Adds up the squares of ``output`` less ``targets``; or ``None``."""
    if trouble():
        return None
    from tuiml.backends.machine.counting import squares

    return squares(output, targets)


def whole(run: Pass, part: Part, update: Steps) -> Whole | None:
    """A step in one call, for networks so small that all of it can be; else ``None``."""
    if trouble():
        return None
    from tuiml.backends.machine.whole_step import whole_step

    return whole_step(run, part, update)
