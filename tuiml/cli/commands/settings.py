"""``tuiml settings``: the settings that are in force, and the file that they are from."""

from __future__ import annotations

import argparse

from tuiml.cli.output import note, print_json, print_table, say, say_wrapped
from tuiml.cli.parser import JSON, Command, argument


def run(chosen: argparse.Namespace) -> int:
    """Print the settings, or write the file that explains them all."""
    from tuiml.registry import value_text
    from tuiml.tui.model import preferences

    path = preferences.settings_path()
    if chosen.schema:
        say(preferences.schema().rstrip(), lines=True)
        return 0
    if chosen.create:
        new = preferences.create(path)
        note(f"tuiml: {path} {'was written' if new else 'is there already; its schema was written again'}")
    found, problems = preferences.read(path)
    values = found.model_dump()
    if chosen.json:
        print_json({"path": str(path), "there": path.is_file(), "settings": values, "problems": problems})
        return 0
    say_wrapped(f"{path}{'' if path.is_file() else ' (not there: these are the defaults)'}")
    rows = [
        (name, "yes" if name in found.model_fields_set else "", value_text(value) or "–")
        for name, value in values.items()
    ]
    print_table(("setting", "set by you", "value"), rows, wrap=True)
    for problem in problems:
        note(f"tuiml: {path.name}: {problem}")
    return 0


COMMAND = Command(
    "settings",
    "print your settings and where they are",
    run,
    [
        argument("--create", action="store_true", help="write a file with every setting explained"),
        argument("--schema", action="store_true", help="print the JSON Schema of the file, for editors"),
        JSON,
    ],
)
