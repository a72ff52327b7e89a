"""The shell: saving, opening, leaving and coming back, the run's keys, help and palette."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.bench import Bench, until
from tests.tui.documents import raw
from tuiml.spec import SpecError
from tuiml.spec.library import DEFAULT, bundled, find, own_folder, read, save
from tuiml.spec.problems import Problem
from tuiml.tui.app import main as start
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.bars import KeyBar, TopBar
from tuiml.tui.app.ending import Ending
from tuiml.tui.app.help import HelpScreen, help_strips
from tuiml.tui.build.screen import Build
from tuiml.tui.keys import actions, key_word
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document
from tuiml.tui.model.drafts import Draft
from tuiml.tui.model.preset_files import named
from tuiml.tui.process.child import TrainingProblems, TrainingProcessEnded
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog

pytestmark = pytest.mark.usefixtures("quick")
Opened = tuple[TuimlApp, Pilot[int]]


@asynccontextmanager
async def opened(
    document: Document | None = None, *, again: bool = False, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Opened]:
    """The app; ``again``: with what the last one left behind."""
    found = settings.load() if again else None
    async with Bench.opened(document, found, size=size) as on:
        yield on.app, on.pilot


def own(name: str = "mine", **changes: Any) -> Document:
    path = save(raw(name=name, **changes))
    return Document(read(path), path=path)


# -- saving ------------------------------------------------------------------------------------------------


async def test_an_own_preset_is_written_at_once() -> None:
    document = own()
    async with opened(document) as (app, pilot):
        await pilot.press("down", "d", "ctrl+s")
        assert len(read(own_folder() / "mine.toml")["layers"]) == 4
        assert not app.document.dirty
        assert "saved mine.toml" in app.query_one(TopBar).text


async def test_a_bundled_preset_asks_for_a_name_and_is_then_ones_own() -> None:
    async with opened() as (app, pilot):
        await pilot.press("down", "d", "ctrl+s")
        assert isinstance(app.screen, NameDialog)
        await pilot.press(*"try 1", "enter")
        assert app.document.path == own_folder() / "try-1.toml"
        assert app.document.raw["name"] == "try 1"
        assert read(own_folder() / "try-1.toml") == app.document.raw
        await pilot.press("x", "ctrl+s")
        assert read(own_folder() / "try-1.toml") == app.document.raw
        assert find(DEFAULT).document() != app.document.raw, "the bundled one is as it was"


async def test_another_preset_is_replaced_only_when_that_is_said() -> None:
    save(raw(name="taken", note="precious"))
    async with opened(Document(raw())) as (app, pilot):
        await pilot.press("ctrl+s", *"taken", "enter")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape")
        assert read(own_folder() / "taken.toml")["note"] == "precious"
        assert app.document.path is None
        await pilot.press("ctrl+s", *"taken", "enter", "y")
        assert "note" not in read(own_folder() / "taken.toml")
        assert app.document.path == own_folder() / "taken.toml"


async def test_a_preset_that_is_wrong_can_be_saved_one_that_toml_cannot_hold_is_not() -> None:
    document = own()
    async with opened(document) as (app, pilot):
        await pilot.press("down", "enter", "backspace", "backspace", "x", "escape", "ctrl+s")
        assert read(own_folder() / "mine.toml")["layers"][1]["units"] == "x"
        app.document.set("note", "n" * 70_000)
        await pilot.press("ctrl+s")
        assert "note" not in read(own_folder() / "mine.toml")
        assert any("not saved" in n.message for n in app._notifications)


async def test_a_disk_that_refuses_is_reported_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    document = own()
    async with opened(document) as (app, pilot):
        monkeypatch.setattr("tuiml.spec.library.write_whole", refuse)
        monkeypatch.setattr("tuiml.tui.model.settings.write_whole", refuse)
        await pilot.press("down", "d", "ctrl+s")
        assert any("No space left on device" in n.message for n in app._notifications)
        assert app.document.dirty
        await pilot.press("ctrl+q")
    assert app.return_code == 0


# -- leaving and coming back -------------------------------------------------------------------------------


async def test_it_opens_where_it_was_left() -> None:
    async with opened() as (app, pilot):
        await pilot.press("down", "d", "enter", "backspace", "backspace", "7", "escape", "3")
        left = app.document.raw
        await pilot.press("ctrl+q")
    async with opened(again=True) as (app, pilot):
        assert app.screen_name == "library"
        assert app.document.raw == left
        assert app.document.dirty
        assert app.document.origin == DEFAULT
        assert app.query_one(Build).table.cursor == 2
        await pilot.press("1", "u")
        assert app.document.raw == find(DEFAULT).document(), "the unsaved edits are one step"


async def test_a_named_preset_opens_it_and_the_other_keeps_its_unsaved_changes() -> None:
    async with opened(own("first")) as (app, pilot):
        await pilot.press("down", "d", "2", "ctrl+q")
    edited = app.document.raw
    async with opened(own("second"), again=True) as (app, pilot):
        assert app.document.name == "second"
        assert app.screen_name == "build"
        path = own_folder() / "first.toml"
        app.open_document(read(path), path=path)
        assert app.document.raw == edited
        assert app.document.dirty
        app.open_document(raw(name="third"))
        await pilot.press("ctrl+q")
    async with opened(again=True) as (app, pilot):
        path = own_folder() / "first.toml"
        app.open_document(read(path), path=path)
        assert app.document.raw == edited


async def test_a_file_changed_or_gone_meanwhile() -> None:
    async with opened(own()) as (app, pilot):
        await pilot.press("ctrl+q")
    save(raw(name="mine", note="newer"))
    async with opened(again=True) as (app, pilot):
        assert app.document.raw["note"] == "newer"
        await pilot.press("down", "d", "ctrl+q")
    (own_folder() / "mine.toml").unlink()
    async with opened(again=True) as (app, pilot):
        assert len(app.document.raw["layers"]) == 4
        assert app.document.path is None
        assert app.document.dirty


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"version": 99}', b"[" * 100_000,
     b'{"version": 1, "place": 7}',
     b'{"version": 1, "row": -5, "place": "nowhere", "run": "/nowhere\\u0000", "document": {"text": "x = "}}',
     b'{"version": 1, "row": true, "drafts": [1, {"text": 2}, {"text": "a=1"}], "document": {"text": ""}}'],
)  # fmt: skip
async def test_a_state_that_cannot_be_understood_is_a_fresh_start(content: bytes) -> None:
    settings.state_path().parent.mkdir(parents=True, exist_ok=True)
    settings.state_path().write_bytes(content)
    async with opened(again=True) as (app, pilot):
        assert app.document.origin == DEFAULT
        assert app.screen_name == "build"
        await pilot.press("down", "enter", "ctrl+q")
    assert json.loads(settings.state_path().read_text())["row"] == 1


async def test_edits_are_written_down_while_the_app_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuiml.tui.app.session.WRITE_AFTER", 0.001)
    async with opened() as (_, pilot):
        await pilot.press("down", "d")
        await until(lambda: bool((settings.load().document or Draft("")).dirty), pilot)


@pytest.mark.parametrize("number", [0, 128 + signal.SIGTERM, 128 + signal.SIGHUP])
async def test_leaving_stops_the_run_and_gives_the_exit_code(number: int) -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+r")
        app.leave(number)
        app.leave(1)
        await pilot.press("a", "1", "ctrl+s")
    assert app.return_code == number
    assert app.client.asked[-1] == "close"
    assert settings.load().screen == "train"


async def test_a_first_start_shows_the_default_preset() -> None:
    async with opened(again=True) as (app, _):
        assert app.document.origin == DEFAULT
        assert app.document.problems == []
        assert app.model.status == "empty"


def test_a_preset_that_does_not_exist_is_refused_before_the_screen_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert start.start("nosuch", Ending()) == 2
    assert "nosuch" in capsys.readouterr().err
    with pytest.raises(SpecError):
        named("nosuch")


# -- the run -----------------------------------------------------------------------------------------------


async def test_one_key_starts_pauses_and_goes_on() -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+r")
        assert app.client.asked == [("start", app.document.raw)]
        assert app.screen_name == "train"
        await pilot.press("ctrl+r")
        assert app.model.status == "paused"
        await pilot.press("1", "ctrl+r")
        assert app.model.status == "running"
        assert app.screen_name == "build", "pausing does not take one elsewhere"
        assert app.client.asked[1:] == ["pause", "resume"]


async def test_the_top_bar_reports_how_far_the_run_is() -> None:
    async with opened(size=(160, 40)) as (app, pilot):
        await pilot.press("ctrl+r", "1")
        app.client.train(12)
        await until(lambda: "epoch 2/2" in app.query_one(TopBar).text, pilot)
        text = app.query_one(TopBar).text
        assert "numpy · 2 threads" in text
        assert "1,000 examples/s" in text
        app.client.train(20)
        await until(lambda: "completed" in app.query_one(TopBar).text, pilot)


async def test_a_run_can_be_started_again_and_the_edited_preset_is_taken() -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+r")
        app.client.train(20)
        await pilot.pause()
        assert app.model.status == "completed"
        await pilot.press("1", "down", "d", "ctrl+r")
        assert app.model.status == "running"
        assert app.client.asked[-1] == ("start", app.document.raw)
        assert app.model.document == app.document.raw


async def test_why_a_run_failed_is_shown_in_train() -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+r")
        app.post_message(TrainingProblems([Problem("data.name", "cannot be fetched")]))
        await pilot.pause()
        assert app.model.status == "failed"
        assert "cannot be fetched" in app.model.message
        app.post_message(TrainingProcessEnded("it was killed"))
        await pilot.pause()
        assert app.model.message == "it was killed"


async def test_a_long_message_is_read_to_its_end_in_a_small_terminal() -> None:
    async with opened(size=(80, 24)) as (app, _):
        top = app.query_one(TopBar)
        app.say("a-run-with-a-name deleted; u undoes it")
        assert top.text.endswith("a-run-with-a-name deleted; u undoes it")
        assert "Library" in top.text
        app.say("2 runs deleted; u undoes it (30 days in runs/.trash)")
        assert top.text == " tuiml  2 runs deleted; u undoes it (30 days in runs/.trash)"


# -- places, help, palette ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_places_by_key_and_by_mouse(size: tuple[int, int]) -> None:
    async with opened(size=size) as (app, pilot):
        top = app.query_one(TopBar)
        for key, name in [("3", "library"), ("2", "train"), ("1", "build")]:
            await pilot.press(key)
            assert app.screen_name == name
            assert app.focused is not None
            assert app.query_one(f"#{app.screen_name}") in app.focused.ancestors
        await pilot.click(top, offset=(top.text.index("Library"), 0))
        assert app.screen_name == "library"


async def test_help_lists_every_key_and_closes() -> None:
    async with opened(size=(80, 24)) as (app, pilot):
        text = "\n".join(strip.text for strip in help_strips(70, app.look))
        for action in actions():
            for key in action.keys:
                assert key_word(key) in text
        for key in ("escape", "f1", "question_mark"):
            await pilot.press("question_mark")
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("down", "pagedown", "end", "ctrl+r", key)
            assert app.screen is app.screen_stack[0]
        assert app.client.asked == [], "a run does not start behind the help"


async def test_the_palette_does_actions_and_opens_presets() -> None:
    async with opened() as (app, pilot):
        await pilot.press("down", "ctrl+p")
        assert isinstance(app.screen, Chooser)
        await pilot.press(*"duplicate", "enter")
        await pilot.pause()
        assert len(app.document.raw["layers"]) == 5
        await pilot.press("ctrl+p", *"open spiral", "enter")
        await pilot.pause()
        assert app.document.origin == "spiral-playground"
        await pilot.press("ctrl+p", *"zzzz", "enter", "escape")
        assert app.screen is app.screen_stack[0]


async def test_the_palette_offers_every_bundled_preset_and_unsaved_new_ones() -> None:
    async with opened(Document(raw(name="[bold]new"))) as (app, pilot):
        await pilot.press("down", "d")
        app.open_document(raw(name="other"))
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, Chooser)
        names = [pick.name for pick in app.screen.picker.picks]
        assert {f"Open {file.name}" for file in bundled()} <= set(names)
        await pilot.press(*"not saved", "enter")
        await pilot.pause()
        assert app.document.name == "[bold]new"
        assert len(app.document.raw["layers"]) == 4


async def test_unsaved_changes_can_be_discarded_and_brought_back() -> None:
    async with opened(own()) as (app, pilot):
        await pilot.press("down", "d")
        edited = app.document.raw
        await pilot.press("ctrl+p", *"discard", "enter", "y")
        await pilot.pause()
        assert not app.document.dirty
        await pilot.press("u")
        assert app.document.raw == edited


async def test_light_and_dark_are_remembered() -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+p", *"light", "enter")
        await pilot.pause()
        assert not app.look.dark
        await pilot.press("ctrl+q")
    async with opened(again=True) as (app, _):
        assert not app.look.dark
        assert app.theme == "tuiml-light"


async def test_a_dialog_keeps_the_keys_of_the_app_away() -> None:
    async with opened() as (app, pilot):
        await pilot.press("ctrl+s", "ctrl+r", "ctrl+s", "ctrl+p", "1", "question_mark")
        assert len(app.screen_stack) == 2
        assert app.screen.query_one(Input).value == "1?"
        assert app.query_one(KeyBar).working() == []
        await pilot.press("escape")
        assert app.client.asked == []


async def test_open_asks_what(tmp_path: Path) -> None:
    file = tmp_path / "there.toml"
    file.write_text(find("spiral-playground").path.read_text())
    async with opened() as (app, pilot):
        await pilot.press("ctrl+o", *str(file), "enter")
        await until(lambda: app.document.path == file, pilot)
        assert app.screen_name == "build"


async def test_pictures_are_made_only_while_train_is_on_the_screen() -> None:
    async with opened() as (app, pilot):
        assert app.client.observed is False
        for name, expected in (("train", True), ("library", False), ("train", True), ("build", False)):
            app.show_screen(name)
            await pilot.pause()
            assert app.client.observed is expected, name
