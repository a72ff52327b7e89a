"""Cost of snapshots: ``python -m tests.benchmarks.pictures [SECONDS [KEY…]]``.

Two trainers of the same network in one process, one observed at the app's pace and one not, take turns of
some tenths of a second; it prints the median ratio of the time of a step, and the time of one snapshot.
"""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from tests.benchmarks.workloads import WORKLOADS, Workload, data, preset_of
from tests.helpers import trainer_of
from tuiml.backends.numpy_backend import NumpyEngine
from tuiml.spec.check import network_of
from tuiml.training.events import Event, Progress, Snapshot
from tuiml.training.run_control import RunControl
from tuiml.training.statistics_tracker import StatisticsTracker

TURN = 0.5
"""Seconds of a turn: long beside the time between two snapshots."""


def main(arguments: list[str]) -> None:
    seconds = float(arguments[0]) if arguments else 20.0
    for work in WORKLOADS:
        if not arguments[1:] or work.key in arguments[1:]:
            print(f"{work.key}  {work.name}", flush=True)
            print(f"    {compared(work, seconds)}", flush=True)
            print(f"    {one_snapshot(work)}", flush=True)


def compared(work: Workload, seconds: float) -> str:
    """How much longer a step takes where somebody watches."""
    plain, observed = Turns(work, observed=False), Turns(work, observed=True)
    for turns in (plain, observed):
        turns.take(TURN)
    before = observed.seen()
    gc.disable()
    ratios = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        one, other = plain.take(TURN), observed.take(TURN)
        ratios.append(other / one)
        other, one = observed.take(TURN), plain.take(TURN)
        ratios.append(other / one)
    gc.enable()
    took, spent, count = (now - then for now, then in zip(observed.seen(), before, strict=True))
    rate, fraction = count / took, spent / took
    ratio = statistics.median(ratios)
    return f"observed / not: {ratio:.4f}; {rate:.1f} snapshots a second, {100 * fraction:.2f} % of the time"


class Turns:
    """A run without end that is trained a while, then waits."""

    def __init__(self, work: Workload, *, observed: bool) -> None:
        preset = preset_of(work)
        preset = preset.model_copy(update={"training": preset.training.model_copy(update={"epochs": 10**6})})
        network, examples = network_of(preset), data(work)
        engine = NumpyEngine(network, preset.training.optimizer, examples, 0)
        control = RunControl()
        control.observe(observed)  # both report their progress, from which the curves are drawn
        self.trainer = trainer_of(preset, network, examples, engine, control, live=True)
        self.count, self.took = 0, 0.0
        self._events: Iterator[Event] = self.trainer.events()

    def seen(self) -> tuple[float, float, int]:
        """Seconds of all turns, seconds of them for snapshots, and how many those were."""
        return self.took, self.trainer.snapshots.spent, self.count

    def take(self, seconds: float) -> float:
        """Train for some seconds; how long a step took."""
        began, first = time.perf_counter(), self.trainer.engine.step_number
        for event in self._events:
            self.count += isinstance(event, Snapshot)
            event.to_json()
            if isinstance(event, Progress | Snapshot) and time.perf_counter() >= began + seconds:
                break
        took = time.perf_counter() - began
        self.took += took
        return took / (self.trainer.engine.step_number - first)


def one_snapshot(work: Workload) -> str:
    """Milliseconds of one snapshot, and of the step before it beside any other."""
    preset = preset_of(work)
    network, examples = network_of(preset), data(work)
    engine = NumpyEngine(network, preset.training.optimizer, examples, 0)
    tracker, rows = StatisticsTracker(network), np.arange(preset.training.batch_size)
    plain, observed, copy, snapshots = [], [], [], []
    for _ in range(60):
        plain.append(timed(lambda: engine.step(rows, 1e-3)))
        copy.append(timed(lambda: engine.observe_next_step(len(rows))))
        observed.append(timed(lambda: engine.step(rows, 1e-3)))
        snapshots.append(timed(lambda: tracker.snapshot(engine.views())))
    found = {"a step": plain, "to observe": copy, "an observed step": observed, "a snapshot": snapshots}
    return ", ".join(f"{name} {1000 * statistics.median(took[5:]):.2f} ms" for name, took in found.items())


def timed(task: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1:])
