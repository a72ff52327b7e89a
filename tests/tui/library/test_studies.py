"""Studies in the Library: with their trials below them, opened, renamed, deleted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.tui.bench import Bench, screen_text
from tests.tui.documents import raw
from tests.tui.fake_study_client import FakeStudyClient
from tests.tui.hostile_text import STRINGS, assert_harmless
from tuiml.runs.folder import PRESET, studies_folder
from tuiml.spec import toml
from tuiml.studies import library
from tuiml.studies.check import check
from tuiml.studies.folder import STUDY
from tuiml.studies.methods import start
from tuiml.studies.trials import trials_of
from tuiml.tui.library.screen import Library
from tuiml.tui.model.document import Document
from tuiml.tui.model.marks import Marks

pytestmark = pytest.mark.usefixtures("quick")
MARKS = Marks({"training.optimizer": ("sgd", "adam")}, tune=False)


def begun(name: str = "") -> Path:
    """A study with the folders of its trials, of which nothing was trained."""
    file = library.save({**MARKS.study(raw()), **({"name": name} if name else {})})
    found, problems = check(library.read(file))
    assert found, problems
    folder = studies_folder() / file.stem
    folder.mkdir(parents=True)
    (folder / STUDY).write_bytes(file.read_bytes())
    for configuration in start(found).configurations:
        for trial in trials_of(found, configuration):
            (folder / trial.folder).mkdir()
            (folder / trial.folder / PRESET).write_text(toml.dumps(dict(trial.document)))
    return folder


@asynccontextmanager
async def opened() -> AsyncIterator[Bench]:
    async with Bench.opened(Document(raw()), keys=("3",), study_client_factory=FakeStudyClient) as on:
        await on.until(lambda: any(item.study for item in on.app.query_one(Library).items))
        yield on


def select(on: Bench, path: Path, kind: str = "study") -> None:
    assert on.app.query_one(Library).go_to((kind, str(path)))


async def test_trials_are_folded_below_their_study() -> None:
    folder = begun()
    async with opened() as on:
        names = on.app.query_one(Library).names
        select(on, folder)
        await on.press("f")
        await on.until(lambda: any("sgd" in row.name for row in names.rows))
        at = names.cursor
        assert [row.name[2:5] for row in names.rows[at + 1 : at + 3]] == ["000", "001"]
        await on.press("down", "f")
        await on.until(lambda: not any("000-sgd" in row.name for row in names.rows))
        assert names.key == ("study", str(folder))


async def test_enter_opens_the_study_and_its_preview_has_the_table() -> None:
    folder = begun()
    async with opened() as on:
        select(on, folder)
        await on.until(lambda: "of 2 runs done" in on.app.query_one(Library).preview.text)
        assert "training.optimizer: sgd, adam" in on.app.query_one(Library).preview.text
        await on.press("enter")
        assert on.app.screen_name == "study"
        assert on.app.study.model.path == folder
        await on.until(lambda: "of 2 runs" in screen_text(on.app))


async def test_a_study_that_was_not_begun_is_opened_and_started_from_its_file() -> None:
    file = library.save(MARKS.study(raw()))
    async with opened() as on:
        select(on, studies_folder() / file.stem)
        await on.press("enter")
        await on.until(lambda: on.app.study.model.results is not None)
        await on.press("ctrl+r")
        assert on.app.study.client.asked == [("start", str(file))]


async def test_a_study_is_renamed_with_its_file() -> None:
    folder = begun()
    async with opened() as on:
        select(on, folder)
        await on.press("r", "ctrl+u", *"other", "enter")
        await on.until(lambda: not folder.exists())
        assert (studies_folder() / "other" / STUDY).is_file()
        assert (library.own_folder() / "other.toml").is_file()
        assert not (library.own_folder() / f"{folder.name}.toml").exists()


async def test_a_study_is_deleted_and_comes_back_with_its_file() -> None:
    folder = begun()
    async with opened() as on:
        select(on, folder)
        await on.press("x")
        await on.until(lambda: not folder.exists())
        assert not (library.own_folder() / f"{folder.name}.toml").exists()
        await on.press("u")
        await on.until((folder / STUDY).exists)
        assert (library.own_folder() / f"{folder.name}.toml").exists()


async def test_the_study_on_the_screen_is_gone_with_its_folder() -> None:
    folder = begun()
    async with opened() as on:
        on.app.study.show(folder, go=False)
        select(on, folder)
        await on.press("x")
        await on.until(lambda: on.app.study.model.path is None)
        assert "4 Study" not in screen_text(on.app)


@pytest.mark.parametrize(
    "text", ["", "vary = 3", "x = [", "name = 7\npreset = [1]", 'version = 9\nname = "a"']
)
async def test_a_damaged_study_hides_nothing_else(text: str) -> None:
    good, bad = begun(), studies_folder() / "bad"
    bad.mkdir()
    (bad / STUDY).write_text(text)
    async with opened() as on:
        select(on, good)
        select(on, bad)
        await on.press("enter")
        await on.until(lambda: on.app.study.model.message)
        assert "bad" in screen_text(on.app)


async def test_text_from_a_study_is_shown_literally() -> None:
    folder = begun()
    tables = library.read(folder / STUDY)
    tables["note"] = STRINGS[0] + STRINGS[4] + STRINGS[5]
    tables["preset"]["name"] = STRINGS[2]
    (folder / STUDY).write_text(toml.dumps(tables))
    async with opened() as on:
        select(on, folder)
        await on.until(lambda: "control character" in on.app.query_one(Library).preview.text)
        assert_harmless(on.app, "library")
