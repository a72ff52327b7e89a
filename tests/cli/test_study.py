"""``tuiml study`` and ``tuiml studies``: what they print, and their exit codes."""

import csv
import errno
import json
import re
import time

import pytest

from tests.studies.running import InlinePool, document, run, study
from tuiml.cli import main
from tuiml.cli.output import cells
from tuiml.cli.study_progress import StudyBar, TimeLeft
from tuiml.cli.study_table import print_results, spread
from tuiml.runs.folder import studies_folder
from tuiml.spec import toml
from tuiml.studies import session
from tuiml.studies.events import StudyEnd, StudyStart, TrialEnd, TrialEpoch, TrialStart
from tuiml.studies.folder import StudyFolder
from tuiml.studies.table import Table

REFERENCE = {
    "set": {"layers.0.activation": "tanh"},
    "test_accuracy": 0.92,
    "source": "note 001",
    "reason": "The notes feed raw pixels, and ours are scaled to the range from 0 to 1, as most people do.",
}


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    monkeypatch.setenv("TUIML_FAST", "0")


def file_of(tmp_path, name="tiny", **rest):
    path = tmp_path / f"{name}.toml"
    path.write_text(toml.dumps(document(**rest)))
    return str(path)


def test_a_study_to_its_table_and_again_and_as_json_and_as_csv(tmp_path, capsys):
    file = file_of(tmp_path, reference=[REFERENCE])
    out = tmp_path / "trials.csv"
    assert main(["study", file, "--jobs", "1", "--csv", str(out)]) == 0
    printed, said = capsys.readouterr()
    lines = printed.splitlines()
    assert lines[0].split() == [
        "rank",
        "activation",
        "val",
        "acc",
        "n",
        "test",
        "acc",
        "time",
        "printed",
        "diff",
    ]
    assert [line.split()[0] for line in lines[1:3]] == ["1", "2"]
    assert "92.00 %" in next(line for line in lines if " tanh " in line)
    assert any(line.startswith("tanh: printed in note 001. The notes feed") for line in lines)
    assert max(map(cells, lines)) <= 80
    assert "seeds" in lines[-1] + lines[-2]
    assert not any(line.startswith(("%", "±")) or line.endswith(("=", "±")) for line in lines)
    assert "4/4 trials" in said
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {(row["configuration"], row["seed"], row["state"]) for row in rows} == {
        (name, seed, "completed") for name in ("relu", "tanh") for seed in ("0", "1")
    }
    assert all(0 <= float(row["val_accuracy"]) <= 1 for row in rows)
    assert {row["layers.0.activation"] for row in rows} == {"relu", "tanh"}

    assert main(["study", file, "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0]["event"] == "study_start"
    assert [event["event"] for event in events[-2:]] == ["study_end", "table"]
    assert not any(event["event"] == "trial_start" for event in events)
    assert [row["n"] for row in events[-1]["rows"]] == [2, 2]
    assert {row["configuration"]: row["reference"] for row in events[-1]["rows"]}["tanh"]["value"] == 0.92

    (tmp_path / "tiny.toml").unlink()
    assert main(["study", "tiny"]) == 2
    assert "with --resume it goes on" in capsys.readouterr().err
    assert main(["study", "tiny", "--resume"]) == 0
    assert capsys.readouterr().out == printed
    assert main(["studies", "--json"]) == 0
    [found] = [one for one in json.loads(capsys.readouterr().out) if one["study"] == "tiny"]
    assert (found["from"], found["state"], found["done"], found["trials"]) == ("begun", "completed", 4, 4)
    assert main(["studies"]) == 0
    assert "completed     4/4" in capsys.readouterr().out


def test_what_cannot_be_run_is_said_and_nothing_is_written(tmp_path, capsys):
    (studies_folder()).mkdir(parents=True)
    (studies_folder() / "tiny.toml").write_text(toml.dumps(document()))
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(toml.dumps(document(seeds=[0, 0], vary=[{"path": "x.y", "values": [1]}])))
    for arguments, expected in (
        (["tinny"], "did you mean 'tiny'?"),
        (["tiny", "--resume"], "no study 'tiny' was begun"),
        (["tiny", "--csv", str(tmp_path / "no" / "x.csv")], "there is no folder"),
        (["tiny", "--jobs", "0"], "'0' is not a number of trials"),
        ([str(wrong)], "seeds: 0 is there 2 times"),
    ):
        assert main(["study", *arguments]) == 2
        assert expected in capsys.readouterr().err
    assert [path.name for path in studies_folder().iterdir()] == ["tiny.toml"]


def test_a_study_that_another_process_runs_is_refused_in_one_line(tmp_path, capsys):
    held = StudyFolder.hold("tiny")
    assert main(["study", file_of(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "the study 'tiny' is going on in another process" in err
    held.close()


def test_a_full_disk_is_one_line(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StudyFolder, "write_study", full)
    assert main(["study", file_of(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "cannot write in" in err
    assert "No space left on device" in err


def test_trials_that_fail_are_counted_and_said(tmp_path, capsys, monkeypatch):
    class Failing(InlinePool):
        def _lines(self, job):
            if "tanh" in job.trial:
                return [{"event": "failed", "message": "memory ran out"}]
            return super()._lines(job)

    monkeypatch.setattr(session, "LocalPool", lambda size, count: Failing())
    assert main(["study", file_of(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "tanh, seed 0: failed, memory ran out" in out
    assert "2 of 4 trials failed" in err
    assert "tries those that failed again" in err


def test_a_long_name_and_many_configurations_fit_in_80_columns(capsys):
    names = ["a very long name of a variant, longer than anybody would ever like to type", "日本" * 20, "x"]
    chosen = study(
        vary=[],
        variant=[{"name": name, "set": {"training.epochs": number}} for number, name in enumerate(names, 1)],
        reference=[],
    )
    print_results(Table(chosen, studies_folder() / "none").results())
    assert max(map(cells, capsys.readouterr().out.splitlines())) <= 80


def test_the_rate_that_was_found_for_a_configuration_is_beside_its_name(capsys):
    chosen = study(seeds=[0], tune="training.learning_rate")
    run(chosen)
    print_results(Table(chosen, studies_folder() / "tiny").results(), chosen.tune)
    header, *rows = capsys.readouterr().out.splitlines()[:3]
    assert header.split()[:3] == ["rank", "activation", "lr"]
    assert all(float(re.search(r"(?:relu|tanh) +(\S+)", row)[1]) > 0 for row in rows)


def test_figures_with_and_without_deviation():
    assert spread("val_accuracy", 0.97123, 0.001) == "97.12 ± 0.10 %"
    assert spread("val_accuracy", 1.0) == "100.00 %"
    assert spread("val_loss", 0.241, 0.0012) == "0.2410 ± 0.0012"
    assert spread("val_loss", float("nan")) == "–"


def events(trials=4, epochs=10):
    yield StudyStart("s", "/s", trials, 2, 1, "numpy")
    for number in range(trials):
        yield TrialStart(f"t{number}", "/t", "relu", number, None, epochs, 0)
        for epoch in range(1, epochs + 1):
            yield TrialEpoch(f"t{number}", epoch, 1.0, 0.5, 1.0, 0.5, 1.0, 1.0)
        yield TrialEnd(f"t{number}", "relu", number, None, "completed", epochs, 0.5, number + 1, trials)
    yield StudyEnd("s", "/s", "completed", trials, trials, 0, 0, 1.0)


def test_the_time_left_is_what_the_rest_takes_at_the_speed_so_far(monkeypatch):
    clock, left, found = 100.0, TimeLeft(), []
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    for event in events():
        clock += isinstance(event, TrialEpoch)  # a second for each epoch
        left.take(event)
        found.append(left.seconds)
    assert found[0] is None
    assert found[11] == pytest.approx(30)  # the first trial has taken 10
    assert found[18] == pytest.approx(25)
    assert found[-1] == 0


def test_the_progress_line_fits_the_terminal_and_names_what_is_trained(capsys):
    bar = StudyBar()
    for event in events():
        bar.report(event)
    bar.close()
    err = capsys.readouterr().err
    assert "s: 4 trials, 2 at once, numpy, 1 thread each" in err
    assert "relu seed 0" in err
    assert all(cells(part) <= 79 for part in err.replace("\n", "\r").split("\r"))
