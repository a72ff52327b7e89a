"""Whatever is pressed, clicked or resized, in whatever order: the app does not fall.

``TUIML_RANDOM_KEYS=100000 pytest tests/tui/app/test_random_keys.py`` hunts for longer, ``TUIML_RANDOM_SEED``
elsewhere.
"""

import asyncio
import contextlib
import os
import random
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.keys import key_to_character
from textual.pilot import OutOfBounds, Pilot

from tests import watched_runs
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.hostile_text import STRINGS, end
from tests.tui.hostile_text import events as events_of
from tuiml.spec.problems import Problem
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.bars import SCREENS
from tuiml.tui.keys import actions
from tuiml.tui.model import settings
from tuiml.tui.process.child import InspectionFailed, TrainingProblems, TrainingProcessEnded

COUNT = int(os.environ.get("TUIML_RANDOM_KEYS", "400"))
SEED = int(os.environ.get("TUIML_RANDOM_SEED", "0"))
PER_SESSION = 200
SIZES = [(80, 24), (120, 40), (200, 50), (60, 20), (40, 10), (10, 3), (101, 30)]
ODD_SIZES = [(0, 0), (1, 1), (0, 24), (80, 0), (2, 300), (400, 2), (300, 90)]
TABLE = [key for action in actions() for key in action.keys if action.id != "suspend_process"]
TEXT = [*"0123456789.,-eEnaxu_ /#[]é字", "backspace", "delete", "home", "end", "space"]
OFTEN = ["up", "down", "left", "right", "enter", "escape", "tab"]


def random_key(rng: random.Random) -> str:
    pool = rng.choices([TABLE, TEXT, OFTEN], [5, 3, 4])[0]
    return rng.choice(pool)


async def act(pilot: Pilot[int], rng: random.Random, client: FakeTrainingClient) -> str:
    """Do one random thing; what it was."""
    dice = rng.random()
    if dice < 0.01:
        size = rng.choice(SIZES if rng.random() < 0.7 else ODD_SIZES)
        await pilot.resize_terminal(*size)
        return f"size {size}"
    if dice < 0.04:
        width, height = pilot.app.size
        spot = (rng.randrange(max(1, width)), rng.randrange(max(1, height)))
        with contextlib.suppress(OutOfBounds):
            await pilot.click(offset=spot, times=rng.choice([1, 1, 2]))
        return f"click {spot}"
    if dice < 0.08:
        if rng.random() < 0.7:
            client.train(rng.randrange(1, 8))
            return "train"
        return babble(pilot.app, rng, client)
    key = random_key(rng)
    if dice < 0.12:
        await pilot.press(key)  # waits until all is done
        return key
    character = {"space": " "}.get(key, key if len(key) == 1 else key_to_character(key))
    pilot.app.post_message(events.Key(key, character))
    await asyncio.sleep(0.001)  # the next key may come while this one is still at work
    return key


def babble(app: Any, rng: random.Random, client: FakeTrainingClient) -> str:
    """Have the client say something odd that it may say at that moment."""
    text = rng.choice(STRINGS)
    sent = rng.choice([events_of(text, rng), [end(text, rng.choice(["completed", "diverged", "stopped"]))]])
    if rng.random() < 0.2:
        lost = rng.choice(
            [TrainingProcessEnded(text), InspectionFailed(text), TrainingProblems([Problem(text, text)])]
        )
        client.active = client.active and isinstance(lost, InspectionFailed)
        app.post_message(lost)
        return "lost"
    client.report(*rng.sample(sent, rng.randrange(1, len(sent) + 1)))
    return "babble"


async def session(rng: random.Random, count: int, loop: Path) -> int:
    """One app from start to quit, opened where the last one was left, or on a loop of the user's own; how
    much was done."""
    run = loop if rng.random() < 0.4 else None
    app = TuimlApp(settings=settings.load(), client_factory=FakeTrainingClient, run=run)
    done: list[str] = []
    try:
        async with app.run_test(size=rng.choice(SIZES[:3])) as pilot:
            while len(done) < count and app.is_running and not app._exit:
                done.append(await act(pilot, rng, app.client))
                if not app._exit:
                    assert app.screen_name in SCREENS
                    table = app.query_one("#build-table")
                    assert 0 <= table.cursor < max(1, app.document.count) == max(1, table.row_count) or (
                        app.screen_name != "build"
                    )
            await pilot.pause()
            app.leave(0)
    except BaseException:
        print("after", " ".join(done[-40:]))
        raise
    return len(done)


@pytest.mark.parametrize("number", range(max(1, COUNT // 600)))
async def test_random_keys_never_crash_the_app(number: int) -> None:
    rng = random.Random(SEED * 1_000_003 + number)
    model = watched_runs.watched(watched_runs.large(80))
    loop = watched_runs.write(model=model, scalars=("kl", "norm"), epochs=True)
    left = min(COUNT, 600)
    while left > 0:
        left -= max(1, await session(rng, min(left, PER_SESSION), loop))
