"""Four trials at once against the same four in turn: ``python -m tests.benchmarks.studies``.

In turn, a trial has all training threads; at once, each has one. Both ways include the start of their worker
processes; they take turns, so that what else the machine does falls on both. The ratio of the medians counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tuiml.runs import library, threads
from tuiml.studies.pool import Job, LocalPool

TRIALS = 4


def document(number: int, epochs: int) -> dict[str, Any]:
    """The preset of a trial: three layers of 200 units on the bundled digits."""
    hidden = [{"type": "dense", "units": 200, "activation": "relu", "initializer": "he_normal"}] * 3
    return {
        "version": 1,
        "name": f"trial {number}",
        "data": {"name": "digits"},
        "layers": [{"type": "flatten"}, *hidden, {"type": "dense", "activation": "softmax"}],
        "training": {"learning_rate": 0.01, "batch_size": 32, "epochs": epochs, "seed": number},
    }


def taken(size: int, count: int, epochs: int) -> tuple[float, float]:
    """Train all trials, ``size`` at once with ``count`` threads each.

    Returns:
        Seconds, and examples a second of those that train together.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, pool = Path(name), LocalPool(size, count)
        waiting = [Job(folder, f"trial-{n}", document(n, epochs), "numpy", count) for n in range(TRIALS)]
        began, left = time.perf_counter(), len(waiting)
        for _ in range(size):
            pool.start(waiting.pop(0))
        while left:
            for trial, line in pool.lines(1.0):
                if line["event"] == "failed":
                    raise RuntimeError(f"{trial}: {line['message']}")
                if line["event"] == "done":
                    left -= 1
                    if waiting:
                        pool.start(waiting.pop(0))
        seconds = time.perf_counter() - began
        pool.close()
        speeds = [library.summary(path).figure("examples_per_second") for path in folder.iterdir()]
    return seconds, statistics.fmean(speeds) * size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    cores = threads.cores()
    ways = {"in turn": (1, min(threads.MOST, cores)), "at once": (TRIALS, 1)}
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for count in (1, min(threads.MOST, cores)):
        taken(1, count, 1)  # compiles what is compiled once
    for _ in range(chosen.rounds):
        for way, (size, count) in ways.items():
            found[way].append(taken(size, count, chosen.epochs))
    for way, (size, count) in ways.items():
        seconds, speed = (statistics.median(values) for values in zip(*found[way], strict=True))
        print(f"{way}: {seconds:.1f} s, {speed:,.0f} examples/s together ({size} at once, {count} threads)")
    medians = {way: statistics.median(seconds for seconds, _ in some) for way, some in found.items()}
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"speed at once: {medians['in turn'] / medians['at once']:.2f} of that in turn, on {cores} cores")
    print(f"load of the machine: {load}")


if __name__ == "__main__":
    main()
