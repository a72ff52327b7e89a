"""Sessions in a real terminal in which processes are killed, and ones with two processes at one run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.helpers import document
from tests.tui.app.test_session import app
from tuiml.runs import checkpoints, folder, session
from tuiml.runs.writer import WRITER
from tuiml.spec import check, dumps


def written(path: Path, epochs: int) -> Path:
    """A preset of many small epochs in a file."""
    made = document(training={"epochs": epochs}, name="small")
    path.write_text(dumps(made))
    return path


def newest(run: Path) -> Path:
    """The file of a run's newest checkpoint."""
    return checkpoints.path_of(run, max(checkpoints.steps_in(run)))


def writer(run: Path) -> int:
    """The process that trains a run."""
    pid: int = json.loads((run / WRITER).read_text())["pid"]
    return pid


def test_killed_twice_a_run_goes_on_from_the_app_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the training process alone is killed, then everything."""
    home, epochs = tmp_path / "home", 8000
    preset = written(tmp_path / "small.toml", epochs)
    with app(home, str(preset), columns=80, lines=24) as t:
        t.wait("small")
        t.press("ctrl+r")
        t.wait(lambda text: "running" in text and re.search(r"epoch (?!1/)[\d,]+/", text))
        t.press("s")
        t.wait(lambda text: "stopped" in text and "g resume" in text)  # and saved
        (run,) = (home / "runs").iterdir()
        saved = max(checkpoints.steps_in(run))
        t.press("g")
        t.wait("running")
        os.kill(writer(run), signal.SIGKILL)
        t.wait("killed by signal 9 (SIGKILL)")
        said = " ".join(t.wait("g resumes it").split())
        assert re.search(r"its newest checkpoint is of epoch [\d,]+, step [\d,]+; g resumes it", said)
        t.press("g")
        t.wait("running")
        os.kill(writer(run), signal.SIGKILL)
        os.killpg(t.process.pid, signal.SIGKILL)
        t.wait_exit()
    assert saved > 0

    with app(home, columns=80, lines=24) as t:
        t.wait(lambda text: "interrupted at epoch" in text and "g resumes it" in text)
        assert f"of {epochs:,}, step" in t.text()
        t.press("g")
        t.wait(lambda text: "completed" in text and "test accuracy" in text, 120)
        t.press("ctrl+q")
        assert t.wait_exit() == 0

    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "other"))
    whole = check(document(training={"epochs": epochs}, name="small"))[0]
    assert whole is not None
    list(session.run(whole, name="whole"))
    ours, unkilled = load_file(newest(run)), load_file(newest(folder.runs_folder() / "whole"))
    assert newest(run).name == newest(folder.runs_folder() / "whole").name
    assert {name: values.tobytes() for name, values in ours.items()} == {
        name: values.tobytes() for name, values in unkilled.items()
    }
    lines = [json.loads(line) for line in (run / folder.METRICS).read_text().splitlines()]
    reported = [line["epoch"] for line in lines if line["event"] == "epoch"]
    assert reported == list(range(1, epochs + 1)), "each epoch once"
    steps = [line["step"] for line in lines if line["event"] == "batch"]
    assert steps == sorted(set(steps))


def test_a_second_terminal_follows_a_run_and_detaching_stops_nothing(tmp_path: Path) -> None:
    preset = written(tmp_path / "small.toml", 1_000_000)
    env = {**os.environ, "TUIML_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tuiml", "train", str(preset), "--run", "far"]
    trains = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        assert trains.stderr
        for line in trains.stderr:
            if line.startswith("epoch 2/"):
                break
        drain = subprocess.Popen(["cat"], stdin=trains.stderr, stdout=subprocess.DEVNULL)
        trains.stderr.close()

        def epoch(text: str) -> int:
            found = re.search(r"epoch ([\d,]+)/1,000,000", text)
            return int(found.group(1).replace(",", "")) if found else 0

        with app(tmp_path, "far", columns=80, lines=24) as t:
            t.wait(f"followed: trained by process {trains.pid}")
            first = epoch(t.wait(epoch))
            t.wait(lambda text: epoch(text) > first)
            t.press("s")
            t.wait("only followed here")
            t.press("ctrl+q")
            assert t.wait_exit() == 0
        assert trains.poll() is None

        with app(tmp_path) as t, app(tmp_path, columns=100, lines=30) as other:
            for terminal in (t, other):  # the run that was on the screen
                terminal.wait(f"followed: trained by process {trains.pid}")
            trains.send_signal(signal.SIGINT)
            for terminal in (t, other):
                terminal.wait(
                    lambda text: "followed" not in text and "stopped" in text and "g resume" in text
                )
            t.press("ctrl+q")
            other.press("ctrl+q")
            assert (t.wait_exit(), other.wait_exit()) == (0, 0)
        assert trains.wait(30) == 128 + signal.SIGINT
    finally:
        trains.kill()
        trains.wait()
        drain.wait()
