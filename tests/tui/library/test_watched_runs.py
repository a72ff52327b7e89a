"""Watched runs in the Library: their rows and previews, and what can be done with them."""

from __future__ import annotations

import pytest

from tests import watched_runs
from tests.tui.bench import Bench, screen_text
from tests.watched_runs import damage, watched
from tuiml.runs import library

pytestmark = pytest.mark.usefixtures("quick")


async def test_a_row_says_framework_and_model_and_the_preview_shows_curves_and_modules() -> None:
    watched_runs.write(epochs=True, accuracy=True)
    async with Bench.opened(size=(160, 50), keys=("3",)) as on:
        await on.until(lambda: "loss train" in screen_text(on.app))
        shown = screen_text(on.app)
        assert "my-net pytorch, Net, SGD, lr .1 90.0 % .290 2 0:02 completed" in shown
        assert "a loop of your own" in shown
        assert "200 steps, 0:02 of training" in shown
        preview = on.app.query_one("#library").preview
        text = "\n".join(strip.text for strip in preview._drawing(100, 200, on.app.look))
        assert "body Sequential" in text
        assert "3,466" in text, "the parameters of all, each once"
        assert "Net, 6 modules" in text
        assert "pytorch 2.9" in text
        assert "epoch" not in text


async def test_what_is_not_seen_is_said_in_the_preview() -> None:
    limits = ("3 modules are compiled: their outputs are not seen",)
    watched_runs.write(model=watched(limits=limits))
    async with Bench.opened(size=(160, 50), keys=("3",)) as on:
        preview = on.app.query_one("#library").preview
        await on.until(lambda: "loss train" in screen_text(on.app))
        text = "\n".join(strip.text for strip in preview._drawing(100, 200, on.app.look))
        assert "3 modules are compiled" in text


async def test_what_needs_a_preset_is_off_and_says_why() -> None:
    watched_runs.write()
    async with Bench.opened(keys=("3",)) as on:
        assert not {"item_resume", "item_preset", "item_duplicate"} & set(on.keys)
        for key in ("g", "p", "d"):
            on.app.query_one("TopBar")._said = ""
            await on.press(key)
            assert "a loop of your own: do this there" in screen_text(on.app), key
            assert on.app.screen_name == "library"


async def test_it_is_opened_tagged_renamed_deleted_and_brought_back() -> None:
    path = watched_runs.write()
    async with Bench.opened(keys=("3",)) as on:
        await on.press("number_sign", *"good", "enter")
        await on.until(lambda: "#good" in screen_text(on.app))
        await on.press("r", *["backspace"] * 6, *"other", "enter")
        await on.until(lambda: "other" in screen_text(on.app))
        assert library.summary(path.with_name("other")).tags == ("good",)
        await on.press("x")
        assert library.names() == []
        await on.press("u")
        assert library.names() == ["other"]
        await on.until(lambda: "other" in screen_text(on.app))
        await on.press("enter")
        await on.until(lambda: on.app.screen_name == "train" and on.model.watched is not None)


async def test_the_run_on_the_screen_is_renamed_while_it_is_shown() -> None:
    path = watched_runs.write()
    async with Bench.opened(run=path) as on:
        await on.until(lambda: on.model.watched is not None)
        await on.press("3", "r", *["backspace"] * 6, *"other", "enter", "2")
        await on.until(lambda: on.model.name == "other")
        assert on.client.path == "", "no process looks into a network that is not tuiml's"


async def test_two_loops_are_compared_with_their_curves() -> None:
    watched_runs.write("a")
    watched_runs.write("b", model=watched(rate=0.01))
    async with Bench.opened(keys=("3", "space", "down", "space", "equals_sign")) as on:
        shown = screen_text(on.app)
        assert "training.learning_rate" in shown
        await on.press("enter")
        await on.until(lambda: on.app.screen_name == "train" and len(on.train.selection.others) == 1)
        assert on.loss.axis.unit == "step"


@pytest.mark.parametrize("how", ["missing", "torn", "large", "wrong"])
async def test_a_damaged_one_is_listed_with_its_problem(how: str) -> None:
    damage(watched_runs.write("bad"), how)
    watched_runs.write("good")
    async with Bench.opened(keys=("3", "end", "home", "enter")) as on:
        await on.press("down", "enter", "g", "p", "d", "space")
        assert on.app.screen_name in ("library", "train")
        assert "bad" in library.names()
