"""The process that runs a study for the app: orders on stdin, events on stdout, saved when stdin closes."""

import json
import subprocess
import sys

import pytest

from tests.studies.running import document, study, table
from tuiml.runs import library
from tuiml.runs.folder import studies_folder
from tuiml.spec import toml


@pytest.fixture
def process(tmp_path, monkeypatch):
    monkeypatch.setenv("TUIML_FAST", "0")
    file = tmp_path / "tiny.toml"
    file.write_text(toml.dumps(document(epochs=100_000)))
    arguments = [sys.executable, "-m", "tuiml.studies.process", str(file), "--jobs", "1"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, **pipes) as found:
        yield found
        found.kill()


def until(process, kind):
    for text in process.stdout:
        line = json.loads(text)
        if line["event"] == kind:
            return line
    raise AssertionError(f"no {kind}")


def order(process, **message):
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def test_orders_are_carried_out_and_everything_is_saved_when_stdin_closes(process):
    first = until(process, "trial_epoch")["trial"]
    order(process, do="stop_trial", trial=first)
    assert until(process, "trial_end")["reason"] == "stopped"
    second = until(process, "trial_epoch")["trial"]
    assert second != first
    order(process, do="nonsense")
    order(process, do="more_seeds", trial=second, count=2)
    until(process, "trial_epoch")
    process.stdin.close()
    end = until(process, "study_end")
    assert (end["reason"], end["trials"]) == ("stopped", 6)
    assert process.wait() == 0
    chosen = study(epochs=100_000)
    states = {trial.path.name: trial.state for row in table(chosen).rows for trial in row.trials}
    assert states[first] == states[second] == "stopped"
    for name in (first, second):
        assert library.summary(studies_folder() / "tiny" / name).epochs > 0


def test_what_is_wrong_is_one_line_of_json(monkeypatch):
    arguments = [sys.executable, "-m", "tuiml.studies.process", "nothing-of-that-name"]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    line = json.loads(done.stdout)
    assert line["event"] == "failed"
    assert "nothing-of-that-name" in line["message"]
