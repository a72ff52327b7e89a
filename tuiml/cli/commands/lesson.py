"""``tuiml lesson``: opens the app with a lesson."""

from __future__ import annotations

import argparse

from tuiml.cli.output import note
from tuiml.cli.parser import Command, argument
from tuiml.text import plain_text


def run(chosen: argparse.Namespace) -> int:
    """Open the app with the lesson; returns 2 if there is none of that name, or if it cannot be read."""
    from tuiml.lessons.library import lessons
    from tuiml.registry import closest, short
    from tuiml.tui import run_app

    found = {one.name: one for one in lessons()}
    one = found.get(chosen.lesson)
    if one is None:
        near = closest(chosen.lesson, list(found))
        hint = f"did you mean '{plain_text(near)}'?" if near else "'tuiml lessons' lists them"
        note(f"tuiml: there is no lesson {short(chosen.lesson)}; {hint}")
        return 2
    if one.lesson is None:
        note(f"tuiml: {one.name}: {one.problem}")
        return 2
    return run_app(None, lesson=one.name)


COMMAND = Command(
    "lesson",
    "open the app with a lesson",
    run,
    [argument("lesson", metavar="LESSON", help="its name, as 'tuiml lessons' lists them")],
)
