"""What the app keeps of itself: when, what it says if it cannot, what it does with a damaged file."""

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager

import pytest

from tests.tui.bench import LIMIT, until
from tests.tui.fake_training_client import FakeTrainingClient
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.session import LATEST, WRITE_AFTER
from tuiml.tui.model import settings
from tuiml.tui.model.drafts import Draft, document_of

SURROGATE = json.dumps({"version": 1, "run": "/x\ud800"}).encode()

pytestmark = pytest.mark.usefixtures("quick")


@asynccontextmanager
async def opened():
    app = TuimlApp(settings=settings.load(), client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        yield app, pilot
        await pilot.pause()


def reported(app):
    return [notice.message for notice in app._notifications]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"version": 2}', b"[" * 100_000, b"null", SURROGATE]
)
async def test_a_damaged_state_is_put_aside_and_it_is_said_once(content):
    path = settings.state_path()
    path.write_bytes(content)
    async with opened() as (app, _):
        (said,) = reported(app)
        assert "state.json.damaged" in said
        app.leave(0)
    assert path.with_name("state.json.damaged").read_bytes() == content
    path.write_bytes(b"{ again")
    async with opened() as (app, _):
        app.leave(0)
    assert path.with_name("state.json.damaged").read_bytes() == content
    assert path.with_name("state.json.damaged-2").read_bytes() == b"{ again"
    async with opened() as (app, _):
        assert reported(app) == []


async def test_a_pipe_in_the_place_of_the_state_is_not_waited_for():
    os.mkfifo(settings.state_path())
    found = await asyncio.wait_for(asyncio.to_thread(settings.load), 5)
    assert "not an ordinary file" in found.trouble
    settings.state_path().unlink()
    text = 'version = 1\nname = "x"\n'
    pipe = settings.state_path().with_name("pipe.toml")
    os.mkfifo(pipe)
    draft = Draft(text, path=str(pipe), dirty=True)
    assert await asyncio.wait_for(asyncio.to_thread(document_of, draft), 5) is not None


async def test_edits_that_cannot_be_kept_are_said_once_until_they_can_be(monkeypatch):
    monkeypatch.setattr("tuiml.tui.app.session.WRITE_AFTER", 0.001)
    tried = []

    def full(path, payload):
        tried.append(path)
        raise OSError(28, "No space left on device")

    written = settings.write_whole
    monkeypatch.setattr(settings, "write_whole", full)
    async with opened() as (app, pilot):
        for count in (1, 2, 3):
            await pilot.press("down", "d")
            await until(lambda count=count: len(tried) >= count)
        await pilot.pause()
        (said,) = reported(app)
        assert said.startswith("your edits cannot be saved: ")
        assert said.endswith("No space left on device")
        monkeypatch.setattr(settings, "write_whole", written)
        await pilot.press("d")
        await until(lambda: settings.state_path().exists())
        await until(lambda: not app.session.trouble)
        monkeypatch.setattr(settings, "write_whole", full)
        await pilot.press("d")
        await until(lambda: len(reported(app)) == 2)
        app.leave(0)
        assert app.session.trouble


async def test_edits_without_a_pause_are_kept_all_the_same(monkeypatch):
    """Each edit puts the writing off, but not for ever."""
    assert WRITE_AFTER < LATEST <= 2
    monkeypatch.setattr("tuiml.tui.app.session.WRITE_AFTER", 3.0)
    monkeypatch.setattr("tuiml.tui.app.session.LATEST", 0.3)
    async with opened() as (app, pilot):
        end = time.monotonic() + LIMIT
        while not settings.state_path().exists() and time.monotonic() < end:
            await pilot.press("d", "x")
            await asyncio.sleep(0.01)
        assert settings.state_path().exists()
        app.leave(0)


async def test_an_older_snapshot_never_overwrites_a_newer_one():
    async with opened() as (app, pilot):
        older = app.session.snapshot()
        await pilot.press("down", "d")
        await until(lambda: app.document.dirty)
        app.session.write(app.session.snapshot())
        app.session.write(older)
        kept = settings.load().document
        assert kept is not None
        assert kept.dirty
        app.leave(0)


async def test_what_a_killed_process_left_half_written_is_removed():
    folder = settings.state_path().parent
    old, new = folder / ".state.json.old.part", folder / ".state.json.new.part"
    for part in (old, new):
        part.write_text(json.dumps({}))
    os.utime(old, (0, 0))
    settings.load()
    assert [path.name for path in folder.glob(".*.part")] == [new.name]
