"""Exports from the app: the dialog names the place, a process writes, and the app says what it wrote."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.tui import files_on_disk
from tests.tui.bench import Bench
from tests.tui.documents import raw
from tuiml.export.formats import FORMATS
from tuiml.files import home
from tuiml.tui.app.exporting import EPOCHS, PRESET
from tuiml.tui.model.document import Document
from tuiml.tui.widgets.chooser import Chooser


def notices(on: Bench) -> list[str]:
    return [note.message for note in on.app._notifications]


async def in_library(on: Bench) -> Chooser:
    """The dialog about the run that the Library shows."""
    await on.press("3")
    await on.until(lambda: on.app.query_one("#library").item is not None)
    await on.press("E")
    assert isinstance(on.app.screen, Chooser)
    return on.app.screen


async def test_the_dialog_lists_every_format_and_names_the_place() -> None:
    files_on_disk.run("first")
    async with Bench.opened(Document(raw())) as on:
        dialog = await in_library(on)
        names = [pick.name for pick in dialog.picker.picks]
        for form in FORMATS:
            words = form.setting.words if form.setting else ()
            assert set(names) >= ({f"{form.name}: {word}" for word in words} or {form.name})
        await on.press(*"html")
        assert dialog.picker.chosen
        assert dialog.picker.chosen.advice == str(home() / "exports" / "first" / "first.html")
        await on.press("escape")
        assert not (home() / "exports").exists()


async def test_a_format_is_written_and_said_and_never_replaces_another() -> None:
    files_on_disk.run("first")
    async with Bench.opened(Document(raw())) as on:
        for folder in ("first", "first-2"):
            await in_library(on)
            await on.press(*"csv: epochs", "enter")
            path = home() / "exports" / folder / "first-epochs.csv"
            await on.until(lambda path=path: str(path) in notices(on))
            assert path.read_text().startswith("epoch,step,train_loss")


async def test_what_a_run_lacks_is_said_in_one_line() -> None:
    files_on_disk.run("first")
    async with Bench.opened(Document(raw())) as on:
        await in_library(on)
        await on.press(*"torch", "enter")
        await on.until(lambda: any("nothing was exported: " in text for text in notices(on)))
        assert "no sound checkpoint" in notices(on)[-1]
        assert list(Path(home()).glob("exports/**/*")) == []


async def test_the_preset_and_the_epochs_go_to_the_clipboard() -> None:
    files_on_disk.run("first", epochs=3)
    async with Bench.opened(Document(raw())) as on:
        await in_library(on)
        await on.press(*PRESET, "enter")
        assert tomllib.loads(on.app.clipboard)["name"] == "digits-quickstart"
        await in_library(on)
        await on.press(*EPOCHS, "enter")
        await on.until(lambda: on.app.clipboard.startswith("epoch\t"))
        lines = [line.split("\t") for line in on.app.clipboard.splitlines()]
        assert [line[0] for line in lines] == ["epoch", "1", "2", "3"]
        assert len({len(line) for line in lines}) == 1


async def test_without_a_run_there_is_nothing_to_export() -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("2", "E")
        assert not isinstance(on.app.screen, Chooser)
