"""The Library's table of runs: order, filter, tags, marks, comparison; its layout at three sizes."""

import pytest

from tests.tui import files_on_disk
from tests.tui.bench import SIZES, screen_text
from tests.tui.library.opened import Keys, library, library_names
from tuiml.runs import tags
from tuiml.runs.folder import PRESET, runs_folder
from tuiml.spec import dumps
from tuiml.spec.library import find
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.library.compare_dialog import CompareDialog
from tuiml.tui.library.screen import Library
from tuiml.tui.model import catalog, settings
from tuiml.tui.model.catalog import Item, Source
from tuiml.tui.widgets.item_list import FilterInput

RUNS = (("slow", 0.0015, 1), ("fast", 0.5, 4), ("middle", 0.02, 3))
"""Names, learning rates and epochs."""


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs that differ in their rates, and how good they are."""
    monkeypatch.setattr("tuiml.tui.library.preview_pane.SETTLED", 0.001)
    for day, (name, rate, epochs) in enumerate(RUNS, 1):
        path = files_on_disk.run(name, day=day, epochs=epochs)
        document = find("digits-quickstart").document()
        document["training"] |= {"learning_rate": rate, "optimizer": "rmsprop"}
        (path / PRESET).write_text(dumps(document))


def lines(keys: Keys) -> list[str]:
    names = keys.library.names
    rows = [names.render_line(y).text for y in range(len(names.rows))]
    return [" ".join(row.split()) for row in rows]


async def test_runs_come_first_and_say_what_differs_from_their_preset():
    async with library() as keys:
        assert keys.library.view.tab == "Runs"
        assert keys.names == ["middle", "fast", "slow"], "the newest first"
        row = lines(keys)[1]
        assert row.startswith("fast rmsprop, lr .5")
        assert "70.0 %" in row, "of the best epoch"
        assert "completed" in row


async def test_the_order_is_that_of_a_column_by_key_and_by_mouse():
    async with library() as keys:
        while keys.library.view.by.id != "val":
            await keys.press("S")
        assert keys.names == ["fast", "middle", "slow"]
        assert "val ▼" in keys.library.header.render_line(0).text
        await keys.press("R")
        assert keys.names[0] == "slow"
        assert "val ▲" in keys.library.header.render_line(0).text
        await keys.pilot.click("#library-header", offset=(4, 0))
        assert keys.names == ["fast", "middle", "slow"]
        await keys.pilot.click("#library-header", offset=(4, 0))
        assert keys.names == ["slow", "middle", "fast"]


async def test_the_filter_takes_settings_counts_and_says_what_it_does_not_know():
    async with library() as keys:
        await keys.press("slash", *"lr<.1")
        assert keys.names == ["middle", "slow"]
        assert "Runs 2 of 3" in screen_text(keys.app)
        await keys.type("lr<.1 -mid")
        assert keys.names == ["slow"]
        await keys.type("rat>3")
        assert "unknown setting 'rat'" in screen_text(keys.app)
        assert keys.names == []
        await keys.press("escape")
        assert len(keys.names) == 3


async def test_tags_are_written_shown_and_found():
    async with library() as keys:
        await keys.select("slow")
        await keys.press("number_sign", *"best", "enter")
        assert tags.read_tags(runs_folder() / "slow") == ("best",)
        assert "#best" in next(row for row in lines(keys) if "slow" in row)
        await keys.press("slash", *"tag:best")
        assert keys.names == ["slow"]
        await keys.press("enter", "number_sign", "ctrl+u", "enter")
        assert tags.read_tags(runs_folder() / "slow") == ()


async def test_marked_runs_get_a_tag_and_are_deleted_together():
    async with library() as keys:
        await keys.select("slow")
        await keys.press("space", "up", "space")
        assert "2 marked" in screen_text(keys.app)
        await keys.press("number_sign", "x", "enter")
        found = {name: tags.read_tags(runs_folder() / name) for name in library_names()}
        assert found == {"slow": ("x",), "fast": ("x",), "middle": ()}
        await keys.press("x")
        assert library_names() == ["middle"]
        await keys.press("u")
        assert library_names() == ["fast", "middle", "slow"]
        await keys.select("middle")
        await keys.press("space", "escape")
        assert "marked" not in screen_text(keys.app)
        await keys.press("x")
        assert library_names() == ["fast", "slow"], "without marks it is the selected one"


async def test_marked_runs_are_compared_by_settings_and_figures_then_by_curves():
    async with library() as keys:
        await keys.select("slow")
        await keys.press("equals_sign")
        assert not isinstance(keys.app.screen, CompareDialog), "one run is no comparison"
        await keys.press("space", "up", "equals_sign")
        assert isinstance(keys.app.screen, CompareDialog)
        shown = screen_text(keys.app)
        assert "training.learning_rate 0.0015 0.5" in shown
        assert "epochs 1/1 4/4" in shown
        assert "optimizer" not in shown, "it is the same"
        await keys.press("enter")
        assert keys.app.compared == [["slow", "fast"]]


@pytest.mark.parametrize("size", SIZES)
async def test_figures_are_seen_at_every_size(size: tuple[int, int]):
    async with library(size=size) as keys:
        header, row = keys.library.header.render_line(0).text, lines(keys)[0]
        assert header.index("val") < header.index("epochs")
        assert "rmsprop, lr .02" in row
        assert (size[0] < 100) or "completed" in row
        assert header.index("epochs") < header.index("when"), "the column that they are sorted by is there"
        height = keys.library.preview.region.height
        assert height >= 9
        assert "test" in keys.library.preview.text
        if size[1] < 40:
            await keys.press("z")
            assert keys.library.preview.region.height > height
            await keys.press("escape")
            assert keys.app.focused is keys.library.names


async def test_a_further_kind_of_items_has_a_tab_while_there_are_any(
    monkeypatch: pytest.MonkeyPatch, tmp_path
):
    opened: list[str] = []
    listed: list[Item] = []
    source = Source(
        "lesson",
        "Lessons",
        lambda: listed,
        lambda shell, item: opened.append(item.name),
        lambda item, width, height, look: [],
    )
    monkeypatch.setattr(catalog, "SOURCES", [source])
    monkeypatch.setattr("tuiml.tui.model.item_rows.SOURCES", [source])
    async with library() as keys:
        assert "Lessons" not in screen_text(keys.app)
        listed.append(Item("lesson", "why sigmoid stacks fail", tmp_path, about="1 of 12", source=source))
        keys.library.refresh_list()
        await keys.settle()
        await keys.press("left")
        assert "Lessons 1" in screen_text(keys.app)
        await keys.press("enter")
        assert opened == ["why sigmoid stacks fail"]


@pytest.mark.parametrize("tab", ["Studies", "Presets"])
async def test_the_open_tab_is_that_of_the_last_session(tab: str):
    for before in ("Runs", tab):
        app = TuimlApp(None, settings.load())
        async with app.run_test(size=(120, 40)) as pilot:
            keys = Keys(app, pilot)
            await keys.press("3")
            await keys.until(lambda view=keys.library.view: view.tab)
            assert keys.library.view.tab == before
            while keys.library.view.tab != tab:
                await keys.press("right")
            await pilot.press("ctrl+q")


async def test_keys_typed_into_the_filter_are_no_commands():
    async with library() as keys:
        await keys.press("slash", "x", "u", "S")
        assert library_names() == ["fast", "middle", "slow"]
        assert keys.library.filter.value == "xuS"
        assert isinstance(keys.app.focused, FilterInput)
        assert isinstance(keys.library, Library)
