"""The speed that a loop of one's own keeps under ``tuiml.watch``: ``python -m tests.benchmarks.watch``.

Two copies of a loop differ by several percent on some machines, whatever is done to them, for their memory
lies elsewhere. So one loop is measured, in short blocks that are watched or not, by turns: a step that is not
reported to the run costs nothing, for hooks are there in a measured step only. The run's clock stands still
in blocks that are not watched, so that it takes its part of the watched time alone.

A turn has a watched block and two that are not, in changing order; the second of those is the control, which
shows how exact all this is. Speeds are the steps of all blocks over their seconds: snapshots fall into few of
them. In brackets is the interval of 95 % (bootstrap over the turns). The median is that of the turns: what is
lost between snapshots.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from tests.benchmarks.watched_loops import LOOPS, Loop

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
WANTED = 98.0
"""Percent of the speed."""
AFTER = 5
"""Calls of the loop's step after a snapshot that belong to the same block: they find cold caches."""
KINDS = ("watched", "plain", "control")


class Clock:
    """Seconds of the watched blocks alone."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.began: float | None = None

    def __call__(self) -> float:
        return self.passed + (time.perf_counter() - self.began if self.began is not None else 0.0)

    def stop(self) -> None:
        self.passed, self.began = self(), None


def block(loop: Loop, clock: Clock, watched: bool, seconds: float) -> tuple[float, ...]:
    """Train for so long: steps, seconds, the processor's seconds, and whether a step was measured."""
    calls, measured, busy, began = 0, -AFTER, time.process_time(), time.perf_counter()
    if watched:
        clock.began = began
    while time.perf_counter() - began < seconds or calls - measured < AFTER:
        loop.train(watched)
        calls += 1
        if watched and loop.run._armed:
            measured = calls
    loop.finish()
    taken = time.perf_counter() - began
    busy = time.process_time() - busy
    if watched:
        clock.stop()
    return calls * loop.steps, taken, busy, measured > 0


def turns_of(loop: Loop, clock: Clock, seconds: float) -> np.ndarray:
    """Of every turn and kind of block what :func:`block` returns."""
    for watched in (False, True, True, False):
        block(loop, clock, watched, 1.0)
        loop.run._budget.due_at = 0.0  # the first snapshot has compiled: the next one need not wait for that
    turns, began = [], time.perf_counter()
    orders = itertools.cycle(itertools.permutations(range(len(KINDS))))
    while time.perf_counter() - began < seconds:
        found = {kind: block(loop, clock, kind == 0, loop.block) for kind in next(orders)}
        turns.append([found[kind] for kind in range(len(KINDS))])
    return np.array(turns)


def drawn(turns: np.ndarray, times: int = 4000) -> np.ndarray:
    """Sums of turns that are drawn again and again: as many with a snapshot as there were, for these come at
    even intervals, not at random."""
    make = np.random.default_rng(0)
    found = np.zeros((times, *turns.shape[1:]))
    for measured in (True, False):
        part = turns[(turns[:, 0, 3] > 0) == measured]
        if len(part):
            counts = make.multinomial(len(part), np.full(len(part), 1 / len(part)), times)
            found += np.tensordot(counts, part, 1)
    return found


def speeds(sums: np.ndarray, of: int) -> tuple[np.ndarray, np.ndarray]:
    """Percent of the speed that the watched blocks and the control keep, by seconds of a kind."""
    watched, plain, control = (sums[..., kind, :] for kind in range(len(KINDS)))
    both = plain + control
    kept = watched[..., 0] / watched[..., of] / (both[..., 0] / both[..., of])
    same = control[..., 0] / control[..., of] / (plain[..., 0] / plain[..., of])
    return 100 * kept, 100 * same


def row(name: str, seconds: float) -> str:
    clock = Clock()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TUIML_HOME"] = home
        loop = LOOPS[name][0](clock)
        turns = turns_of(loop, clock, seconds)
        loop.run.close()
    again, cells = drawn(turns), []
    for of in (1, 2):
        for whole, part in zip(speeds(turns.sum(0), of), speeds(again, of), strict=True):
            low, high = np.percentile(part, (2.5, 97.5))
            cells.append((whole, low, high))
    _, low, high = cells[0]
    answer = "yes" if low >= WANTED else "no" if high < WANTED else "open"
    plain = turns[:, 1:].sum((0, 1))
    texts = [f"{whole:6.2f} ({low:6.2f} to {high:6.2f})" for whole, low, high in cells]
    middle = np.median(speeds(turns, 1)[0])
    step, snapshots = 1e3 * plain[1] / plain[0], int(turns[:, 0, 3].sum())
    return f"{name:17} {step:8.3f}  {'  '.join(texts)}  {middle:6.2f}  {snapshots:9}  {answer}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.watch", description=__doc__)
    parser.add_argument("loops", nargs="*", default=list(LOOPS), help=f"default: all of {', '.join(LOOPS)}")
    parser.add_argument("--seconds", type=float, default=36.0, help="of each loop (default: 36)")
    parser.add_argument("--row", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.row:
        print(row(chosen.loops[0], chosen.seconds))
        return
    kinds = ("watched, %", "control, %", "watched, processor, %", "control, processor, %")
    titles = "  ".join(f"{kind:25}" for kind in kinds)
    print(f"{'loop':17} {'step, ms':>8}  {titles}  median  snapshots  98 %?", flush=True)
    for name in chosen.loops:
        command = [sys.executable, "-m", "tests.benchmarks.watch", name, "--row"]
        command += ["--seconds", str(chosen.seconds)]
        subprocess.run(command, env=os.environ | ENVIRONMENT | LOOPS[name][1])


if __name__ == "__main__":
    main()
