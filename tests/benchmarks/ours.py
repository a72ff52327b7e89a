"""tuiml's NumPy engine as the trainer runs it: several steps a call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import repeat

import numpy as np

from tests.benchmarks.timing import BLOCK, Way, medians
from tests.benchmarks.workloads import RATE, Batches, Workload, data, preset_of
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.runs import threads
from tuiml.spec.check import network_of

NAME = "tuiml"
TEAMWORK = 0.5
"""Seconds of a block with several threads: the engine looks for the better way of sharing as it goes."""
SETTLED = 0.5
"""Seconds after which the engine has noticed that a core is busy, or free again."""


def ways(work: Workload, count: int) -> list[Way]:
    """The engine; its batches are split for at most :data:`~tuiml.runs.threads.MOST` threads, as shipped."""
    preset = preset_of(work)
    shares = min(count, threads.MOST)
    engine = NumpyEngine(network_of(preset), preset.training.optimizer, data(work), 0, threads=shares)
    batches = Batches(work)

    def steps(number: int) -> None:
        if engine.steps(zip(batches.take(number), repeat(RATE), strict=False)) != number:
            raise SystemExit("the loss was not finite")

    return [Way(NAME, steps, block=BLOCK if shares == 1 else TEAMWORK)]


def versions() -> dict[str, str]:
    return {"NumPy": np.__version__}


def busy(work: Workload, count: int, seconds: float) -> float:
    """A step while another process keeps one core busy, relative to one on a quiet machine."""
    (way,) = ways(work, count)
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
