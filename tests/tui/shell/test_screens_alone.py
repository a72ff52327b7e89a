"""Build, Train and Library, each alone in a bare app: what they ask of the app is in the protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.tui.shell.stub_shell import OneScreenApp, StubShell
from tuiml.tui.build.screen import Build
from tuiml.tui.library.screen import Library
from tuiml.tui.model.preset_files import named
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.train.screen import Train

pytestmark = pytest.mark.usefixtures("quick")


@asynccontextmanager
async def alone(kind: type[AppScreen]) -> AsyncIterator[tuple[StubShell, AppScreen, Pilot[None]]]:
    shell = StubShell(named("digits-quickstart"), kind.where)
    app = OneScreenApp(shell, lambda: kind(id=kind.where))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.query_one(kind)
        screen.shown()
        await pilot.pause()
        yield shell, screen, pilot


async def test_build_edits_the_document_of_the_shell() -> None:
    async with alone(Build) as (shell, _, pilot):
        layers = len(shell.document.raw["layers"])
        await pilot.press("down", "d")
        assert len(shell.document.raw["layers"]) == layers + 1
        assert shell.named("document_edited")


async def test_train_steers_the_client_of_the_shell() -> None:
    async with alone(Train) as (shell, screen, pilot):
        assert not screen.enabled("stop")
        shell.fake.start({})
        (((message),),) = shell.named("post_message")
        screen.run_changed(shell.model.feed(message.events))
        assert screen.enabled("stop")
        await pilot.press("s")
        assert shell.fake.asked[-1] == "stop"


async def test_library_opens_presets_through_the_shell() -> None:
    async with alone(Library) as (shell, _, pilot):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("n")
        assert shell.named("open_document") == [["untitled", None, ""]]
        assert shell.named("show_screen") == [["build"]]
