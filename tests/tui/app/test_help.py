"""The help: it begins with where one is, and what is typed narrows it."""

import pytest
from textual.widgets import Input

from tests.tui.bench import Bench
from tests.tui.files_on_disk import preset
from tuiml.tui.app.help import HelpScreen, help_strips, places_of
from tuiml.tui.charts.palette import Look
from tuiml.tui.keys import actions, key_word
from tuiml.tui.model.preset_files import named
from tuiml.tui.widgets.strips_view import StripsView


def text(on: Bench) -> str:
    assert isinstance(on.app.screen, HelpScreen)
    return on.app.screen.query_one(StripsView).text


@pytest.mark.parametrize(
    ("keys", "first"),
    [((), "Build"), (("tab",), "In a form"), (("2",), "Train"), (("3",), "Library")],
)
@pytest.mark.usefixtures("quick")
async def test_it_begins_with_the_place(keys: tuple[str, ...], first: str) -> None:
    async with Bench.opened(keys=keys) as on:
        assert places_of(on.app.screen)[-1] == "any"
        await on.press("question_mark")
        assert text(on).split("\n")[0] == first
        titles = [line for line in text(on).split("\n") if line and not line.startswith(" ")]
        assert titles.index("Everywhere") < titles.index("In the note"), (
            "what works here before what does not"
        )


@pytest.mark.parametrize(
    ("keys", "key", "first"),
    [
        (("y",), "question_mark", "In the activation explorer"),
        (("ctrl+p",), "f1", "In a list to choose from"),
        (("o",), "f1", "In files and folders"),
    ],
)
@pytest.mark.usefixtures("quick")
async def test_in_a_dialog_it_begins_with_the_dialog_and_goes_back_to_it(
    keys: tuple[str, ...], key: str, first: str
) -> None:
    async with Bench.opened(named(str(preset("mine"))), keys=("down", *keys)) as on:
        dialog = on.app.screen
        assert dialog is not on.app.screen_stack[0]
        await on.press(key)
        assert text(on).split("\n")[0] == first
        await on.press("escape")
        assert on.app.screen is dialog


@pytest.mark.usefixtures("quick")
async def test_in_a_field_a_question_mark_is_a_letter() -> None:
    async with Bench.opened(keys=("ctrl+s", "question_mark")) as on:
        assert "?" in on.app.screen.query_one(Input).value


@pytest.mark.usefixtures("quick")
async def test_what_is_typed_narrows_it() -> None:
    async with Bench.opened(keys=("question_mark",)) as on:
        whole = text(on)
        await on.press(*"duplicate")
        assert "Duplicate the selected layer." in text(on)
        assert len(text(on)) < len(whole) / 5
        await on.press(*"zzz")
        assert text(on).strip() == "no matches"
        await on.press("escape")
        assert text(on) == whole
        await on.press(*"ctrl+r")
        assert "Start the training" in text(on)
        assert "Undo" not in text(on)
        await on.press("question_mark")
        assert text(on) == whole
        await on.press("question_mark")
        assert on.app.screen is on.app.screen_stack[0]


def test_it_calls_an_action_as_the_key_bar_does() -> None:
    shown = "\n".join(strip.text for strip in help_strips(90, Look()))
    for row in actions():
        assert f" {row.label[:1].upper()}{row.label[1:]} " in shown, row.id
    assert f"{key_word('ctrl+p')} " in next(line for line in shown.split("\n") if " Save as " in line)


@pytest.mark.parametrize("width", [40, 73, 90, 160])
def test_its_lines_have_the_width_that_is_there(width: int) -> None:
    assert {strip.cell_length for strip in help_strips(width, Look())} == {width}
