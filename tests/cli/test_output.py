"""What commands print, and what they do where nothing can be printed or kept."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tuiml.cli import main
from tuiml.runs import folder
from tuiml.spec.library import own_folder, save
from tuiml.tui.model.preset_files import NEW

ACTS = "\u009d\u202e\u2028\u009b\x1b"
"""Characters that a terminal acts on."""
TUIML = [sys.executable, "-m", "tuiml"]
TRAIN = [*TUIML, "train", "digits-quickstart", "--set", "training.epochs=1", "--run", "r"]


def shell(words: list[str], redirected: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command with redirections, as a shell does them."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirected}', "sh", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=120,
    )


def test_names_are_printed_without_what_a_terminal_acts_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"a{ACTS}b"
    table = tmp_path / f"{name}.csv"
    table.write_text(f"x,{name},label\n" + "".join(f"{i},{i % 3},{'ab'[i % 2]}{ACTS}\n" for i in range(20)))
    broken = tmp_path / f"{name}.npz"
    np.savez(broken, **{name: np.zeros(3)})
    path = save({**NEW, "name": name, "note": name}, tmp_path / f"{name}.toml")
    (folder.runs_folder() / name).mkdir(parents=True)
    (folder.runs_folder() / name / "metrics.jsonl").write_text("{}\n")
    monkeypatch.setenv("TUIML_DEBUG", "1")
    for words in (
        ["data", "check", str(table)],
        ["data", "check", str(broken)],
        ["data", "check", str(tmp_path / f"{name}.none")],
        ["data", "fetch", name],
        ["data", "list"],
        ["show", str(path)],
        ["show", str(path), "--json"],
        ["probe", str(path)],
        ["find-rate", name],
        ["train", str(table)],
        ["train", str(path), "--set", f"{name}=1"],
        ["resume", name],
        ["replay", name],
        ["compare", name, name],
        ["runs"],
        ["presets"],
        [name],
        ["layers", name],
        ["data", name],
        ["show", f"--{name}"],
    ):
        main(words)
        said = capsys.readouterr()
        assert said.out or said.err
        assert not set(ACTS) & set(said.out + said.err), words


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_it_trains_with_closed_streams(closed: str) -> None:
    done = shell(TRAIN, closed)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    if closed == ">&-":
        assert "stdout is closed" in done.stderr
    path = folder.runs_folder() / "r"
    lines = folder.read_metrics(path)  # and nothing else was printed into it
    assert lines[-1]["event"] == "end"
    assert len(lines) == (path / "metrics.jsonl").read_text().count("\n")
    assert shell([*TUIML, "runs"], closed).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_result_that_cannot_be_printed_is_a_failure() -> None:
    for options in ([], ["--json"]):
        done = shell([*TRAIN[:-1], f"full{len(options)}", *options], ">/dev/full")
        assert done.returncode == 1
        assert "cannot print: No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
    assert folder.read_metrics(folder.runs_folder() / "full0")[-1]["reason"] == "completed"
    done = shell([*TUIML, "presets"], ">/dev/full")
    assert (done.returncode, done.stderr) == (1, "tuiml: No space left on device\n")


@pytest.mark.parametrize("given", ["~nosuch/x", ""])
def test_without_a_home_folder_it_says_which_variable_names_one(
    given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUIML_HOME", given)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as for an unknown user
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for words in (["runs"], ["presets"], [], ["digits-quickstart"], ["train", "digits-quickstart"]):
        assert main(words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert "TUIML_HOME" in said.err


def test_names_in_other_scripts_are_kept_and_found(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("हिन्दी", "e\u0301te\u0301", "🚀", "a b"):
        assert main([*TRAIN[3:-1], name]) == 0
        assert main(["resume", name, "--set", "training.epochs=2"]) == 0
    assert {"हिन्दी", "été", "🚀", "a-b"} == set(os.listdir(folder.runs_folder()))
    for name in ("🚀", "🎯", "👍🏽", "👍", "नमस्ते"):
        save({**NEW, "name": name})
        assert main(["show", name]) == 0
    assert len(list(own_folder().iterdir())) == 5


def test_a_time_far_in_the_future_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    path = folder.runs_folder() / "late"
    path.mkdir(parents=True)
    (path / "metrics.jsonl").write_text("{}\n")
    os.utime(path, (10**12, 10**12))
    for words in (["runs"], ["runs", "--json"], ["compare", "late", "late"]):
        assert main(words) == 0
    assert "late" in capsys.readouterr().out


def test_a_folder_without_rights_is_reported_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("tuiml.cli.commands.names", lambda: ["runs"])
    monkeypatch.setattr("os.listdir", refused)
    assert main(["runs"]) == 1
    assert capsys.readouterr().err == f"tuiml: {folder.runs_folder()}: Permission denied\n"
