"""What leaves the app: charts and the screen as SVG, text for the clipboard."""

from __future__ import annotations

import base64
import re
import tomllib
from xml.etree import ElementTree

import pytest

from tests.tui.bench import SIZES, Bench
from tests.tui.documents import raw
from tests.tui.recorded_events import batch, epoch, start
from tuiml.files import home
from tuiml.tui.app import pictures
from tuiml.tui.model.document import Document


def picture() -> str:
    (path,) = (home() / "pictures").glob("*.svg")
    return path.read_text()


def words(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return "\n".join("".join(element.itertext()) for element in root.iter() if element.tag.endswith("text"))


@pytest.mark.parametrize("size", SIZES)
async def test_ctrl_e_saves_the_selected_chart(size: tuple[int, int]) -> None:
    async with Bench.opened(Document(raw()), size=size, keys=("2",)) as on:
        await on.press("ctrl+r")
        await on.report(start(), *[batch(1, step, 2 / step) for step in range(1, 11)], epoch(1, 10, 0.3, 0.4))
        await on.press("ctrl+e")
        svg = picture()
        shown = words(svg).replace("\xa0", " ")
        assert on.train.charts.slots[0].view.text.split()[0] in shown
        assert on.app._notifications
        (note,) = on.app._notifications
        assert note.message.endswith(".svg")


async def test_a_second_picture_does_not_replace_the_first() -> None:
    async with Bench.opened(Document(raw())) as on:
        for _ in range(2):
            await on.press("ctrl+p", *"screenshot", "enter")
        names = {path.name for path in (home() / "pictures").iterdir()}
        assert {name.removesuffix(".svg").removesuffix("-2") for name in names} == {min(names, key=len)[:-4]}
        assert len(names) == 2


async def test_a_screenshot_shows_the_screen_and_loads_nothing() -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("ctrl+p", *"screenshot", "enter")
        svg = picture()
        assert "Build" in words(svg)
        addresses = set(re.findall(r"(?:https?:)?//[^\s\"')]+", svg))
        assert addresses == {"http://www.w3.org/2000/svg"}
        assert not re.search(r"<script|@import|@font-face|\shref=", svg)


async def test_where_there_is_no_chart_it_says_so() -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("ctrl+e")
        assert not (home() / "pictures").exists()
        assert "no chart" in next(iter(on.app._notifications)).message


async def test_a_folder_that_takes_nothing_is_an_error_of_one_line() -> None:
    async with Bench.opened(Document(raw())) as on:
        (home() / "pictures").write_text("in the way")
        await on.press("ctrl+p", *"screenshot", "enter")
        assert "nothing was saved" in next(iter(on.app._notifications)).message


def test_titles_from_files_are_text() -> None:
    svg = pictures.svg([], 10, "<b>{x}</b>&", "#000000", "#ffffff")
    title = ElementTree.fromstring(svg)[0]
    assert title.text == "<b>{x}</b>&"


async def test_the_preset_and_the_layer_table_are_copied() -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("ctrl+p", *"copy preset", "enter")
        assert tomllib.loads(on.app.clipboard)["layers"] == raw()["layers"]
        await on.press("ctrl+p", *"copy layer", "enter")
        lines = [line.split("\t") for line in on.app.clipboard.splitlines()]
        assert len(lines) == 1 + len(raw()["layers"])
        assert len({len(line) for line in lines}) == 1
        assert "layer" in lines[0]
        await on.press("ctrl+p", *"copy command", "enter")
        assert "save the preset first" in list(on.app._notifications)[-1].message


async def test_the_terminal_is_asked_to_set_the_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Bench.opened(Document(raw(), origin="digits-quickstart")) as on:
        written: list[str] = []
        monkeypatch.setattr(on.app._driver, "write", written.append)
        await on.press("ctrl+p", *"copy command", "enter")
        encoded = base64.b64encode(b"tuiml train digits-quickstart").decode()
        assert any(f"]52;c;{encoded}" in text for text in written)
