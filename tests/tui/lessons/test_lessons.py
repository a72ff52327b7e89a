"""Every bundled lesson is played by its keys, with a network that is really trained."""

import math
import re

import pytest
from rich.cells import cell_len

from tests.tui.bench import Bench, screen_text
from tuiml.lessons.facts import Facts
from tuiml.lessons.library import lessons
from tuiml.lessons.progress import Progress
from tuiml.tui.app import current_lesson
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import wrap
from tuiml.tui.dialogs.file_picker import FilePicker
from tuiml.tui.keys import with_keys
from tuiml.tui.lessons.panel import SMALL, lesson_lines
from tuiml.tui.model.settings import Settings
from tuiml.tui.process.training_client import TrainingClient

NAMES = [one.name for one in lessons()]


def works(on, key):
    """True if the key does something now."""
    found = on.app.screen.active_bindings.get(key)
    return found is not None and found.enabled


@pytest.mark.parametrize("name", NAMES)
async def test_the_keys_of_each_step_do_it(name, monkeypatch, tmp_path):
    rows = [f"{n % 7},{n % 5},{'tall' if n % 7 > 3 else 'low'}" for n in range(120)]
    (tmp_path / "flowers.csv").write_text("petal,sepal,kind\n" + "\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)  # where the lesson on data of one's own finds a file
    async with Bench.opened(settings=Settings(pace="full"), client=TrainingClient) as on:
        on.app.lesson.open(name)
        await on.drawn()
        progress = on.app.lesson.progress
        for number, step in enumerate(progress.lesson.steps):
            assert (progress.at, progress.holds) == (number, False), (
                f"{name}: step {number} was done before its keys"
            )
            for key in step.keys:
                await on.until(lambda key=key: works(on, key))
                if isinstance(on.app.screen, FilePicker):
                    await on.until(lambda: "flowers.csv" in screen_text(on.app))
                await on.press(key)
                on.app.lesson.look()  # as it does every 0.2 s
            await on.until(lambda number=number: progress.at > number, 120)
        assert progress.step is None
        assert (name == "your-data") == ("flowers.csv" in str(on.model.document))
        assert on.app.lesson.done == {name: len(progress.lesson.steps)}


def panel(progress, width=78):
    lines = lesson_lines(progress, "en", width, SMALL, Look())
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_step_that_was_skipped_is_not_said_to_be_done():
    progress = Progress(next(one.lesson for one in lessons() if one.name == "normalization"))
    for _ in progress.lesson.steps:
        progress.skip()
        assert "skipped: " in panel(progress)
        assert "✓" not in panel(progress)


def test_the_number_that_a_step_is_about_is_shown_with_its_unit_and_whole():
    found = {one.name: one.lesson for one in lessons()}
    progress = Progress(found["normalization"], 1)
    progress.see(Facts(figures={"val_accuracy": 0.107}))
    assert "now 10.7 %" in panel(progress)
    progress = Progress(found["sigmoid"], 1)
    progress.values = (math.nan, 0.0123)
    assert "now .012" in panel(progress)
    assert all(cell_len(line) <= 78 for line in panel(progress).splitlines())


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", NAMES)
def test_a_goal_numbers_the_layers_as_the_table_does(name, language):
    lesson = next(one.lesson for one in lessons() if one.name == name)
    for step in lesson.steps:
        looked_at = {str(one.layer) for one in step.done if one.name == "layer"}
        looked_at |= {str(one.over) for one in step.done if one.name == "layer" and one.over}
        told = re.findall(r"layer \d+|\d+층", step.goal.of(language))
        assert {re.sub(r"\D", "", words) for words in told} == looked_at


async def test_what_is_done_at_once_counts(monkeypatch):
    monkeypatch.setattr(
        current_lesson, "EVERY", 60.0
    )  # it looks when it is opened, and when the test says so
    async with Bench.opened(settings=Settings(pace="full")) as on:
        on.app.lesson.open("your-data")
        await on.press("o")
        on.app.lesson.look()
        assert on.app.lesson.progress.at == 1


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_fits_a_terminal_of_80_columns(name, language):
    lesson = next(one.lesson for one in lessons() if one.name == name)
    assert lesson is not None
    for at, step in enumerate(lesson.steps):
        text = with_keys(step.text.of(language), {})
        assert "{" not in text, "each name in braces is that of an action"
        assert len(wrap(text, 78)) <= SMALL - 2, text
        progress = Progress(lesson, at)
        for width, rows in ((78, SMALL), (42, 40)):
            lines = lesson_lines(progress, language, width, rows, Look())
            assert len(lines) <= rows
            assert all(cell_len("".join(text for text, _ in line)) <= width for line in lines)
