"""``tuiml compare``: the settings and figures of runs side by side."""

from __future__ import annotations

import argparse

from tuiml.cli.commands.runs import note_skipped
from tuiml.cli.output import print_json, print_table
from tuiml.cli.parser import A_RUN, JSON, Command, argument


def run(chosen: argparse.Namespace) -> int:
    """Print the differing settings and the figures of runs side by side."""
    from tuiml.runs import comparison, library, listing

    runs = listing.Runs()
    found = [runs.summary(library.find(word)) for word in chosen.names]
    note_skipped(found)
    if chosen.json:
        own = comparison.raw_settings(found)
        print_json([library.figures(run) | {"settings": own[i]} for i, run in enumerate(found)])
        return 0
    table = [[title, *texts] for title, texts in comparison.settings_of(found) + comparison.figures_of(found)]
    print_table(("", *(run.name for run in found)), table)
    return 0


COMMAND = Command(
    "compare",
    "print the settings and figures of runs side by side",
    run,
    [argument("names", metavar="RUN", nargs="+", help=A_RUN), JSON],
)
