"""What the README says to type works as written (its two first commands are run by .ci/run)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tuiml.cli import main
from tuiml.spec import check, dumps, loads
from tuiml.spec.library import bundled

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(after: str, language: str) -> str:
    """The first code block of a language after a heading."""
    part = README.partition(after)[2]
    found = re.search(rf"```{language}\n(.*?)```", part, re.DOTALL)
    assert found, f"the README has no {language} block after {after!r}"
    return found.group(1)


def test_every_command_works(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [shlex.split(line, comments=True) for line in block("## Command line", "sh").splitlines()]
    assert len(lines) > 5
    for name, *arguments in lines:
        assert name == "tuiml"
        assert main(arguments) == 0, arguments
    assert "first" in capsys.readouterr().out


def test_the_preset_it_shows_is_one() -> None:
    preset, problems = check(loads(block("## Presets", "toml")))
    assert preset, problems


def test_the_table_of_a_user_is_explained_and_trained_on(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plants.csv").write_text(block("### Your own", "csv"))
    assert main(["data", "check", "plants.csv"]) == 2
    assert "row 6, column 'soil' is empty" in capsys.readouterr().err
    shown = loads("version = 1\n" + block("### Your own", "toml"))
    preset = {
        **shown,
        "layers": [{"type": "dense", "activation": "softmax"}],
        "training": {"batch_size": 2, "epochs": 1},
    }
    Path("p.toml").write_text(dumps(preset))
    assert main(["train", "p.toml", "--json"]) == 0
    assert '"train_examples": 3' in capsys.readouterr().out
    Path("full.csv").write_text(block("### Your own", "csv").replace("28,,", "28,clay,"))
    settings = ["--set", "data.path=full.csv", "--set", "training.batch_size=2", "--set", "training.epochs=1"]
    assert main(["train", "digits-quickstart", *settings]) == 0


def test_it_names_every_bundled_preset() -> None:
    table = README.partition("## Presets")[2].partition("```toml")[0]
    named: set[str] = set()
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        first, *rest = re.findall(r"`([^`]+)`", row)
        # `mnist-4x200-tanh`, `-relu`: the endings of the first one's name
        stem = first.rpartition("-")[0]
        named |= {first, *(stem + word if word.startswith("-") else word for word in rest)}
    assert named == {preset.name for preset in bundled()}


def test_its_picture_is_there() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (Path(__file__).parent.parent / path).stat().st_size > 10_000
