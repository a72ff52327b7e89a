"""Whether plans run as machine code: if numba (the extra ``fast``) is installed and not switched off.

``TUIML_FAST=0`` in the environment switches it off. Without numba a plan is a list of bound NumPy calls; with
it, :mod:`tuiml.backends.machine` makes one call of many.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tuiml.backends.library_calls import combined
from tuiml.installation import hint

if TYPE_CHECKING:
    from tuiml.backends.machine.counting import Counter
    from tuiml.backends.machine.whole_step import Phase, WholeStep

SWITCH = "TUIML_FAST"
Bound = Callable[[], object]
Range = tuple[int, int]


def trouble() -> str:
    """Why machine code is not used, or nothing."""
    if os.environ.get(SWITCH, "") == "0":
        return f"{SWITCH}=0 is set"
    return _missing()


def available() -> bool:
    """Whether numba can be used, were it not switched off."""
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


def fused(calls: Sequence[Bound], own: Sequence[Range], later: Sequence[Bound]) -> list[Bound]:
    """The same work in fewer calls; see machine/programs.py and, without numba, library_calls.py."""
    if not calls or trouble():
        return combined(calls, own, later)
    from tuiml.backends.machine.programs import fuse

    return fuse(calls, own, later)


def counter(output: Any, answers: Any) -> Counter | None:
    """What counts a batch's hits, or adds up its squared errors; ``None``: not here."""
    if trouble():
        return None
    from tuiml.backends.machine import counting

    return counting.counter(output, answers)


def whole_step(
    rows: Any, load: Sequence[Bound], phases: tuple[Phase, Phase, Phase], total: Any, hits: Counter
) -> WholeStep | None:
    """A step as one call, see machine/whole_step.py; ``None``: not here, or the network is too large."""
    if trouble():
        return None
    from tuiml.backends.machine.whole_step import whole_step

    return whole_step(rows, load, phases, total, hits)
