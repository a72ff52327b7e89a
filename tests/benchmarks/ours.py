"""tuiml's NumPy engine as the trainer runs it: several steps a call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from itertools import repeat

import numpy as np

from tests.benchmarks.timing import BLOCK, Way, medians
from tests.benchmarks.workloads import RATE, Batches, Workload, data, preset_of
from tuiml.backends import fast, forks
from tuiml.backends.numpy_backend import WORTH_FORKING, NumpyEngine
from tuiml.runs import threads
from tuiml.spec.check import network_of

NAME, FAST = "tuiml", "tuiml[fast]"
TEAMWORK = 0.5
"""Seconds of a block with several threads: the engine looks for the better way of sharing as it goes."""
SETTLED = 0.5
"""Seconds after which the engine has noticed that a core is busy, or free again."""


def ways(work: Workload, count: int) -> list[Way]:
    """The engine as shipped, and where numba is installed, with it."""
    forks.allow()
    block = BLOCK if count == 1 else TEAMWORK
    found = [Way(NAME, _steps(work, count, "0"), block=block)]
    if fast.available():
        found.append(Way(FAST, _steps(work, count, "1"), block=block))
    return found


def _steps(work: Workload, count: int, switch: str) -> Callable[[int], None]:
    """Its batches are split for at most :data:`~tuiml.runs.threads.MOST` threads, as shipped."""
    preset = preset_of(work)
    workers = min(count, threads.MOST)
    engine = NumpyEngine(network_of(preset), preset.training.optimizer, data(work), 0, threads=workers)
    batches = Batches(work)

    def steps(number: int) -> None:
        if engine.steps(zip(batches.take(number), repeat(RATE), strict=False)) != number:
            raise SystemExit("the loss was not finite")

    before = os.environ.get(fast.SWITCH)
    os.environ[fast.SWITCH] = switch
    for _ in range(WORTH_FORKING + 1):
        steps(1)  # compiles, and forks, as the switch says
    os.environ.pop(fast.SWITCH)
    if before is not None:
        os.environ[fast.SWITCH] = before
    return steps


def versions() -> dict[str, str]:
    found = {"NumPy": np.__version__}
    return found | ({"numba": metadata.version("numba")} if fast.available() else {})


def busy(work: Workload, count: int, seconds: float) -> float:
    """A step while another process keeps one core busy, relative to one on a quiet machine."""
    way = ways(work, count)[0]
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    found: dict[int, list[float]] = {}
    try:
        for number in (signal.SIGSTOP, signal.SIGCONT) * 2:
            os.kill(spinner.pid, number)
            until = time.perf_counter() + SETTLED
            while time.perf_counter() < until:
                way.steps(10)
            found.setdefault(number, []).append(medians([way], seconds / 2)[NAME])
    finally:
        spinner.kill()
        spinner.wait()
    return sum(found[signal.SIGCONT]) / sum(found[signal.SIGSTOP])
