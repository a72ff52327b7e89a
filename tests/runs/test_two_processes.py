"""Two processes at one run: one writes, others read along; and which lines about batches are kept."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import helpers
from tuiml.runs import writer
from tuiml.runs.errors import RunError
from tuiml.runs.folder import METRICS, RunFolder
from tuiml.runs.metrics import MOST_LINE
from tuiml.runs.tail import Tail
from tuiml.runs.thinning import Thinner
from tuiml.runs.writer import is_held

OPENINGS = 50

HOLDER = """
import sys
from pathlib import Path
from tuiml.runs.folder import RunFolder
held = [RunFolder.reopen(Path(path)) for path in sys.argv[1:]]
print("held", flush=True)
sys.stdin.read()
"""


# -- the lock ----------------------------------------------------------------------------------------------


@pytest.fixture
def holder() -> Iterator[Any]:
    """Starts another process that opens runs to write to them."""
    started: list[subprocess.Popen[str]] = []

    def start(*paths: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, *map(str, paths)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def made(name: str) -> Path:
    """The folder of a run that nobody writes to."""
    new = RunFolder.create(helpers.preset(), name)
    new.close()
    return new.path


def test_of_fifty_double_openings_fifty_are_refused_and_a_killed_writer_leaves_no_lock(
    holder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer.time, "sleep", lambda _: None)  # patience with those who only ask
    paths = [made(f"run {i}") for i in range(OPENINGS)]
    process = holder(*paths)
    refused = 0
    for path in paths:
        with pytest.raises(RunError, match="is going on in another process"):
            RunFolder.reopen(path)
        refused += is_held(path) and writer.writer_of(path) == f"process {process.pid}"
    assert refused == OPENINGS
    process.kill()
    process.wait()
    for path in paths:
        assert (path / writer.WRITER).exists(), "it had no time to take it back"
        assert writer.writer_of(path) is None
        RunFolder.reopen(path).close()
        assert not (path / writer.WRITER).exists()


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (None, "another process"),
        (b"", "another process"),
        (b"[" * 5000, "another process"),
        (b'{"pid": "1", "host": "x"}', "another process"),
        (b'{"pid": true, "host": "x"}', "another process"),
        (b'{"pid": 99999999999, "host": "x"}', "another process"),
        (b'{"pid": 12, "host": "far\\u001b[31m away"}', "process 12 on far�[31m away"),
    ],
)
def test_a_writer_is_believed_only_as_far_as_it_can_be(left: bytes | None, words: str) -> None:
    held = RunFolder.create(helpers.preset(), "held")
    sign = held.path / writer.WRITER
    sign.unlink()
    if left is not None:
        sign.write_bytes(left)
    assert writer.writer_of(held.path) == words
    held.close()
    assert writer.writer_of(held.path) is None


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_nothing_is_written_where_a_strangers_sign_leads_to(tmp_path: Path, kind: str) -> None:
    path, victim = made("strange"), tmp_path / "victim"
    victim.write_text("mine")
    sign = path / writer.WRITER
    {"pipe": os.mkfifo, "link": lambda p: p.symlink_to(victim), "folder": os.mkdir}[kind](sign)
    held = RunFolder.reopen(path)
    assert writer.writer_of(path) in (f"process {os.getpid()}", "another process")
    held.close()
    assert victim.read_text() == "mine"


def test_the_process_of_a_stale_sign_is_not_named(holder: Any) -> None:
    path = made("a")
    gone = holder(path)
    gone.kill()
    gone.wait()
    stale = (path / writer.WRITER).read_text()
    with_lock = RunFolder.reopen(path)
    (path / writer.WRITER).write_text(stale)  # as if the disk had refused the new one
    assert writer.writer_of(path) == "another process"
    with_lock.close()


# -- reading what is being written -------------------------------------------------------------------------


def test_lines_are_reported_once_and_whole_however_they_come(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "text": "é" * (n % 7)}) for n in range(300)]
    data = "".join(line + "\n" for line in lines).encode()
    tail, rng, found, at = Tail(tmp_path), random.Random(0), [], 0
    with (tmp_path / METRICS).open("ab", buffering=0) as file:
        while at < len(data):
            at += file.write(data[at : at + rng.randrange(1, 60)])
            assert tail.changed()
            assert not tail.restarted()
            found += tail.read()
            assert not tail.changed()
    assert [line.decode() for line in found] == lines


def test_a_file_that_was_cut_and_written_on_is_another_one(tmp_path: Path) -> None:
    """A run that goes on cuts the lines after its checkpoint; soon the file is longer than it was."""
    file, tail = tmp_path / METRICS, Tail(tmp_path)
    file.write_text('{"n": 1}\n{"n": 2}\n')
    assert len(tail.read()) == 2
    with file.open("r+") as again:
        again.truncate(9)
        again.seek(9)
        again.write('{"n": 3}\n{"n": 4}\n')
    assert tail.restarted()
    tail.restart()
    assert tail.read() == [b'{"n": 1}', b'{"n": 3}', b'{"n": 4}']


def test_a_file_that_was_replaced_is_another_one(tmp_path: Path) -> None:
    file, tail = tmp_path / METRICS, Tail(tmp_path)
    file.write_text('{"n": 1}\n{"n": 2}\n')
    tail.read()
    (tmp_path / "new").write_text('{"n": 1}\n{"n": 5}\n')
    os.replace(tmp_path / "new", file)
    assert tail.restarted()
    tail.restart()
    assert tail.read() == [b'{"n": 1}', b'{"n": 5}']
    file.unlink()
    with pytest.raises(FileNotFoundError):
        tail.changed()


def test_a_tail_begins_at_the_end_where_that_is_asked(tmp_path: Path) -> None:
    file, tail = tmp_path / METRICS, Tail(tmp_path)
    file.write_text("old\n")
    tail.to_end()
    assert not tail.changed()
    with file.open("a") as more:
        more.write("new\n")
    assert not tail.restarted()
    assert tail.read() == [b"new"]


def test_what_is_no_file_is_refused_and_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    tail = Tail(tmp_path)
    os.mkfifo(tmp_path / METRICS)
    with pytest.raises(OSError, match="not an ordinary file"):
        tail.read()
    (tmp_path / METRICS).unlink()
    with (tmp_path / METRICS).open("wb") as file:
        file.write(b"x" * (MOST_LINE + 5) + b"\n" + b"short\n")
    lines = []
    while more := tail.read():
        lines += more
    assert lines[-1] == b"short"


# -- which lines about batches are kept --------------------------------------------------------------------


def batch(epoch: int, step: int, seconds: float, loss: float | None = 1.0) -> dict[str, Any]:
    return {
        "event": "batch", "epoch": epoch, "step": step, "seconds": seconds,
        "train_loss": loss, "train_accuracy": 0.5,
    }  # fmt: skip


def test_the_first_seconds_are_kept_as_they_were() -> None:
    thinner = Thinner()
    reported = [batch(1, 10 * n, 0.11 * n) for n in range(1, 180)]
    assert [line for one in reported for line in thinner.take(one)] == reported


def test_a_day_of_training_is_a_few_thousand_lines() -> None:
    thinner = Thinner()
    kept = [line for n in range(1, 864_000) for line in thinner.take(batch(1, n, 0.1 * n))]
    assert 500 < len(kept) < 2000
    late = [(a["seconds"], b["seconds"]) for a, b in pairwise(kept) if a["seconds"] > 20]
    assert max((b - a) / a for a, b in late) < 0.01, "less than a chart can show"


def test_a_line_that_is_kept_is_the_mean_of_what_was_not() -> None:
    thinner = Thinner()
    kept, losses = [], {}
    rng = random.Random(1)
    for n in range(1, 4000):
        losses[n] = rng.random()
        kept += thinner.take(batch(1, n, 1.0 * n, losses[n]))
    before = 0
    for line in kept:
        part = [losses[n] for n in range(before + 1, line["step"] + 1)]
        assert line["train_loss"] == pytest.approx(sum(part) / len(part))
        before = line["step"]


def test_the_end_of_an_epoch_and_a_pause_report_what_waits() -> None:
    thinner = Thinner()
    assert len(thinner.take(batch(1, 10, 1000.0))) == 1
    assert thinner.take(batch(1, 20, 1000.1)) == []
    epoch = {"event": "epoch", "epoch": 1, "step": 30}
    assert [line["event"] for line in thinner.take(epoch)] == ["batch", "epoch"]
    assert thinner.take(batch(2, 40, 1000.2)) == []
    whole = {"event": "epoch", "epoch": 2, "step": 60}  # nothing of it was written: its own mean says it all
    assert thinner.take(whole) == [whole]
    assert thinner.take(batch(3, 70, 1000.3)) == []
    state = {"event": "state", "state": "paused", "step": 70}
    assert [line["event"] for line in thinner.take(state)] == ["batch", "state"]


def test_a_run_that_goes_back_is_told_from_there() -> None:
    thinner = Thinner()
    thinner.take(batch(3, 500, 900.0))
    assert thinner.take(batch(1, 20, 30.0)) == [batch(1, 20, 30.0)]


def test_a_loss_that_is_not_finite_stays_so() -> None:
    thinner = Thinner()
    thinner.take(batch(1, 10, 1000.0))
    thinner.take(batch(1, 20, 1000.1, None))
    (kept,) = thinner.take(batch(1, 30, 1010.0))
    assert kept["train_loss"] is None
    assert not math.isnan(kept["train_accuracy"])
