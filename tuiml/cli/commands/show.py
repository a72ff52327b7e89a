"""``tuiml show``: the layers, settings and problems of a preset."""

from __future__ import annotations

import argparse

from tuiml.cli.output import note, print_json
from tuiml.cli.parser import JSON, PRESET, Command, set_option


def run(chosen: argparse.Namespace) -> int:
    """Print a preset; returns 2 if it has problems."""
    from tuiml.cli.preset_argument import read_document
    from tuiml.cli.preset_outline import describe, print_outline

    document, problems = read_document(chosen.preset, chosen.settings)
    outline = describe(document, problems)
    if chosen.json:
        print_json(outline)
    else:
        print_outline(outline)
        for problem in outline["problems"]:
            note(": ".join(filter(None, (problem["path"], problem["message"]))))
    return 2 if outline["problems"] else 0


COMMAND = Command(
    "show",
    "print a preset's layers, settings and problems",
    run,
    [PRESET, set_option("change the preset first, as training.epochs=5"), JSON],
)
