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

from tuiml.runs import threads
from tuiml.studies.pool import Job, LocalPool

TRIALS = 4
WORK = {"small batches, which one thread trains": (200, 32), "large batches, which are split": (400, 128)}
"""Units of each layer, and the batch size."""


def document(number: int, work: str, epochs: int) -> dict[str, Any]:
    """The preset of a trial: three layers on the bundled digits."""
    units, batch = WORK[work]
    hidden = [{"type": "dense", "units": units, "activation": "relu", "initializer": "he_normal"}] * 3
    return {
        "version": 1,
        "name": f"trial {number}",
        "data": {"name": "digits"},
        "layers": [{"type": "flatten"}, *hidden, {"type": "dense", "activation": "softmax"}],
        "training": {"learning_rate": 0.01, "batch_size": batch, "epochs": epochs, "seed": number},
    }


def taken(work: str, size: int, count: int, epochs: int) -> float:
    """Seconds to train all trials, ``size`` at once with ``count`` threads each."""
    with tempfile.TemporaryDirectory() as name:
        folder, pool = Path(name), LocalPool(size, count)
        documents = [document(number, work, epochs) for number in range(TRIALS)]
        waiting = [Job(folder, f"trial-{n}", one, "numpy", count) for n, one in enumerate(documents)]
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
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    cores = threads.cores()
    ways = {"in turn": (1, min(threads.MOST, cores)), "at once": (TRIALS, 1)}
    for work in WORK:
        for size, count in ways.values():
            taken(work, size, count, 1)  # compiles what is compiled once
        found: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(chosen.rounds):
            for way, (size, count) in ways.items():
                found[way].append(taken(work, size, count, chosen.epochs))
        in_turn, at_once = (statistics.median(found[way]) for way in ways)
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"{work}: in turn {in_turn:.1f} s, four at once {at_once:.1f} s on {cores} cores;")
        print(f"  speed at once {in_turn / at_once:.2f} of that in turn (load {load})", flush=True)


if __name__ == "__main__":
    main()
