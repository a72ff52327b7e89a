"""``tuiml runs``."""

from __future__ import annotations

import argparse
import contextlib
import os
from datetime import datetime
from typing import TYPE_CHECKING

from tuiml.cli.output import note, print_json, print_table
from tuiml.cli.parser import JSON, Command
from tuiml.formatting import accuracy_text, count_text, loss

if TYPE_CHECKING:
    from tuiml.runs.library import RunSummary


def run(chosen: argparse.Namespace) -> int:
    """List the runs."""
    from tuiml.runs import folder, library

    found = library.list_runs()
    note_skipped(found)
    if chosen.json:
        print_json([library.figures(run) for run in found])
    elif not found:
        with contextlib.suppress(FileNotFoundError):
            os.listdir(folder.runs_folder())  # a folder that may not be read is not an empty one
        note(f"there are no runs in {folder.runs_folder()}; 'tuiml train digits-quickstart' makes one")
    else:
        regression = any(has_r2(run) for run in found)
        r2 = ("val R²", "test R²") if regression else ()
        header = ("run", "when", "ended", "epochs", "val loss", "val acc", "test acc", *r2, "parameters")
        print_table(header, [_row(run, regression) for run in found], right=header[3:])
    return 0


def note_skipped(found: list[RunSummary]) -> None:
    """Print which runs have lines that cannot be read."""
    from tuiml.runs.library import passed_over

    for run in found:
        if run.skipped:
            note(f"tuiml: run '{run.name}': {passed_over(run.skipped)}")


def has_r2(run: RunSummary) -> bool:
    """True if the run is a regression."""
    return any("train_r2" in (line or {}) for line in (run.last, run.best)) or "test_r2" in (run.end or {})


def _row(run: RunSummary, regression: bool) -> list[str]:
    from tuiml.runs.library import number

    r2 = [loss(number(run.best, "val_r2")), loss(number(run.end, "test_r2"))] if regression else []
    return [
        run.name,
        f"{datetime.fromtimestamp(run.when):%Y-%m-%d %H:%M}",
        run.reason,
        f"{run.epochs}/{run.planned}",
        loss(number(run.best, "val_loss")),
        accuracy_text(number(run.best, "val_accuracy")),
        accuracy_text(number(run.end, "test_accuracy")),
        *r2,
        count_text(run.parameters),
    ]


COMMAND = Command("runs", "list the runs, the newest first", run, [JSON])
