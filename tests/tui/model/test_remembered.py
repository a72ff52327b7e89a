"""What state.json keeps of lessons, pace, theme and the Library's tab; damaged values fall back."""

import json

import pytest

from tests.tui.bench import Bench
from tuiml.tui.model import settings
from tuiml.tui.model.settings import Settings


@pytest.mark.parametrize(
    ("damaged", "kept"),
    [
        ({"pace": 7, "theme": 3, "library_tab": ["Runs"]}, {"pace": "watch", "theme": "", "library_tab": ""}),
        ({"lesson": 1, "lesson_step": True, "lesson_hidden": "no"}, {"lesson": "", "lesson_step": 0}),
        ({"lessons": {"relu": True, "zeros": -1, "sigma": 2, "sigmoid": "3"}}, {"lessons": {"sigma": 2}}),
        ({"lessons": [1]}, {"lessons": {}}),
    ],
)
def test_damaged_values_of_lessons_pace_and_theme_are_as_at_first(damaged, kept):
    here = Settings(pace="full", theme="nord", library_tab="Presets", lesson="relu", lesson_step=1)
    settings.save(here)
    assert settings.load() == here, "what was saved comes back"
    path = settings.state_path()
    path.write_text(json.dumps(json.loads(path.read_text()) | damaged))
    found = settings.load()
    assert {name: getattr(found, name) for name in kept} == kept
    assert not found.trouble


@pytest.mark.usefixtures("quick")
async def test_a_lesson_that_is_gone_or_shorter_does_not_keep_the_app_from_starting():
    for lesson, step in (("gone", 2), ("relu", 99), ("relu", -4)):
        left = Settings(lesson=lesson, lesson_step=step, library_tab="No such tab", theme="no-such", pace="x")
        async with Bench.opened(settings=left) as on:
            await on.press("3")
            assert on.app.screen_name == "library"
            assert on.app.lesson.shown == (lesson == "relu")
