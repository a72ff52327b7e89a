"""A run or a preset that ended the app is not opened again unasked; the next start says so."""

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.tui.bench import until
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.files_on_disk import preset, run
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.opening import Opening, spared
from tuiml.tui.model import settings
from tuiml.tui.model.drafts import draft_of
from tuiml.tui.model.preset_files import named
from tuiml.tui.model.settings import Settings
from tuiml.tui.train.screen import Train

pytestmark = pytest.mark.usefixtures("quick")


@asynccontextmanager
async def opened(document=None, **asked):
    app = TuimlApp(document, settings.load(), client_factory=FakeTrainingClient, **asked)
    async with app.run_test(size=(120, 40)) as pilot:
        yield app, pilot


async def settled(app, pilot):
    """All that was to be opened is on the screen, and that is written down; what was said."""
    await pilot.pause()  # what is written down before the first message does not count
    await until(lambda: not settings.load().opening, pilot)
    return [notice.message for notice in app._notifications]


async def ends(**asked):
    """Open the app, and wait for what ends it."""
    async with opened(**asked) as (_, pilot):
        await until(lambda: False, pilot)


@pytest.fixture
def left(own_folders):
    """The app was left with a run on the screen."""
    path = run("culprit")
    settings.save(settings.Settings(screen="train", run=str(path)))
    return path


class Fatal(Exception):
    """Ends the app."""


def fatal(monkeypatch, owner, name, when):
    """Let a method end the app where ``when`` is true of its object."""
    plain = getattr(owner, name)

    def method(self, *args, **kwargs):
        if when(self):
            raise Fatal
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize("name", ["run_changed", "render_lines"])
async def test_a_run_that_ended_the_app_is_not_opened_again_unasked(monkeypatch, left, name):
    with monkeypatch.context() as patch:
        fatal(patch, Train, name, lambda train: train.run.name == "culprit")
        with pytest.raises(Fatal):
            await ends()
    assert settings.load().opening.startswith("run ")
    monkeypatch.setattr("tuiml.tui.app.opening.SHOWN", 0.02)
    async with opened() as (app, pilot):
        said = await settled(app, pilot)
        assert said == ["the app ended while it opened the run culprit; 'tuiml culprit' opens it anyway"]
        assert app.model.status == "empty"
        assert app.screen_name == "build"
        app.leave(0)
    async with opened() as (app, pilot):
        assert await settled(app, pilot) == []
        assert app.model.status == "empty"
        app.leave(0)
    async with opened(run=left) as (app, pilot):
        assert await settled(app, pilot) == []
        assert app.model.name == "culprit"
        app.leave(0)
    async with opened() as (app, pilot):  # shown once, it is as good as any
        assert await settled(app, pilot) == []
        assert app.model.name == "culprit"
        app.leave(0)


async def test_a_preset_that_ended_the_app_is_not_opened_again_and_its_edits_are_kept(monkeypatch):
    document = named(str(preset("culprit")))
    document.set("note", "my edit")
    draft = draft_of(document.raw, str(document.path), "", True)
    settings.save(settings.Settings(document=draft))
    with monkeypatch.context() as patch:
        fatal(patch, TuimlApp, "show_screen", lambda app: app.document.name == "culprit")
        with pytest.raises(Fatal):
            await ends()
    assert settings.load().opening.startswith("preset ")
    monkeypatch.setattr("tuiml.tui.app.opening.SHOWN", 0.02)
    async with opened() as (app, pilot):
        (said,) = await settled(app, pilot)
        assert said.startswith("the app ended while it opened the preset culprit; 'tuiml ")
        assert said.endswith("culprit.toml' opens it anyway")
        assert app.document.name != "culprit"
        app.leave(0)
    async with opened(named(str(document.path))) as (app, pilot):
        assert await settled(app, pilot) == []
        assert app.document.raw["note"] == "my edit"
        app.leave(0)


async def test_an_app_that_is_left_before_the_run_was_shown_opens_it_the_next_time(monkeypatch, left):
    monkeypatch.setattr(Opening, "show", lambda *_: None)
    async with opened() as (app, pilot):
        await until(lambda: settings.load().opening.startswith("run "), pilot)
        app.leave(0)
    assert settings.load().opening == ""
    assert settings.load().run == str(left)


def test_in_a_terminal(own_folders, left):
    """The whole way: a start that a run ends, one without it, one that asks for it."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "TUIML_HOME": str(own_folders), "TERM": "xterm-256color", "PYTHONPATH": path}
    ends = "from tuiml.tui.model.run_model import RunModel; import tuiml.tui.train.screen as train\n"
    ends += "def ends(self, kinds):\n    if self.run.name == 'culprit': raise ZeroDivisionError('here')\n"
    ends += "train.Train.run_changed = ends\nfrom tuiml.tui import run_app; raise SystemExit(run_app(None))"
    with Terminal([sys.executable, "-c", ends], env=env) as t:
        assert t.wait_exit() == 1
        assert any("ZeroDivisionError" in line for line in t.last_words())
    said = "'tuiml culprit' opens it anyway"
    with Terminal([sys.executable, "-m", "tuiml"], env=env, columns=160) as t:
        t.wait(lambda text: said in " ".join(text.split()) or "culprit' opens" in text)
        t.press("ctrl+q")
        assert t.wait_exit() == 0
    with Terminal([sys.executable, "-m", "tuiml", "culprit"], env=env) as t:
        t.wait("completed")
        t.press("ctrl+q")
        assert t.wait_exit() == 0


def test_another_app_that_is_opening_the_same_is_no_crash():
    """Two terminals are opened at the same time: the second shows the run as well."""
    marked = Settings(run="/runs/far", screen="train", opening=f"run {os.getppid()}")
    assert spared(marked) == replace(marked, opening="")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert spared(replace(marked, opening=f"run {gone.pid}")).run == ""
