"""The settings that a user writes: whatever the file holds, the app starts and says what it ignored."""

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from tuiml.cli import main
from tuiml.tui.model import preferences
from tuiml.tui.model.preferences import Preferences


@pytest.fixture
def file(own_folders: Path) -> Path:
    path = preferences.settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_without_a_file_everything_has_its_default(file: Path) -> None:
    assert preferences.load() == (Preferences(), "")


def test_what_is_written_is_in_force(file: Path) -> None:
    file.write_text('theme = "nord"\npace = 20\nkeys = "vi"\n[keymap]\nundo = "u,ctrl+z"\n')
    found, trouble = preferences.load()
    assert trouble == ""
    assert found == Preferences(theme="nord", pace=20, keys="vi", keymap={"undo": "u,ctrl+z"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('them = "nord"', "'them' is not a setting; did you mean 'theme'?"),
        ("qqqqqq = 1", "'qqqqqq' is not a setting; known: theme, reduced_motion"),
        ("reduced_motion = 1", "reduced_motion = 1 is ignored; give true or false"),
        ('notify = ["bel"]', "notify = ['bel'] is ignored; give for example ['bell'], ['title', 'desktop']"),
        ('notify = "bell"', "notify = 'bell' is ignored; give for example ['bell']"),
        ("notify_on = 1", "notify_on = 1 is ignored; give for example ['completed', 'diverged']"),
        ("hook = [1]", "hook = [1] is ignored; give for example ['notify-send', 'tuiml']"),
        ('keys = "emacs"', "keys = 'emacs' is ignored; give one of arrows, vi"),
        ("pace = 0", "pace = 0 is ignored; give for example watch, full, 20"),
        ("pace = nan", "pace = nan is ignored"),
        ("theme = 3", "theme = 3 is ignored; give for example auto"),
        ("keymap = 1", "keymap = 1 is ignored; give keys as text"),
        ("keymap.undo = 1", "keymap.undo = 1 is ignored; give keys as text"),
        ("'\\u009b' = 1", "is not a setting"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_count(file: Path, line: str, said: str) -> None:
    file.write_text(f"{line}\nlanguage = 'ko'\n")
    found, trouble = preferences.load()
    assert said in trouble
    assert trouble.startswith("settings.toml: ")
    assert trouble.isprintable()
    assert found == Preferences(language="ko")


def test_of_several_wrong_lines_the_first_is_named(file: Path) -> None:
    file.write_text("a = 1\nb = 2\nkeymap = {undo = 1, redo = 'r'}\n")
    found, trouble = preferences.load()
    assert trouble.endswith("(and 2 more: 'tuiml settings' lists them)")
    assert found.keymap == {"redo": "r"}


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"theme = ", "is not TOML"), (b"\xff", "is not UTF-8"), (b"#" * 70_000, "has more than 65,536 bytes")],
)
def test_an_unreadable_file_is_as_none(file: Path, data: bytes, said: str) -> None:
    file.write_bytes(data)
    found, trouble = preferences.load()
    assert said in trouble
    assert "the defaults are used" in trouble
    assert found == Preferences()


def test_a_pipe_in_its_place_does_not_hang(file: Path) -> None:
    os.mkfifo(file)
    assert "cannot be read" in preferences.load()[1]


def test_the_file_it_writes_explains_all_and_changes_nothing(file: Path) -> None:
    assert preferences.create()
    assert preferences.load() == (Preferences(), "")
    text = file.read_text()
    assert max(map(len, text.splitlines())) <= 100
    lines = [line.removeprefix("# ") for line in text.splitlines()[3:]]
    meant = [line for line in lines if line.startswith("[") or " = " in line]
    assert set(tomllib.loads("\n".join(meant))) == set(Preferences.model_fields)
    file.write_text("theme = 'nord'\n")
    assert not preferences.create(), "a file that is there is kept"
    assert preferences.load()[0].theme == "nord"


def test_the_schema_beside_it_is_the_one_that_its_first_line_names(file: Path) -> None:
    preferences.create()
    named = file.read_text().splitlines()[0].removeprefix("#:schema ")
    found = json.loads((file.parent / named).read_text())
    assert set(found["properties"]) == set(Preferences.model_fields)
    assert not found["additionalProperties"]
    assert all(field.get("description") for field in found["properties"].values())


def test_the_command_prints_values_and_problems(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    file.write_text("theme = 'nord'\nspeed = 1\n")
    assert main(["settings"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == str(file)
    assert re.search(r"^theme +yes +nord$", out, re.MULTILINE)
    assert "completed, early_stopped, stopped, diverged, failed, verdict" in " ".join(out.split())
    assert "'speed' is not a setting" in err
    assert main(["settings", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["settings"]["theme"] == "nord"
    assert len(shown["problems"]) == 1
    assert main(["settings", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(preferences.schema())


def test_the_command_writes_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--create"]) == 0
    assert f"{file} was written" in capsys.readouterr().err
    assert file.read_text() == preferences.documented()
