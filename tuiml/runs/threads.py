"""How many threads the matrix products use: to be settled before numpy is imported.

OpenBLAS's threads wait by spinning. Two of them on two cores, one busy with something else, take four times
as long as one alone, which loses nothing; on quiet cores they gain a third. So one core is left free. The app
and ``tuiml train`` use the same number, since another number gives other bits.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
MOST = 4
"""The products of a batch gain little from more."""


def limit(wanted: int | None = None) -> int:
    """Settle the number of threads, and return it.

    What the user's environment says stands; then ``wanted`` (a run that goes on wants as many as before);
    then one less than the cores, at most :data:`MOST`.
    """
    count = given() or min(wanted or max(1, min(MOST, cores() - 1)), cores())
    for name in VARIABLES:
        os.environ.setdefault(name, str(count))
    return count


def given() -> int | None:
    """The number in the environment, if it names one."""
    for name in VARIABLES:
        word = os.environ.get(name, "")
        if word.isascii() and word.isdigit() and int(word[:6]) > 0:
            return int(word[:6])
    return None


def cores() -> int:
    """The physical cores that this process may use, by its affinity and its container's quota."""
    allowed = set(range(os.cpu_count() or 1))
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        allowed = os.sched_getaffinity(0)
    found = len({_siblings(cpu) for cpu in allowed})
    return max(1, min(found, _quota() or found))


def _siblings(cpu: int) -> str:
    """The hardware threads of the core that ``cpu`` belongs to."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return path.read_text()
    except OSError:
        return str(cpu)


def _quota(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """The processors a container may use, rounded up: ``200000 100000`` is two."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = path.read_text().split()
        if quota != "max":
            return math.ceil(int(quota) / int(period))
    return None
