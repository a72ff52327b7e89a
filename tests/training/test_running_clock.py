"""The clock of training does not count the time in which the process was stopped."""

import os
import signal
import subprocess
import time

import pytest

from tuiml.training.running_clock import LONG, RunningClock


@pytest.mark.parametrize(
    ("passed", "used", "counted"), [(100.0, 0.001, 0.001), (100.0, 50.0, 100.0), (1.0, 0.0, 1.0)]
)
def test_only_a_long_time_without_any_work_is_left_out(passed: float, used: float, counted: float) -> None:
    times = iter([(0.0, 0.0), (5.0, 5.0), (5.0 + passed, 5.0 + used)])
    now = [next(times)]
    clock = RunningClock(lambda: now[0][0], lambda: now[0][1])
    now[0] = next(times)
    before = clock()
    now[0] = next(times)
    assert clock() - before == pytest.approx(counted)


def test_a_process_that_is_stopped_counts_none_of_it() -> None:
    clock, began = RunningClock(), time.perf_counter()
    waker = subprocess.Popen(["sh", "-c", f"sleep {LONG + 0.5}; kill -CONT {os.getpid()}"])
    before = clock()
    os.kill(os.getpid(), signal.SIGSTOP)
    assert clock() - before < 1
    assert time.perf_counter() - began > LONG
    assert waker.wait() == 0
