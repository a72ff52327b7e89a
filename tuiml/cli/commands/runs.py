"""``tuiml runs``."""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import TYPE_CHECKING

from tuiml.cli.output import cells, note, print_json, print_table, room
from tuiml.cli.parser import JSON, Command, argument
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.runs.columns import Column
    from tuiml.runs.library import RunSummary


def run(chosen: argparse.Namespace) -> int:
    """List the runs."""
    from tuiml.runs import columns, folder, library, listing
    from tuiml.runs.errors import RunError
    from tuiml.runs.filtering import Filter, subject

    by, down = columns.column(chosen.sort)
    everything = listing.list_runs()
    wanted, subjects = Filter(" ".join(chosen.words)), [subject(run) for run in everything]
    if everything and (trouble := wanted.trouble(subjects)):
        raise RunError(trouble)
    shown = [run for run, found in zip(everything, subjects, strict=True) if wanted.passes(found)]
    found = columns.ordered(shown, by, down)
    note_skipped(found)
    if chosen.json:
        print_json([library.figures(run) for run in found])
    elif not everything:
        with contextlib.suppress(FileNotFoundError):
            os.listdir(folder.runs_folder())  # a folder that may not be read is not an empty one
        note(f"there are no runs in {folder.runs_folder()}; 'tuiml train digits-quickstart' makes one")
    else:
        if found:
            _print(found, by)
        if wanted:
            note(f"{len(found):,} of {len(everything):,} runs")
    return 0


def _print(found: list[RunSummary], by: Column) -> None:
    """Print the columns that fit the terminal, all of them to a file; the one sorted by is always there."""
    from tuiml.runs.columns import COLUMNS, laid_out

    texts = [[plain_text(one.text(run)) for run in found] for one in COLUMNS]
    widths = [max(map(cells, [one.title, *column])) for one, column in zip(COLUMNS, texts, strict=True)]
    width = room() or sum(widths) + 2 * len(widths)
    shown = laid_out(widths, width, by, width // 2)
    print_table(
        [_cut(one.title, width) for one, width in shown],
        [[_cut(texts[COLUMNS.index(one)][i], width) for one, width in shown] for i in range(len(found))],
        right=[one.title for one, _ in shown if one.number],
    )


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def note_skipped(found: list[RunSummary]) -> None:
    """Print which runs have lines that cannot be read, or are not."""
    from tuiml.runs.library import passed_over

    for run in found:
        if said := passed_over(run.skipped, run.unread):
            note(f"tuiml: run '{run.name}': {said}")


COMMAND = Command(
    "runs",
    "list the runs, the newest first",
    run,
    [
        argument(
            "words",
            metavar="FILTER",
            nargs="*",
            help="only runs with these words and settings: adam 'lr<.01' 'val>0.9' tag:best; after --, -word "
            "leaves out",
        ),
        argument(
            "--sort",
            metavar="COLUMN",
            default="when",
            help="name, differs, val, loss, epochs, time, state, when or preset, the best first; "
            "--sort=-COLUMN: the other way round",
        ),
        JSON,
    ],
)
