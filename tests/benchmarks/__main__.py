"""A training step against the bare matrix products it cannot do without, and against other libraries.

Every engine runs in a process of its own, one after the other, and takes turns there with the products alone:
those of the forward pass, of every weight gradient, and of every input gradient but the first layer's, by
``np.matmul(out=)``. What else the machine does falls on both; the ratio of the medians is what counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import memory
from tests.benchmarks.measure import BUSY, PRODUCTS
from tests.benchmarks.workloads import LARGE, WORKLOADS

PEERS = {
    "torch": ("torch", "PyTorch"),
    "jax": ("jax", "JAX"),
    "keras": ("keras", "Keras"),
    "sklearn": ("sklearn", "scikit-learn"),
}
"""What must be importable for an engine of :mod:`tests.benchmarks.measure`, and its name."""
Found = dict[str, Any]


def main() -> None:
    chosen = _parser().parse_args()
    count = os.cpu_count() or 1
    keys = chosen.workloads or [work.key for work in WORKLOADS if chosen.mlx or work is not LARGE]
    found: Found = {"machine": machine(), "threads": {}, "versions": {"Python": platform.python_version()}}
    if chosen.mlx:
        found["mlx"] = _taken("mlx", count, chosen.seconds, keys, found)
    else:
        engines = ["ours", *(_present() if chosen.peers else [])]
        for threads in chosen.threads or sorted({1, count}):
            rows: dict[str, Found] = {}
            for engine in engines:
                for key, ratios in _taken(engine, threads, chosen.seconds, keys, found).items():
                    rows.setdefault(key, {}).update(ratios)
            found["threads"][str(threads)] = rows
    if chosen.memory:
        found["memory MB"], found["memory"] = memory.peak()
    if chosen.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print("\n".join(report(found)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--peers", action="store_true", help="other libraries too: pip install -e '.[bench]'")
    parser.add_argument("--mlx", action="store_true", help="only the MLX engine, beside an MLX loop by hand")
    parser.add_argument("--memory", action="store_true", help="the most memory taken on all of MNIST too")
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring for each figure (default 3)")
    help_ = "only with so many (default: with one, and with one a processor)"
    parser.add_argument("--threads", type=int, action="append", metavar="N", help=help_)
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    help_ = ", ".join(f"{work.key}: {work.name}" for work in WORKLOADS)
    parser.add_argument("workloads", nargs="*", type=_workload, metavar="WORKLOAD", help=help_)
    return parser


def _workload(word: str) -> str:
    names = [work.key for work in WORKLOADS]
    if word not in names:
        raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(names)}")
    return word


def _present() -> Iterator[str]:
    """The peers that are installed; a line for each that is not."""
    for engine, (module, name) in PEERS.items():
        if importlib.util.find_spec(module):
            yield engine
        else:
            print(f"{name} is not installed, so left out: pip install -e '.[bench]'", file=sys.stderr)


def _taken(engine: str, threads: int, seconds: float, keys: list[str], found: Found) -> dict[str, Found]:
    """Each workload's seconds of the bare products, and each way's multiple of them."""
    print(f"{engine}, {threads} thread(s) …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "tests.benchmarks.measure", engine, str(threads), str(seconds), *keys]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{engine} failed, so left out (see above)", file=sys.stderr)
        return {}
    rows: dict[str, Found] = {}
    for line in map(json.loads, done.stdout.splitlines()):
        if "workload" in line:
            times = line["seconds"]
            bare = times.pop(PRODUCTS)
            ratios = {name: value / bare for name, value in times.items()}
            rows[line["workload"]] = ({"µs": bare * 1e6} if engine in ("ours", "mlx") else {}) | ratios
        found["versions"] |= line.get("versions", {})
        if BUSY in line:
            found[BUSY] = line[BUSY]
    return rows


def machine() -> str:
    """The processor's name and number of cores, and the system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        name = named[0].partition(":")[2].strip() if named else name
    return f"{name}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"


def report(found: Found) -> Iterator[str]:
    """Everything as Markdown."""
    yield f"{found['machine']}; " + ", ".join(f"{k} {v}" for k, v in found["versions"].items())
    for threads, rows in found["threads"].items():
        yield f"\n{threads} thread(s): time of a step over the bare matrix products\n"
        yield from table(rows)
    if "mlx" in found:
        yield "\nMLX: time of a step over NumPy's bare matrix products\n"
        yield from table(found["mlx"])
    if BUSY in found:
        yield f"\nW1 with another process busy on one core: a step takes {found[BUSY]:.2f} times as long"
    if "memory MB" in found:
        peak = found["memory MB"]
        yield f"\nmemory on all of MNIST: {f'{peak:.0f} MB' if peak else found['memory']}"


def table(rows: dict[str, Found]) -> Iterator[str]:
    """A row for each workload, a column for each way."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row if name != "µs"))
    yield "| workload | products, µs | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for work in WORKLOADS:
        if work.key in rows:
            row = rows[work.key]
            figures = [f"{row[name]:.2f}" if name in row else "–" for name in names]
            yield f"| {work.key} {work.name} | {row.get('µs', 0):.0f} | " + " | ".join(figures) + " |"


if __name__ == "__main__":
    main()
