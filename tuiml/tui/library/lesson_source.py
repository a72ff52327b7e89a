"""Lessons as the Library lists and opens them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import Line
from tuiml.tui.library.preview import Page, broken_strips
from tuiml.tui.model import catalog, preferences
from tuiml.tui.model.catalog import Item


def _items() -> Iterator[Item]:
    from tuiml.lessons import library as lessons  # in the thread that lists them, not before the first screen

    language = lessons.language(preferences.load()[0].language)
    for listed in lessons.lessons():
        lesson, path = listed.lesson, listed.file.path
        about = f"{len(lesson.steps)} steps" if lesson else ""
        texts = None
        if lesson:
            goals = [step.goal.of(language) for step in lesson.steps]
            texts = {"about": lesson.about.of(language), "goals": goals}
        yield Item("lesson", listed.title(language), path, texts, listed.problem, about=about, source=SOURCE)


def _open(shell: Any, item: Item) -> None:
    if item.problem:
        shell.complain(item.problem)
    else:
        shell.lesson.open(item.path.stem)


def _strips(item: Item, width: int, height: int, look: Look) -> list[Line]:
    """What the lesson is about, and its steps."""
    if item.document is None:
        return broken_strips(item.name, item.problem, width, height, look)
    page = Page(width, look)
    page.ends(item.name, item.about)
    page.text(item.document["about"])
    page.gap()
    for number, goal in enumerate(item.document["goals"], 1):
        page.text(goal, indent=f"{number}. ")
    return page.strips


SOURCE = catalog.Source("lesson", "Lessons", _items, _open, _strips)
catalog.SOURCES.append(SOURCE)
