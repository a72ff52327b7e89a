"""Jump mode: a letter on everything that can take the focus."""

import pytest
from textual.widgets import Static

from tests.tui.bench import SIZES, Bench
from tests.tui.files_on_disk import preset
from tuiml.tui.app.main_screen import MainScreen
from tuiml.tui.model.preset_files import named
from tuiml.tui.widgets.dialogs import NameDialog
from tuiml.tui.widgets.jump import LETTERS, JumpScreen


def letters(on: Bench) -> dict[str, tuple[int, int]]:
    """The letters on the screen, and where they are."""
    assert isinstance(on.app.screen, JumpScreen)
    labels = [label for label in on.app.screen.query(Static) if label.id != "jump-keys"]
    return {str(label.render()).strip(): (label.region.x, label.region.y) for label in labels}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", ["1", "2", "3"])
@pytest.mark.usefixtures("quick")
async def test_each_part_of_a_screen_can_be_jumped_to(size: tuple[int, int], place: str) -> None:
    async with Bench.opened(named(str(preset("mine"))), size=size, keys=(place,)) as on:
        await on.press("ctrl+g")
        shown = letters(on)
        assert list(shown) == list(LETTERS[: len(shown)])
        fields = on.build.form.jumps() if place == "1" else ()
        for letter, (x, y) in list(shown.items())[: len(shown) - len(list(fields))]:
            assert 0 <= x < size[0]
            assert 1 <= y < size[1] - 1, "not on the top bar nor on the key bar"
            await on.press(letter)
            assert isinstance(on.app.screen, MainScreen)
            assert on.app.focused is not None
            assert on.app.focused.region.contains(x, y), letter
            await on.press("ctrl+g")
        await on.press("escape")
        assert isinstance(on.app.screen, MainScreen)


@pytest.mark.usefixtures("quick")
async def test_each_field_of_the_form_can_be_jumped_to() -> None:
    async with Bench.opened(named(str(preset("mine")))) as on:
        fields = [number for number, _ in enumerate(on.build.form.model.fields)]
        await on.press("ctrl+g")
        shown = letters(on)
        assert len(shown) > len(fields) / 2
        await on.press(LETTERS[3])
        assert on.build.form.has_focus
        assert on.build.form.model.focus == 2, "the first letter is that of the layer table"
        await on.press("ctrl+g", "1")
        assert isinstance(on.app.screen, JumpScreen), "1 is no letter here"
        await on.press("escape")
        assert on.build.form.model.focus == 2


@pytest.mark.usefixtures("quick")
async def test_it_ends_when_the_size_of_the_screen_changes() -> None:
    async with Bench.opened(named(str(preset("mine"))), size=(120, 40), keys=("ctrl+g",)) as on:
        assert letters(on)
        await on.pilot.resize_terminal(80, 24)
        await on.until(lambda: isinstance(on.app.screen, MainScreen))


@pytest.mark.usefixtures("quick")
async def test_it_works_in_a_dialog_and_while_a_text_is_typed() -> None:
    async with Bench.opened(named(str(preset("mine")))) as on:
        await on.press("ctrl+p", *"save as", "enter")
        await on.until(lambda: isinstance(on.app.screen, NameDialog))
        await on.press("ctrl+g")
        assert len(letters(on)) == 1
        await on.press("a")
        assert isinstance(on.app.screen, NameDialog)
        await on.press("ctrl+g", "ctrl+g")
        assert isinstance(on.app.screen, NameDialog)
