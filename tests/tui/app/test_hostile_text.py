"""Hostile text wherever text may come from, on every screen: nothing that a terminal acts on comes out."""

import json
import random

import pytest
from textual import events

from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.hostile_text import ALL, STRINGS, assert_harmless, document, end, shown
from tests.tui.hostile_text import events as reported
from tuiml.spec import dumps
from tuiml.spec.problems import Problem
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.keys import actions
from tuiml.tui.model.document import Document
from tuiml.tui.process.child import InspectionFailed, TrainingProblems, TrainingProcessEnded

pytestmark = pytest.mark.usefixtures("quick")
KEYS = sorted({key for a in actions() for key in a.keys if a.id not in ("quit", "suspend_process")})
EACH = {
    "all": ALL,
    "markup": STRINGS[0] + STRINGS[1],
    "piled": "a" + "\u0301" * 200,
    "wide": "字" * 300,
    "long": "x" * 10_000,
    "nothing": "",
}


def on_disk(home, text):
    """Presets and runs of hostile names with hostile contents."""
    name = text.replace("/", "|").replace("\0", "").encode(errors="replace")[:100].decode(errors="ignore")
    word = text.encode(errors="replace").decode()  # TOML takes no surrogates
    (home / "presets").mkdir(exist_ok=True)
    (home / "presets" / f"{name}.toml").write_text(dumps(document(word)))
    run = home / "runs" / (name.strip(". ") or "run")
    run.mkdir(parents=True, exist_ok=True)
    (run / "preset.toml").write_text(dumps(document(word)))
    lines = [event.to_json() for event in (*reported(text, random.Random(0)), end(text))]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "notes").write_text(text.encode(errors="replace").decode())
    (run / "state.json").write_text(json.dumps({"x": text}))


async def walk(app, pilot, where):
    """Press every key in every place, and look; whatever opens is closed again."""
    for place in ("1", "2", "3"):
        for key in KEYS:
            await pilot.press(place, key)
            await pilot.pause()
            assert app.is_running
            assert_harmless(app, f"{where}, {key} in place {place}")
            while len(app.screen_stack) > 1:
                await pilot.press("escape")


async def test_every_screen(own_folders):
    text = ALL
    on_disk(own_folders, text)
    app = TuimlApp(Document(document(text)), client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        assert "�" in "".join(shown(app))
        app.client.report(*reported(text, random.Random(1)))
        await walk(app, pilot, "while it runs")
        app.client.report(end(text))
        await pilot.press("2")
        await pilot.pause()
        assert_harmless(app, "at the end")


@pytest.mark.parametrize("text", EACH.values(), ids=EACH)
async def test_every_text(own_folders, text):
    """In every place, the small screen too; words and complaints."""
    on_disk(own_folders, text)
    made = [
        lambda: TrainingProblems([Problem(text, text)]),
        lambda: TrainingProcessEnded(text),
        lambda: InspectionFailed(text),
    ]
    app = TuimlApp(Document(document(text)), client_factory=FakeTrainingClient)
    async with app.run_test(size=(80, 24)) as pilot:
        for place in ("1", "2", "3"):
            await pilot.press(place)
            app.client.report(*reported(text, random.Random(1)))
            await pilot.pause()
            assert_harmless(app, place)
            for message in made:
                app.post_message(message())
                await pilot.pause()
                assert_harmless(app, f"{place} reported")
            app.say(text)
            app.complain(text or "x")
            await pilot.pause()
            assert_harmless(app, f"{place} said")
        for key in ("ctrl+o", "ctrl+p", "?", "S"):
            await pilot.press(key)
            target = app.focused or app.screen
            target.post_message(events.Paste(text))
            for character in text[:100]:
                target.post_message(events.Key(character, character))
            await pilot.pause()
            assert_harmless(app, key)
            await pilot.press("escape", "escape")


async def test_markup_is_shown_as_it_is(own_folders):
    on_disk(own_folders, "[@click=app.quit]x[/]")
    app = TuimlApp(Document(document("[bold]a[/]")), client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        assert any("[bold]a[/]" in line for line in shown(app))
        await pilot.press("3")
        await pilot.pause()
        assert any("[@click=app.quit]x[" in line for line in shown(app))
