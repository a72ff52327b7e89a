"""``tuiml lessons``."""

from __future__ import annotations

import argparse

from tuiml.cli.output import note, print_json, print_table
from tuiml.cli.parser import JSON, Command
from tuiml.text import plain_text


def run(chosen: argparse.Namespace) -> int:
    """List the lessons; returns 2 if one of them cannot be read."""
    from tuiml.lessons.library import language, lessons

    found = lessons()
    if chosen.json:
        print_json(
            [
                {
                    "lesson": one.name,
                    "from": "bundled" if one.file.bundled else "own",
                    "path": str(one.file.path),
                    "steps": len(one.lesson.steps) if one.lesson else 0,
                    **({"title": one.lesson.title.model_dump()} if one.lesson else {"problem": one.problem}),
                }
                for one in found
            ]
        )
    else:
        rows = [[one.name, plain_text(one.title(language()))] for one in found]
        print_table(("lesson", "title"), rows)
        for one in found:
            if one.problem:
                note(f"tuiml: {one.name}: {one.problem}")
    return 2 if any(one.problem for one in found) else 0


COMMAND = Command("lessons", "list the lessons; 'tuiml lesson NAME' opens one", run, [JSON])
