"""Studies that are killed go on with what is missing, and come to the same table, to the bit.

``TUIML_KILLS=20 pytest tests/studies/test_killed.py`` kills as many at random moments.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.studies.running import comparable, document, study, table, weights
from tuiml.runs import library
from tuiml.runs.folder import studies_folder
from tuiml.spec import toml

KILLS = int(os.environ.get("TUIML_KILLS", "4"))
EPOCHS = 60


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    """Nothing is compiled: what takes time is the training that is killed."""
    monkeypatch.setenv("TUIML_FAST", "0")


def command(tmp_path, **rest):
    """The command that runs the study from a file."""
    file = tmp_path / "tiny.toml"
    file.write_text(toml.dumps(document(epochs=EPOCHS, **rest)))
    return [sys.executable, "-m", "tuiml", "study", str(file), "--json"]


def started(arguments, **options):
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def events_of(text):
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def completed():
    """The trials that are completed, with the times of their files."""
    folder = studies_folder() / "tiny"
    paths = [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []
    whole = [path for path in paths if library.summary(path).reason == "completed"]
    return {path.name: [file.stat().st_mtime_ns for file in sorted(path.iterdir())] for path in whole}


def test_killed_at_random_moments_only_what_is_missing_is_trained(tmp_path):
    arguments, rng = command(tmp_path), random.Random(KILLS)
    began = time.monotonic()
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
    took = time.monotonic() - began
    chosen = study(epochs=EPOCHS)
    whole, bits = comparable(table(chosen)), weights()
    os.rename(studies_folder() / "tiny", studies_folder() / "whole")
    kills = runs = 0
    while kills < KILLS:
        before, process = completed(), started(arguments, start_new_session=True)
        all_of_it = rng.random() < 0.5  # its workers too, as when the machine loses power
        timer = threading.Timer(
            rng.uniform(0.2, 1.0) * took,
            lambda p=process, a=all_of_it: os.killpg(p.pid, signal.SIGKILL) if a else p.kill(),
        )
        timer.start()
        out, _ = process.communicate()
        timer.cancel()
        kills += process.returncode == -signal.SIGKILL
        events = events_of(out)
        assert not {e["trial"] for e in events if e["event"] == "trial_start"} & set(before)
        if process.returncode == 0:
            runs += 1
            assert (comparable(table(chosen)), weights()) == (whole, bits)
            os.rename(studies_folder() / "tiny", studies_folder() / f"run-{runs}")
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
    assert (comparable(table(chosen)), weights()) == (whole, bits)


def test_ctrl_c_saves_everything_and_says_how_to_go_on(tmp_path):
    process = started(command(tmp_path))
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "trial_epoch":
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate()
    assert process.returncode == 130
    assert [event["reason"] for event in events_of(out) if event["event"] == "study_end"] == ["stopped"]
    last = err.splitlines()[-1]
    assert "stopped and saved" in last
    assert "' goes on" in last
    paths = [path for path in (studies_folder() / "tiny").iterdir() if path.is_dir()]
    assert paths
    for path in paths:
        assert library.summary(path).reason in ("stopped", "completed")


def test_a_worker_that_is_killed_is_replaced_and_its_trial_goes_on(tmp_path):
    subprocess.run(command(tmp_path), capture_output=True, check=True)
    chosen = study(epochs=EPOCHS)
    whole, bits = comparable(table(chosen)), weights()
    os.rename(studies_folder() / "tiny", studies_folder() / "whole")
    process = started([*command(tmp_path), "--jobs", "1"])
    assert process.stdout is not None
    lines, killed = [], False
    for line in process.stdout:
        lines.append(line)
        if not killed and json.loads(line)["event"] == "trial_epoch":
            killed = True
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
            for pid in children.stdout.split():
                os.kill(int(pid), signal.SIGKILL)
    process.communicate()
    assert process.returncode == 0
    assert any("was killed" in e["text"] for e in map(json.loads, lines) if e["event"] == "trial_notice")
    assert (comparable(table(chosen)), weights()) == (whole, bits)
