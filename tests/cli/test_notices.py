"""``tuiml train --notify``: what reaches a real terminal, and nothing where there is none."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import DOCUMENT
from tests.helpers import said_in
from tests.terminal import Terminal
from tuiml.cli import main
from tuiml.cli.progress import Show
from tuiml.notify import notifier
from tuiml.spec import dumps, toml

MARKS = re.compile(rb"\x1bPtmux;.*?\x1b\\|\x1b\][^\x07]*\x07|\x1b\[2[23];0t|\x07")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command waits for its hooks, however busy the machine is."""
    monkeypatch.setattr(notifier, "PATIENCE", 30.0)


def marks(*arguments: str, code: int = 0, **env: str) -> list[str]:
    """Titles, bells and notifications of a command in a terminal."""
    clean = {name: value for name, value in os.environ.items() if name not in ("TMUX", "STY", "VTE_VERSION")}
    with Terminal([sys.executable, "-m", "tuiml", *arguments], env={**clean, "TERM": "xterm", **env}) as t:
        assert t.wait_exit(60) == code
        return [found.decode() for found in MARKS.findall(bytes(t.raw))]


def test_the_end_rings_is_shown_and_the_title_is_given_back(small: str) -> None:
    found = marks("train", small, "--run", "mine", "--notify", "bell,title,desktop")
    assert (found[0], found[-1]) == ("\x1b[22;0t", "\x1b[23;0t")
    titles = [text for text in found if text.startswith("\x1b]2;")]
    assert titles[0] == "\x1b]2;tuiml mine 0 %\a"
    assert re.fullmatch(r"\x1b]2;tuiml mine completed (100|\d+\.\d) %\a", titles[-1])
    assert found[-3] == "\a"
    assert re.fullmatch(r"\x1b]9;tuiml: mine: completed, test accuracy [\d.]+ %\a", found[-2])


def test_without_being_asked_nothing_is_written(small: str) -> None:
    assert marks("train", small) == []


def test_a_run_that_diverges_says_so_through_tmux(small: str) -> None:
    wild = {"training.learning_rate": 500, "training.loss": "mse", "training.epochs": 50}
    wild |= {"layers[0].activation": "relu", "layers[1].activation": "linear"}
    options = [word for path, value in wild.items() for word in ("--set", f"{path}={value}")]
    (found,) = marks("train", small, *options, "--notify", "osc9", code=3, TMUX="/tmp/tmux,1,0")
    assert re.fullmatch(r"\x1bPtmux;\x1b\x1b]9;tuiml: small-.*: diverged, .*\a\x1b\\", found)


def test_a_verdict_is_told_once(small: str) -> None:
    weights = ("--set", 'layers[*].initializer={ name = "constant", value = 0.1 }')
    found = marks("train", small, *weights, "--notify", "osc9", "--notify-on", "verdict")
    assert len(found) == 1
    assert "symmetr" in found[0]


def test_settings_are_in_force_and_options_take_their_place(small: str, own_folders: Path) -> None:
    out = own_folders / "out"
    settings = f'notify = ["bell"]\nnotify_on = ["completed"]\nhook = "echo $TUIML_EVENT >> {out}"\n'
    (own_folders / "settings.toml").write_text(settings)
    assert marks("train", small) == ["\a"]
    assert marks("train", small, "--notify", "none") == []
    said_in(out, "completed\n" * 2)
    assert marks("train", small, "--hook", "") == ["\a"]
    assert marks("train", small, "--notify-on", "diverged") == []
    assert out.read_text() == "completed\n" * 2


def test_without_a_terminal_only_the_hook_is_run(
    small: str, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = own_folders / "out"
    options = ["--notify", "bell,title,desktop", "--hook", f'echo "$TUIML_RUN $TUIML_PATH" > {out}; exit 1']
    assert main(["train", small, "--quiet", "--run", "mine", *options]) == 0
    printed, said = capsys.readouterr()
    assert not set(printed + said) & {"\a", "\x1b"}
    assert said.count("the hook failed") == 1
    assert out.read_text() == f"mine {own_folders / 'runs' / 'mine'}\n"
    assert (
        main(["resume", "mine", "--quiet", "--set", "training.epochs=4", "--hook", f"echo on > {out}"]) == 0
    )
    assert out.read_text() == "on\n"


def test_an_error_amid_the_run_is_told(
    small: str, own_folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = own_folders / "out"

    def broken(self: Show, event: object) -> None:
        if type(event).__name__ == "Epoch":
            raise ValueError("it broke")

    monkeypatch.setattr(Show, "draw", broken)
    line = f'echo "$TUIML_EVENT: $TUIML_MESSAGE" > {out}'
    assert main(["train", small, "--quiet", "--run", "mine", "--hook", line]) == 1
    assert out.read_text() == "failed: mine: failed, it broke\n"
    out.unlink()
    assert main(["train", small, "--quiet", "--run", "mine", "--hook", line]) == 2
    assert not out.exists(), "nothing was trained"
    capsys.readouterr()


def test_a_preset_names_no_hook(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ({"hook": "touch x"}, {"training": {**DOCUMENT["training"], "hook": "touch x"}}):
        path = tmp_path / "other.toml"
        path.write_text(dumps({**DOCUMENT, **extra}))
        assert main(["train", str(path)]) == 2
        assert "'hook' is not a key here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--notify", "bel"), "'bel' is none of bell, title, desktop, osc9, osc777, none"),
        (("--notify", "bell,none"), "'none' is none of"),
        (("--notify-on", "end"), "'end' is none of completed, early_stopped, stopped"),
    ],
)
def test_a_wrong_word_is_named(
    small: str, option: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", small, *option]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_wrong_setting_of_it_is_said_and_others_are_not(
    small: str, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_folders / "settings.toml").write_text("notify = ['bel']\nthema = 'nord'\n")
    assert main(["train", small, "--quiet"]) == 0
    err = capsys.readouterr().err
    assert "settings.toml: notify = ['bel'] is ignored" in err
    assert "thema" not in err


def test_the_end_of_a_replay_and_of_a_study_is_told(
    small: str, own_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = own_folders / "out"
    hook = ["--hook", f'echo "$TUIML_EVENT $TUIML_RUN $TUIML_PATH $TUIML_MESSAGE" > {out}']
    assert main(["train", small, "--run", "mine", "--quiet"]) == 0
    assert main(["replay", "mine", "--run", "again", "--quiet", *hook]) == 0
    words = f"completed again {own_folders / 'runs' / 'again'} again: mine: same weights, bit for bit"
    assert out.read_text().startswith(words)
    study = tmp_path / "tiny.toml"
    vary = [{"path": "training.learning_rate", "values": [0.1, 0.2]}]
    tables = {"version": 1, "name": "tiny", "preset": DOCUMENT, "seeds": [0], "vary": vary}
    study.write_text(toml.dumps(tables))
    assert main(["study", str(study), "--jobs", "1", *hook]) == 0
    folder = own_folders / "studies" / "tiny"
    assert out.read_text() == f"completed tiny {folder} tiny: completed, 2 trials\n"
    assert "\a" not in capsys.readouterr().err, "there is no terminal"
