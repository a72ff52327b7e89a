"""Worker processes: one after another trial, several at once, and what happens when they end."""

import os
import signal

import pytest

from tests.studies.running import study
from tuiml.runs import library, threads
from tuiml.studies.pool import Job, LocalPool, trials_at_once
from tuiml.studies.trials import grid, trials_of
from tuiml.studies.worker import message_of


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setenv("TUIML_FAST", "0")
    found = LocalPool(1, 1)
    yield found
    found.close()


def jobs(folder, **rest):
    chosen = study(**rest)
    trials = [trial for one in grid(chosen) for trial in trials_of(chosen, one)]
    return [Job(folder, trial.folder, dict(trial.document), "numpy", 1) for trial in trials]


def heard(pool, until):
    """Lines until one whose event is among ``until``."""
    found = []
    while not found or found[-1]["event"] not in until:
        found += [line for _, line in pool.lines(1.0)]
    return found


def test_one_process_trains_one_trial_after_the_other_and_stops_and_goes_on(pool, tmp_path):
    first, second, *_ = jobs(tmp_path, epochs=2000)
    pool.start(first)
    heard(pool, ("epoch",))
    pool.order(first.trial, "stop")
    assert heard(pool, ("done", "failed"))[-1]["event"] == "done"
    assert library.summary(tmp_path / first.trial).reason == "stopped"
    process = pool._processes[0].popen.pid
    pool.start(Job(tmp_path, second.trial, second.document, "numpy", 1, until_epoch=2))
    lines = heard(pool, ("done", "failed"))
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2]
    assert pool._processes[0].popen.pid == process
    done = library.summary(tmp_path / first.trial).epochs
    pool.start(Job(tmp_path, first.trial, first.document, "numpy", 1, until_epoch=done + 1))
    lines = heard(pool, ("done", "failed"))
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [done + 1]
    wrong = Job(tmp_path, "other", {**second.document, "layers": []}, "numpy", 1)
    pool.start(wrong)
    assert "layers" in heard(pool, ("done", "failed"))[-1]["message"]
    assert not (tmp_path / "other").exists()


def test_a_trial_is_stopped_whose_process_has_yet_to_start(pool, tmp_path):
    (first, *_) = jobs(tmp_path, epochs=100_000)
    pool.start(first)
    pool.order(first.trial, "stop")
    lines = heard(pool, ("done", "failed"))
    assert not any(line["event"] == "epoch" for line in lines)


def test_a_trial_whose_process_is_killed_again_and_again_fails(pool, tmp_path):
    pool.start(jobs(tmp_path, epochs=100_000)[0])
    lines = []
    while not lines or lines[-1]["event"] != "failed":
        lines += heard(pool, ("start", "failed"))
        if lines[-1]["event"] == "start":
            os.kill(pool._processes[0].popen.pid, signal.SIGKILL)
    assert "was killed" in lines[-1]["message"]
    assert sum(line["event"] == "start" for line in lines) == 3


def test_a_process_that_cannot_begin_says_why(pool, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "pydantic.py").write_text("raise ImportError('this pydantic is broken')")
    pool.start(jobs(tmp_path)[0])
    assert "this pydantic is broken" in heard(pool, ("failed",))[-1]["message"]


def test_training_threads_are_divided_among_the_trials(monkeypatch):
    monkeypatch.setattr(threads, "cores", lambda: 8)
    assert trials_at_once(None, "cpu", None) == (8, 1)
    assert trials_at_once(2, "cpu", None) == (2, 4)
    assert trials_at_once(1, "cpu", None) == (1, threads.MOST)
    assert trials_at_once(100, "cpu", None) == (100, 1)
    assert trials_at_once(None, "Apple M5", None) == (1, threads.MOST)
    assert trials_at_once(None, "cpu", 4) == (2, 4)  # settled at the first start
    assert trials_at_once(5, "cpu", 4) == (5, 4)


def test_messages_are_one_line_without_control_characters():
    assert message_of(ValueError("a\x1b[31m\nb")).count("\n") == 0
    assert "\x1b" not in message_of(ValueError("a\x1b[31m"))
    assert message_of(MemoryError()) == "memory ran out"
    assert message_of(OSError(28, "No space left on device", "/x")) == "/x: No space left on device"
