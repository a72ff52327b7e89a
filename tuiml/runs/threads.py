"""The number of threads that train, which must be settled before numpy is imported.

The threads of a matrix library spin while they wait: two of them on two cores, one of which is busy, take
several times as long as one alone. So the library gets one thread, and the batch is split into shards for our
own threads (:mod:`tuiml.backends.team`). The bits depend on the number of shards, so a run records it, and
the app and ``tuiml train`` use the same one.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

from tuiml import environ

OURS = "TUIML_THREADS"
LIBRARIES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
MOST = 4
"""More threads gain little."""

LIMIT = 64
"""The most that can be requested."""
_settled = False


def limit(wanted: int | None = None) -> int:
    """Settle the number of threads, and return it.

    It is ``wanted`` if given, else the :func:`usual` one.
    """
    global _settled
    _settled = True
    count = wanted or usual()
    environ.set_own(OURS, str(count))
    for name in LIBRARIES:
        environ.set_own(name, "1")
    return count


def settled() -> bool:
    """Whether :func:`limit` was called: this is a process of tuiml's own."""
    return _settled


def usual() -> int:
    """What the environment says for tuiml or a matrix library, else one per core but at most :data:`MOST`."""
    return given() or min(MOST, cores())


def given() -> int | None:
    """The number that the environment gives, if any."""
    for name in (OURS, *LIBRARIES):
        word = os.environ.get(name, "")
        if word.isascii() and word.isdigit() and int(word[:6]) > 0:
            return int(word[:6])
    return None


def count() -> int:
    """The number that was settled, else 1."""
    return given() or 1


def cores() -> int:
    """The number of physical cores for this process, by its affinity and its container's quota."""
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
    """The processors of a container, rounded up: ``200000 100000`` is two."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = path.read_text().split()
        if quota != "max":
            return math.ceil(int(quota) / int(period))
    return None
