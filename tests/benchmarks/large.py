"""Long runs and many of them: ``python -m tests.benchmarks.large``.

A home folder is made of what the real recorder wrote: 500 runs with tags, own presets, one run of
10,000 epochs, and one of a million, the most that a preset may have, with the snapshots of an hour.
Then each command, and the app in a pseudo-terminal, is timed twice: with nothing read before, and again.
Seconds of wall time and of the processors, and the most memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.app import Session, app, used
from tuiml.spec import dumps
from tuiml.spec.library import bundled, read

RUNS = 500
LONG, MILLION, SHORT = "long-10k", "million", "short"
EPOCHS = 1_000_000
HOUR = 3600.0
SIZE = (120, 40)
DOWN = "\x1b[B"
LIMIT = 120.0


class Taken(NamedTuple):
    """What one thing took."""

    wall: float
    processor: float
    megabytes: float


# -- the folders ------------------------------------------------------------------------------------------


def make(home: Path, epochs: int) -> None:
    """Fill a home folder."""
    _train(home, SHORT, "digits-quickstart", 30)
    _train(home, LONG, "overfit-moons", 10_000)
    _million(home / "runs" / LONG, home / "runs" / MILLION, epochs)
    for number in range(RUNS):
        _copy(home / "runs" / SHORT, home / "runs" / f"sweep-{number:03}", number)
    (home / "presets").mkdir()
    for file in bundled():
        (home / "presets" / f"my-{file.path.name}").write_text(
            dumps(file.document() | {"name": f"my-{file.name}"}), encoding="utf-8"
        )


def _train(home: Path, name: str, preset: str, epochs: int) -> None:
    command = ["train", preset, "--run", name, "--quiet", "--set", f"training.epochs={epochs}"]
    taken(home, *command)


def _copy(source: Path, target: Path, number: int) -> None:
    """A run like another, of other settings, every fifth one stopped."""
    target.mkdir(parents=True)
    document = read(source / "preset.toml")
    document["training"] |= {
        "learning_rate": round(0.001 * 1.01**number, 5),
        "optimizer": ("sgd", "adam", "rmsprop")[number % 3],
    }
    (target / "preset.toml").write_text(dumps(document), encoding="utf-8")
    if number % 7 == 0:
        (target / "tags.txt").write_text("best\n", encoding="utf-8")
    lines = []
    for text in (source / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["event"] == "start":
            line["time"] = f"2025-{1 + number % 12:02}-{1 + number % 28:02}T10:{number % 60:02}:00+00:00"
        if line["event"] == "epoch":
            line["val_loss"] *= 1 + number / RUNS
        if line["event"] == "end" and number % 5 == 0:
            line["reason"] = "stopped"
        lines.append(json.dumps(line))
    (target / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _million(source: Path, target: Path, epochs: int) -> None:
    """A run of very many epochs: the lines of another one again and again, with new numbers."""
    shutil.copytree(source, target)
    lines = [json.loads(text) for text in (source / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    done = [line for line in lines if line["event"] == "epoch"]
    snapshot = next(line for line in lines if line["event"] == "snapshot")
    start, end, batches = lines[0], lines[-1], done[0]["step"]
    each, due = HOUR / epochs, 0.0
    with (target / "metrics.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps(start | {"epochs": epochs, "steps": epochs * batches}) + "\n")
        for epoch in range(1, epochs + 1):
            at = {"epoch": epoch, "step": epoch * batches}
            line = done[epoch % len(done)] | at | {"seconds": epoch * each}
            line["val_loss"] = 1 + line["val_loss"] / epoch**0.25
            file.write(json.dumps(line) + "\n")
            if epoch * each >= due:
                due = epoch * each + max(1.0, epoch * each / 500)
                file.write(json.dumps(snapshot | at) + "\n")
        last = {"epochs": epochs, "step": epochs * batches, "seconds": HOUR}
        file.write(json.dumps(end | last) + "\n")
    preset = read(target / "preset.toml")
    preset["training"]["epochs"] = epochs
    (target / "preset.toml").write_text(dumps(preset), encoding="utf-8")


# -- commands ---------------------------------------------------------------------------------------------


def taken(home: Path, *arguments: str) -> Taken:
    """A command of ``tuiml`` from its start to its end."""
    return _process(home, "-m", "tuiml", *arguments)


def _process(home: Path, *arguments: str) -> Taken:
    began = time.perf_counter()
    environment = {**os.environ, "TUIML_HOME": str(home), "TUIML_FAST": "0"}
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, use = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Taken(time.perf_counter() - began, use.ru_utime + use.ru_stime, use.ru_maxrss / unit)


# -- the app ----------------------------------------------------------------------------------------------


def peak(pid: int) -> float:
    """The most MB that a process had in memory so far; Linux only."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def _since(session: Session, began: float, before: float) -> Taken:
    return Taken(time.monotonic() - began, used(session.pid) - before, peak(session.pid))


def library(home: Path) -> Iterator[tuple[str, Taken]]:
    """From the key until the rows of the Library are drawn, and until the previews of the newest runs are."""
    with app(home, SIZE, "digits-quickstart") as session:
        session.until(b"flatten")
        session.rest(1.0)
        for name, key, shown in (
            ("Library: rows", "3", b"sweep-"),
            (f"Library: preview of {MILLION}", "", b"of training"),
            (f"Library: preview of {LONG}", DOWN, b"of training"),
            (f"Library: preview of {SHORT}", DOWN, b"of training"),
        ):
            began, before = time.monotonic(), used(session.pid)
            session.press(key)
            session.until(shown, LIMIT)
            yield name, _since(session, began, before)


def opened(home: Path, run: str) -> Iterator[tuple[str, Taken]]:
    """From exec until the curves of a run are drawn, and what was used until nothing more is read."""
    with app(home, SIZE, run) as session:
        session.until(b"best", LIMIT)
        yield f"open {run}", _since(session, session.began, 0.0)
        last, still = used(session.pid), 0
        while still < 3:
            session.rest(0.5)
            now = used(session.pid)
            still, last = still + 1 if now - last < 0.1 else 0, now
        yield f"open {run}: all read", _since(session, session.began, 0.0)


def everything(home: Path) -> Iterator[tuple[str, Taken]]:
    """What is timed, in turn."""
    for run in (SHORT, LONG, MILLION):
        yield from opened(home, run)
    yield "runs", taken(home, "runs")
    yield "runs 'adam lr<.01'", taken(home, "runs", "adam", "lr<.01")
    yield from library(home)
    yield "show", taken(home, "show", "digits-quickstart")
    yield f"compare {SHORT} sweep-001", taken(home, "compare", SHORT, "sweep-001")
    yield f"compare {MILLION} {LONG}", taken(home, "compare", MILLION, LONG)
    yield f"export {MILLION} --to csv", taken(home, "export", MILLION, "--to", "csv", "--force")
    yield "the end of the lines", _process(home, "-c", RESUMED.format(path=str(home / "runs" / MILLION)))
    planned = read(home / "runs" / LONG / "preset.toml")["training"]["epochs"]
    yield f"resume {LONG}", taken(home, "resume", LONG, "--quiet", "--set", f"training.epochs={planned + 1}")


RESUMED = """
from pathlib import Path
from tuiml.runs import last_session
from tuiml.runs.metrics import end_of
path = Path({path!r})
last_session.last_session(path)
size = (path / "metrics.jsonl").stat().st_size
assert end_of(path / "metrics.jsonl", 10**9, size, lambda line: False) == size
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.large", description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the folders here; those that are there are used")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of the longest run")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = chosen.home or Path(name) / "home"
        if not home.exists():
            make(home, chosen.epochs)
        for left in [home / "runs-index.json", *home.glob("cache/*")]:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        print(f"{'':32}{'s':>7} {'CPU s':>7} {'MB':>6}", flush=True)
        for turn in ("at first", "again"):
            print(turn)
            for name, found in everything(home):
                print(
                    f"  {name:30}{found.wall:7.2f} {found.processor:7.2f} {found.megabytes:6.0f}", flush=True
                )


if __name__ == "__main__":
    main()
