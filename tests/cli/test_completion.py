"""Completion: what may come next, and that the scripts offer it in the shells that are here."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tuiml.cli import commands, main
from tuiml.cli.commands.completion import candidates


@pytest.fixture
def runs(own_folders: Path) -> Path:
    for name in ("first", "with space", "bad\x1bname"):
        (own_folders / "runs" / name).mkdir(parents=True)
    return own_folders


def words(*typed: str) -> list[str]:
    return [word for word, _ in candidates(list(typed))]


def test_first_come_commands_and_all_that_can_be_opened(runs: Path) -> None:
    found = words("")
    assert set(commands.names()) <= set(found)
    assert {"digits-quickstart", "study-initializers", "first", "with space"} <= set(found)
    assert not any("\x1b" in word for word in found)
    assert words("tra") == ["train"]
    assert words("--ver") == ["--version"]


@pytest.mark.parametrize(
    ("typed", "there", "not_there"),
    [
        (["train", "dig"], {"digits-quickstart"}, {"first", "train"}),
        (["train", "--"], {"--set", "--run", "--backend", "--help"}, {"digits-quickstart"}),
        (["train", "digits-quickstart", "--backend", ""], {"numpy", "mlx", "auto"}, {"first"}),
        (["train", "digits-quickstart", ""], set(), {"digits-quickstart"}),
        (["train", "--run", "x", "dig"], {"digits-quickstart"}, set()),
        (["train", "x", "--set", "training.opt"], {"training.optimizer="}, {"training.epochs="}),
        (["train", "x", "--set", ""], {"layers[*].activation="}, set()),
        (["resume", ""], {"first", "with space"}, {"digits-quickstart"}),
        (["evaluate", "first", "--against", ""], {"first", "with space"}, {"digits-quickstart"}),
        (["evaluate", "--checkpoint", ""], {"newest", "best"}, {"first"}),
        (["compare", "first", "second", "fi"], {"first"}, set()),
        (["study", "study-i"], {"study-initializers"}, {"digits-quickstart"}),
        (["choices", "act"], {"activations"}, {"layers"}),
        (["data", ""], {"list", "fetch", "check"}, {"mnist"}),
        (["data", "fetch", "m"], {"mnist", "moons"}, {"list"}),
        (["data", "check", "--gr"], {"--grey"}, set()),
        (["lesson", "sig"], {"sigmoid", "sigma"}, {"relu", "digits-quickstart"}),
        (["completion", ""], {"bash", "zsh", "fish"}, set()),
        (["nonsense", ""], set(), {"first"}),
    ],
)
def test_what_may_come_next(runs: Path, typed: list[str], there: set[str], not_there: set[str]) -> None:
    found = set(words(*typed))
    assert there <= found
    assert not not_there & found


def test_nothing_of_a_folder_that_cannot_be_read_ends_it(own_folders: Path) -> None:
    (own_folders / "runs").write_text("a file")
    assert "train" in words("")
    assert words("resume", "") == []


SHELLS = {
    "bash": "eval \"$(tuiml completion bash)\"; COMP_WORDS=(tuiml {0}); COMP_CWORD={1}; _tuiml; "
    "printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "tuiml completion fish | source; complete -C 'tuiml {0}'",
    "zsh": "autoload -Uz compinit; compinit -u -d $TUIML_HOME/dump; eval \"$(tuiml completion zsh)\"; "
    "_describe() {{ print -l -- \"${{(@P)2}}\" }}; words=(tuiml {0}); CURRENT={1}+1; _tuiml",
}  # fmt: skip


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["tra"], "train"),
        (["resume", "fi"], "first"),
        (["resume", "with"], "with space"),
        (["train", "--ba"], "--backend"),
    ],
)
def test_shells_offer_it(shell: str, typed: list[str], expected: str, runs: Path) -> None:
    bin = runs / "bin"
    bin.mkdir()
    (bin / "tuiml").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tuiml "$@"\n')
    (bin / "tuiml").chmod(0o755)
    path = f"{bin}{os.pathsep}{os.environ['PATH']}"
    script = SHELLS[shell].format(shlex.join(typed), len(typed))
    env = {**os.environ, "PATH": path, "HOME": str(runs), "XDG_CONFIG_HOME": str(runs)}
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=env, timeout=60)
    found = [line.replace("\\", "").split("\t")[0].split(":")[0] for line in done.stdout.splitlines()]
    assert found == [expected], done.stderr


def test_the_scripts_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        script = capsys.readouterr().out
        if shutil.which(shell):
            checked = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
            assert (checked.returncode, checked.stderr) == (0, "")
