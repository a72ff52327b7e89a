"""``tuiml lessons`` and ``tuiml lesson``; lessons of one's own that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.bench import Bench
from tuiml.cli import main
from tuiml.lessons.library import lessons


@pytest.fixture
def broken(own_folders: Path) -> Path:
    """Two lessons of one's own that cannot be read."""
    folder = own_folders / "lessons"
    folder.mkdir()
    (folder / "torn.toml").write_text("version = 1\ntitle = {")
    (folder / "empty.toml").write_text("version = 1\n[[steps]]\nkeys = []\n")
    return folder


def test_they_are_listed_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lessons"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if line.strip()]
    assert names[0] == "sigmoid"
    assert "your-data" in names
    assert main(["lessons", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["lesson"] for one in found] == names
    assert all(
        one["from"] == "bundled" and one["steps"] and set(one["title"]) == {"en", "ko"} for one in found
    )


@pytest.mark.usefixtures("broken")
def test_each_file_that_cannot_be_read_is_named_with_its_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lessons", "--json"]) == 2
    problems = {
        one["lesson"]: one["problem"] for one in json.loads(capsys.readouterr().out) if "problem" in one
    }
    assert set(problems) == {"torn", "empty"}
    assert all(problems.values())
    assert main(["lessons"]) == 2
    shown = capsys.readouterr()
    assert "sigmoid" in shown.out
    assert "tuiml: torn: " in shown.err
    assert "tuiml: empty: " in shown.err


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("name", "words"), [("sigmoyd", "did you mean 'sigmoid'?"), ("torn", "tuiml: torn: ")]
)
def test_a_lesson_that_cannot_be_opened_is_refused(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lesson", name]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("broken")
async def test_the_app_goes_on_beside_lessons_that_cannot_be_read() -> None:
    async with Bench.opened(lesson="relu") as on:
        assert on.app.lesson.name == "relu"
        assert on.app.lesson.shown
        assert on.app.screen_name == "build"
        on.app.lesson.open("torn")
        await on.drawn()
        assert on.app.lesson.name == "relu"
        assert on.complaints
        assert {one.name for one in lessons() if one.problem} == {"torn", "empty"}
