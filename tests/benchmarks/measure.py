"""One engine in a process of its own: ``python -m tests.benchmarks.measure ENGINE THREADS SECONDS KEY…``.

Prints one JSON object a line: a workload's seconds for each way, with those of the bare products beside
which they were measured; and the versions of what was used.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", str(os.cpu_count()))  # as many as setter() may ask for

from tests.benchmarks import blas
from tests.benchmarks.timing import Way, medians
from tests.benchmarks.workloads import WORKLOADS, Workload, products

ENGINES = {
    "ours": "tests.benchmarks.ours",
    "mlx": "tests.benchmarks.ours_mlx",
    "torch": "tests.benchmarks.peer_torch",
    "jax": "tests.benchmarks.peer_jax",
    "sklearn": "tests.benchmarks.peer_sklearn",
    "keras": "tests.benchmarks.peer_keras",
}
PRODUCTS, BUSY = "bare products", "busy"


def measure(engine: str, work: Workload, count: int, seconds: float) -> dict[str, float]:
    """Seconds of a step of each way of an engine, and of the products alone on ``count`` threads."""
    set_threads = blas.setter() or (lambda _: None)
    module = importlib.import_module(ENGINES[engine])
    library = count if engine == "sklearn" else 1  # the others bring threads of their own
    set_threads(library)  # before the first steps of ours, which begin to judge how to share the work
    ways: list[Way] = module.ways(work, count)
    for way in ways:
        way.before = lambda: set_threads(library)
        way.spins = count > 1 and engine != "ours"
    bare = Way(PRODUCTS, products(work), lambda: set_threads(count), count > 1)
    return medians([bare, *ways], seconds)


def main(arguments: list[str]) -> None:
    engine, count, seconds, *keys = arguments
    if count == "1" and engine in ("jax", "keras") and hasattr(os, "sched_setaffinity"):
        # XLA takes its number of threads from the processors it may run on
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for work in WORKLOADS:
        if work.key in keys:
            found = measure(engine, work, int(count), float(seconds))
            print(json.dumps({"workload": work.key, "seconds": found}), flush=True)
    print(json.dumps({"versions": importlib.import_module(ENGINES[engine]).versions()}), flush=True)
    if engine == "ours" and int(count) > 1 and "W1" in keys:
        from tests.benchmarks.ours import busy

        (blas.setter() or (lambda _: None))(1)
        print(json.dumps({BUSY: busy(WORKLOADS[0], int(count), float(seconds))}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
