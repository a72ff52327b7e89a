"""The Library and its dialogs by their keys, in an app that notes what it is asked to open."""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static

from tests.tui import files_on_disk
from tests.tui.bench import Bench, screen_text, until
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.library.opened import Keys, Shell, library, library_names
from tuiml.cli import main
from tuiml.runs.folder import runs_folder
from tuiml.spec.library import find, own, own_folder, read
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.bars import KeyBar
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.library.screen import Library
from tuiml.tui.model import settings
from tuiml.tui.model.catalog import Catalog
from tuiml.tui.model.preset_files import named
from tuiml.tui.widgets.dialogs import NameDialog
from tuiml.tui.widgets.item_list import FilterInput


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are read as soon as the cursor is on them."""
    monkeypatch.setattr("tuiml.tui.library.preview_pane.SETTLED", 0.001)


# -- the list and the preview ------------------------------------------------------------------------------


async def test_it_opens_on_the_preset_being_edited_with_its_preview():
    async with library("mnist-relu-3") as keys:
        assert keys.selected == "mnist-relu-3"
        assert "dense 256 relu" in keys.library.preview.text
        await keys.press("down")
        assert keys.selected == "mnist-sigmoid-10"
        assert "dense 256 sigmoid" in keys.library.preview.text


async def test_a_tab_that_is_asked_for_while_the_list_is_read_is_opened(monkeypatch: pytest.MonkeyPatch):
    read, real = threading.Event(), Catalog.readings
    monkeypatch.setattr(Catalog, "readings", lambda *given: read.wait(10) and real(*given))
    app = Shell()
    async with app.run_test() as pilot:
        app.library.shown()
        await pilot.press("left")
        assert not app.library.items
        read.set()
        await until(lambda: app.library.view.tab == "Studies", pilot)
        await pilot.press("left")
        assert app.library.names._empty == "no runs yet: ctrl+r trains digits-quickstart"


async def test_the_cursor_passes_over_headings_and_arrows_go_through_the_tabs():
    files_on_disk.preset("mine")
    files_on_disk.run("first")
    async with library() as keys:
        assert keys.selected == "first"
        await keys.press("left", "left")
        assert keys.library.view.tab == "Presets"
        await keys.press("home")
        assert keys.selected == "mine"
        await keys.press("down")
        assert keys.library.item.kind == "bundled"
        await keys.press("k")
        assert keys.selected == "mine"
        await keys.press("end", "up", *["pageup"] * 4)
        assert keys.selected == "mine"
        await keys.press("right", "right", "right")
        assert keys.library.view.tab == "Studies"
        assert keys.library.item.kind == "study"
        await keys.pilot.click("#library-tabs", offset=(3, 0))
        await keys.settle()
        assert keys.selected == "first"


async def test_a_run_shows_its_figures_and_curves():
    files_on_disk.run("first", accuracy=0.941)
    async with library() as keys:
        await keys.press("end")
        text = keys.library.preview.text
        assert "completed" in text
        assert "94.1 %" in text
        assert "loss  train" in text


async def test_the_list_is_read_again_when_the_place_is_shown_and_keeps_the_cursor():
    async with library("mnist-relu-3") as keys:
        files_on_disk.preset("mine")
        keys.library.shown()
        await keys.settle()
        assert "mine" in keys.names
        assert keys.selected == "mnist-relu-3"


async def test_what_is_broken_is_a_row_with_its_problem():
    own_folder().mkdir()
    (own_folder() / "torn.toml").write_text("layers = [")
    (runs_folder() / "empty").mkdir(parents=True)
    async with library() as keys:
        await keys.select("torn")
        assert "not TOML" in keys.library.preview.text
        await keys.press("enter")
        await keys.select("empty")
        said = "".join(keys.library.preview.text.split())  # however a long path is broken
        assert "hasnostart" in said or "preset.toml" in said
        await keys.press("enter")
        assert keys.app.opened == []
        assert keys.app.went == []


async def test_hostile_names_are_shown_as_they_are_but_for_control_characters():
    files_on_disk.run(files_on_disk.HOSTILE.replace("/", "_"))
    own_folder().mkdir()
    (own_folder() / "[bold.toml").write_text('version = 1\nname = "[/]"\n')
    (own_folder() / os.fsdecode(b"\xff\x1b.toml")).write_text("?")  # not a name in UTF-8
    async with library() as keys:
        await keys.press("end")
        assert "[@click=app.quit]" in keys.library.preview.text
        await keys.press("number_sign")
        shown = keys.app.screen.query_one(".title", Static).render()
        assert "[@click=app.quit]x[bold" in str(shown)
        assert "\x1b" not in str(shown)
        await keys.press("escape")
        await keys.select("[bold")
        await keys.press("r")
        assert keys.app.screen.query_one(Input).value == "[/]"
        await keys.press("escape", "home")
        lines = [keys.library.names.render_line(y).text for y in range(6)]
        lines += keys.library.preview.text.splitlines()
        assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_list_and_preview_are_beside_each_other(size: tuple[int, int]):
    async with library(size=size) as keys:
        names, preview = keys.library.names.region, keys.library.preview.region
        assert names.height == preview.height == size[1] - 1
        assert min(names.width, preview.width) >= 37
        assert preview.right == size[0]
        assert not keys.library.enabled("item_preview")


async def test_list_and_preview_take_turns_where_it_is_narrow():
    async with library("mnist-relu-3", size=(40, 12)) as keys:
        assert keys.library.names.region.width == 40
        assert not keys.library.preview.region.area
        await keys.press("z")
        assert keys.library.preview.region.width == 40
        before = keys.library.preview.scroll_offset.y
        await keys.press("down")
        assert keys.library.preview.scroll_offset.y == before + 1
        await keys.press("escape")
        assert keys.library.names.region.width == 40
        assert keys.app.focused is keys.library.names
        await keys.press("z")
        await keys.pilot.resize_terminal(100, 30)
        await keys.settle()
        assert keys.library.names.region.area


async def test_tab_goes_to_the_preview_where_the_arrows_scroll():
    async with library("mnist-sigmoid-10", size=(80, 24)) as keys:
        await keys.press("tab", "down", "j")
        assert keys.library.preview.scroll_offset.y == 2
        assert keys.selected == "mnist-sigmoid-10"
        await keys.press("end", "home")
        assert keys.library.preview.scroll_offset.y == 0
        await keys.press("enter")
        assert keys.app.opened == [("mnist-sigmoid-10", None, "mnist-sigmoid-10")]


async def test_the_mouse_selects_and_opens():
    async with library() as keys:
        await keys.pilot.click("#library-items", offset=(5, 3))
        await keys.settle()
        assert keys.selected == keys.names[2]
        assert keys.app.opened == []
        await keys.pilot.click("#library-items", offset=(5, 4), times=2)
        await keys.settle()
        assert [name for name, _, _ in keys.app.opened] == [keys.names[3]]
        await keys.pilot.click("#library-items", offset=(5, 0))  # a heading
        assert keys.selected == keys.names[3]


# -- the filter --------------------------------------------------------------------------------------------


async def test_typing_filters_and_escape_shows_all_again():
    async with library() as keys:
        everything = keys.names
        await keys.press("slash")
        await keys.type("relu-10")
        assert keys.names == ["mnist-relu-10"]
        assert "dense 256 relu" in keys.library.preview.text
        await keys.press("enter")
        assert keys.app.focused is keys.library.names
        assert keys.names == ["mnist-relu-10"]
        await keys.press("escape")
        assert keys.names == everything
        assert keys.selected == "mnist-relu-10"


async def test_a_filter_that_nothing_passes_leaves_the_cursor_where_it_was():
    async with library("mnist-relu-3") as keys:
        await keys.press("slash")
        await keys.type("no such thing")
        assert keys.library.item is None
        assert keys.library.preview.text == ""
        await keys.press("enter", "enter", "escape")
        assert keys.selected == "mnist-relu-3"
        assert "dense 256 relu" in keys.library.preview.text


async def test_letters_that_are_keys_go_to_the_filter_and_arrows_to_the_list():
    files_on_disk.preset("mine")
    async with library() as keys:
        await keys.press("slash")
        await keys.press(*"nxd")
        assert keys.library.filter.value == "nxd"
        assert keys.names == []
        await keys.press("enter", "x")
        assert [p.name for p in own()] == ["mine"]
        await keys.press("slash")
        await keys.type("mnist")
        before = keys.selected
        await keys.press("down")
        assert keys.selected != before
        assert isinstance(keys.app.focused, FilterInput)


# -- opening -----------------------------------------------------------------------------------------------


async def test_enter_opens_a_preset_in_build_knowing_where_it_is_from():
    mine = files_on_disk.preset("mine")
    async with library() as keys:
        await keys.select("mine")
        await keys.press("enter")
        await keys.select("mnist-relu-10")
        await keys.press("enter")
        assert keys.app.opened == [("mine", mine, ""), ("mnist-relu-10", None, "mnist-relu-10")]
        assert keys.app.went == ["build", "build"]


async def test_enter_shows_a_run_in_train_and_p_opens_its_preset():
    files_on_disk.run("first", of="spiral-playground")
    async with library() as keys:
        await keys.press("end", "enter")
        assert keys.app.model.name == "first"
        assert keys.app.model.status == "completed"
        assert keys.app.went == ["train"]
        await keys.press("p")
        assert keys.app.opened == [("spiral-playground", None, "")]
        await keys.press("r")
        await keys.type("better")
        await keys.press("enter")
        assert keys.app.model.name == "better"
        assert keys.app.model.end.path == str(runs_folder() / "better")


async def test_a_run_being_trained_is_not_replaced_by_a_past_one():
    files_on_disk.run("first")
    async with library() as keys:
        keys.app.model.begin(find("digits-quickstart").document(), "now")
        keys.app.client.active = True
        await keys.press("end", "enter")
        assert keys.app.model.name == "now"
        assert keys.app.went == []
        assert ["now" in text for text in keys.app.complaints] == [True]


async def test_a_new_preset_is_untitled_and_of_no_file():
    async with library() as keys:
        await keys.press("n")
        assert keys.app.opened == [("untitled", None, "")]


# -- changing ----------------------------------------------------------------------------------------------


async def test_duplicate_makes_an_own_preset_and_selects_it():
    async with library("mnist-relu-3") as keys:
        await keys.press("d")
        assert [p.name for p in own()] == ["mnist-relu-3-copy"]
        assert keys.selected == "mnist-relu-3-copy"


async def test_rename_asks_refuses_what_is_taken_and_selects_the_renamed():
    files_on_disk.preset("mine")
    files_on_disk.preset("other")
    async with library() as keys:
        await keys.select("mine")
        await keys.press("r")
        assert isinstance(keys.app.screen, NameDialog)
        await keys.type("other")
        await keys.press("enter")
        assert isinstance(keys.app.screen, NameDialog)
        assert "there is a preset" in str(keys.app.screen.query_one(".said", Static).render())
        await keys.type("third")
        await keys.press("enter")
        assert [p.name for p in own()] == ["other", "third"]
        assert keys.selected == "third"


async def test_renaming_the_preset_being_edited_renames_the_document_and_keeps_its_edits():
    path = files_on_disk.preset("mine")
    async with library("mine") as keys:
        document = keys.app.document
        document.set("training.epochs", 7)
        await keys.press("r")
        await keys.type("yours")
        await keys.press("enter")
        assert document.path == path.with_name("yours.toml")
        assert document.raw["name"] == "yours"
        assert document.raw["training"]["epochs"] == 7
        assert document.dirty
        document.set("training.epochs", read(document.path)["training"]["epochs"])
        assert not document.dirty


async def test_a_run_is_renamed_and_deleted():
    files_on_disk.run("first")
    files_on_disk.run("second", day=2)
    async with library() as keys:
        await keys.select("first")
        await keys.press("r")
        await keys.type("second")
        await keys.press("enter")
        assert isinstance(keys.app.screen, NameDialog)
        await keys.press("escape", "r")
        await keys.type("best")
        await keys.press("enter")
        assert library_names() == ["best", "second"]
        assert keys.selected == "best"
        await keys.press("x")
        assert library_names() == ["second"]
        assert keys.selected == "second"
        assert "u undoes it" in keys.app.said[-1]
        await keys.press("u")
        assert library_names() == ["best", "second"]
        assert keys.selected == "best"


async def test_deleting_the_preset_being_edited_leaves_it_unsaved():
    path = files_on_disk.preset("mine")
    async with library("mine") as keys:
        await keys.press("delete")
        assert not path.exists()
        assert keys.app.document.path is None
        assert keys.app.document.dirty
        assert "mine" not in keys.names
        await keys.press("u")
        assert path.exists()
        assert keys.selected == "mine"


async def test_bundled_presets_and_a_run_that_goes_on_cannot_be_renamed_or_deleted(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("tuiml.runs.library.is_held", lambda _path: True)
    files_on_disk.run("first", reason=None)
    async with library() as keys:
        for name in ("mnist-relu-3", "first"):
            await keys.select(name)
            await keys.press("x", "r")
            assert not isinstance(keys.app.screen, NameDialog)
            assert not keys.library.enabled("item_delete")
        assert keys.selected == "first"


async def test_what_fails_on_disk_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch):
    def full(*_args: Any) -> Path:
        raise OSError(28, "No space left on device", "/disk")

    monkeypatch.setattr("tuiml.tui.model.preset_files.save", full)
    async with library() as keys:
        await keys.press("d")
        assert keys.app.complaints == ["/disk: No space left on device"]


# -- the open dialog ---------------------------------------------------------------------------------------


async def test_the_open_dialog_finds_as_one_types_and_opens():
    async with library() as keys:
        keys.library.ask(lambda path: None)
        await keys.settle()
        assert isinstance(keys.app.screen, OpenDialog)
        await keys.press(*"relu-10", "enter")
        assert keys.app.opened == [("mnist-relu-10", None, "mnist-relu-10")]
        assert not isinstance(keys.app.screen, OpenDialog)


async def test_the_open_dialog_takes_the_path_of_a_file(tmp_path: Path):
    elsewhere = tmp_path / "else.toml"
    async with library() as keys:
        keys.library.ask(lambda path: None)
        await keys.settle()
        await keys.type(str(elsewhere))
        await keys.press("enter")
        assert "cannot be read" in str(keys.app.screen.query_one(".said", Static).render())
        elsewhere.write_bytes(find("mnist-relu-3").path.read_bytes())
        await keys.press("enter")
        assert keys.app.opened == [("mnist-relu-3", elsewhere, "")]


async def test_escape_leaves_the_open_dialog_and_nothing_is_opened():
    async with library() as keys:
        keys.library.ask(lambda path: None)
        await keys.settle()
        await keys.press("down", "escape")
        assert not isinstance(keys.app.screen, OpenDialog)
        assert keys.app.opened == []


# -- in the app --------------------------------------------------------------------------------------------


@asynccontextmanager
async def whole_app(name: str = "digits-quickstart") -> AsyncIterator[Keys]:
    app = TuimlApp(named(name), client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        keys = Keys(app, pilot)
        await keys.settle()
        yield keys


async def test_ctrl_o_opens_a_preset_from_anywhere():
    async with whole_app() as keys:
        await keys.press("2", "ctrl+o")
        await keys.type("mnist-relu-10")
        await keys.press("enter")
        assert keys.app.document.origin == "mnist-relu-10"
        assert keys.app.screen_name == "build"


async def test_a_past_run_is_shown_in_train_and_remembered():
    files_on_disk.run("first")
    async with whole_app() as keys:
        await keys.press("3")
        await keys.until(lambda: any(item.run for item in keys.app.query_one(Library).items))
        await keys.press("end", "enter")
        await keys.until(lambda: keys.app.screen_name == "train")
        assert keys.app.model.name == "first"
        await keys.pilot.press("ctrl+q")
    assert settings.load().run == str(runs_folder() / "first")


async def test_unsaved_edits_of_a_preset_left_open_follow_its_new_name():
    files_on_disk.preset("mine")
    async with whole_app("mine") as keys:
        keys.app.document.set("training.epochs", 7)
        await keys.press("3")
        await keys.select("mnist-relu-10")
        await keys.press("enter", "3")
        await keys.select("mine")
        await keys.press("r")
        await keys.type("yours")
        await keys.press("enter", "enter")
        assert keys.app.document.path.stem == "yours"
        assert keys.app.document.raw["training"]["epochs"] == 7
        assert keys.app.document.raw["name"] == "yours"


async def test_the_key_bar_offers_only_what_suits_the_selected():
    files_on_disk.preset("mine")
    async with whole_app("mine") as keys:
        await keys.press("3")
        bar = keys.app.query_one(KeyBar)
        assert {"item_rename", "item_delete"} <= set(bar.shown)
        await keys.press("down")
        assert keys.library.item.kind == "bundled"
        assert not {"item_rename", "item_delete", "item_preset"} & set(bar.shown)
        assert "item_duplicate" in bar.shown


@pytest.mark.parametrize("kind", ["presets", "runs"])
async def test_a_folder_that_cannot_be_read_is_said_and_not_shown_as_empty(
    own_folders: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_folders / kind).write_text("a file in the folder's place")
    async with Bench.opened() as on:
        await on.press("3")
        names = on.app.query_one(Library).names
        await on.until(lambda: any("cannot be listed: Not a directory" in row.name for row in names.rows))
        assert any(row.name == "bundled presets" for row in names.rows)
        assert names.key is not None, "the cursor is on something that can be opened"
        await on.press("ctrl+o")
        await on.until(lambda: "cannot be listed: Not a directory" in screen_text(on.app))
        await on.press("escape", "ctrl+p")
        await on.press(*"cannot")
        assert ("your presets cannot be listed" in screen_text(on.app)) is (kind == "presets")
        if kind == "presets":
            await on.press("enter")
            assert "cannot be listed: Not a directory" in on.complaints[-1]
    if kind == "presets":
        assert main(["presets"]) == 0
        out, err = capsys.readouterr()
        assert "digits-quickstart" in out
        assert err == f"tuiml: {own_folders / kind} cannot be listed: Not a directory\n"
