"""Watched runs on the command line: listed, compared and found as any run; refused without a preset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import watched_runs
from tests.watched_runs import damage, watched
from tuiml.cli import main
from tuiml.cli.commands.completion import candidates
from tuiml.runs import library, listing
from tuiml.runs.tags import write_tags
from tuiml.tui.app.main import run_of

Capture = pytest.CaptureFixture[str]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def lines(capsys: Capture, *command: str) -> list[str]:
    """What a command that does its work prints, with runs of spaces as one."""
    assert main(list(command)) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_the_list_says_framework_model_and_optimizer_and_no_planned_epochs(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    watched_runs.write("with-epochs", epochs=True, accuracy=True)
    watched_runs.write("without", losses=[2.0, 1.0], end="")
    head, *rows = lines(capsys, "runs", "--sort", "name")
    assert head.startswith("run differs val val loss epochs")
    assert rows[0].startswith("with-epochs pytorch, Net, SGD, lr .1 90.0 % .290 2 0:02 completed")
    assert rows[1].startswith("without pytorch, Net, SGD, lr .1 – – – ")
    assert "interrupted" in rows[1]


def test_the_filter_finds_framework_settings_figures_and_tags(capsys: Capture) -> None:
    path = watched_runs.write("a", epochs=True, accuracy=True)
    watched_runs.write("b", model=watched(framework="keras", optimizer="adam", rate=0.001))
    write_tags(path, ["best"])
    assert [row.split()[0] for row in lines(capsys, "runs", "framework:keras")[1:]] == ["b"]
    assert [row.split()[0] for row in lines(capsys, "runs", "lr>.01")[1:]] == ["a"]
    assert [row.split()[0] for row in lines(capsys, "runs", "val>.5")[1:]] == ["a"]
    assert [row.split()[0] for row in lines(capsys, "runs", "tag:best")[1:]] == ["a"]
    assert [row.split()[0] for row in lines(capsys, "runs", "adam")[1:]] == ["b"]


def test_runs_in_json_name_the_framework(capsys: Capture) -> None:
    watched_runs.write()
    assert main(["runs", "--json"]) == 0
    [run] = json.loads(capsys.readouterr().out)
    assert (run["framework"], run["preset"], run["epochs"], run["planned"]) == ("pytorch", "Net", 0, 0)
    assert run["last"]["train_loss"] == pytest.approx(0.263933, rel=1e-4)


def test_compare_shows_what_differs_between_two_loops(capsys: Capture) -> None:
    watched_runs.write("a")
    watched_runs.write("b", model=watched(rate=0.01), epochs=True)
    table = lines(capsys, "compare", "a", "b")
    assert "training.learning_rate 0.1 0.01" in table
    assert "epochs – 2" in table
    assert "train loss 0.2639 0.2639" in table


@pytest.mark.parametrize(
    "command",
    [
        ("resume", "my-net"),
        ("resume", "my-net", "--set", "training.epochs=9"),
        ("replay", "my-net"),
        ("predict", "my-net", "there-is-none.csv"),
    ],
)
def test_what_needs_a_preset_is_refused_in_one_line_and_nothing_is_written(
    command: tuple[str, ...], capsys: Capture, own_folders: Path
) -> None:
    watched_runs.write()
    before = contents(own_folders)
    assert main(list(command)) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert (
        said == "tuiml: the run 'my-net' is a loop of your own in pytorch, without a preset: do this there\n"
    )
    assert contents(own_folders) == before


@pytest.mark.parametrize("how", ["missing", "torn", "large", "wrong"])
def test_a_damaged_model_breaks_the_run_alone(how: str, capsys: Capture) -> None:
    damage(watched_runs.write("bad"), how)
    watched_runs.write("good")
    found = {run.name: run for run in listing.list_runs()}
    assert "\n" not in found["bad"].problem
    assert found["bad"].problem
    assert not found["good"].problem
    assert main(["runs"]) == 0
    assert main(["compare", "bad", "good"]) == 0
    assert main(["resume", "bad"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_names_of_a_model_are_made_safe(capsys: Capture) -> None:
    hostile = watched(watched_runs.HOSTILE, framework="py\x1b[31m", type="\x07[b]", optimizer="\x1b]0;x\x07")
    watched_runs.write("a", model=hostile)
    watched_runs.write("b")
    for command in (["runs"], ["runs", "--json"], ["compare", "a", "b"], ["runs", "framework:py"]):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\x07" not in out


def test_it_is_found_renamed_deleted_and_brought_back() -> None:
    path = watched_runs.write()
    assert run_of("my-n") == path
    assert "my-net" in [word for word, _ in candidates([""])]
    path = library.rename(path, "other")
    assert library.summary(path).framework == "pytorch"
    deleted = library.delete(path)
    assert not path.exists()
    deleted.restore()
    assert library.find("other") == path


def test_many_runs_are_kept_in_the_index_with_their_framework(own_folders: Path) -> None:
    for number in range(listing.FEW):
        watched_runs.write(f"run-{number}", losses=[1.0])
    first = listing.Runs().read({})
    assert listing.index_path().exists()
    again = listing.Runs().read({})
    assert [run.framework for run in again] == ["pytorch"] * listing.FEW
    assert [run.differs for run in again] == [run.differs for run in first]
