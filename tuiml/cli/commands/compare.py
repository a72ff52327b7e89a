"""``tuiml compare``: the settings and figures of runs side by side."""

from __future__ import annotations

import argparse
from typing import Any

from tuiml.cli.commands.runs import has_r2, note_skipped
from tuiml.cli.output import print_json, print_table
from tuiml.cli.parser import A_RUN, JSON, Command, argument
from tuiml.formatting import NONE, accuracy_text, count_text, duration, loss


def run(chosen: argparse.Namespace) -> int:
    """Print the differing settings and the figures of runs side by side."""
    from tuiml.registry import value_text
    from tuiml.runs import library
    from tuiml.runs.folder import PRESET
    from tuiml.spec import SpecError
    from tuiml.spec.differences import differences
    from tuiml.spec.library import read

    found = [library.summary(library.find(word)) for word in chosen.names]
    note_skipped(found)
    documents: list[dict[str, Any]] = []
    for run in found:
        try:
            documents.append(read(run.path / PRESET))
        except SpecError:
            documents.append({})
    settings = differences(documents)
    if chosen.json:
        own = [{key: values[i] for key, values in settings} for i in range(len(found))]
        print_json([library.figures(run) | {"settings": own[i]} for i, run in enumerate(found)])
        return 0
    table = [[key, *(NONE if one is None else value_text(one) for one in values)] for key, values in settings]
    figures = _figures(classes=not all(map(has_r2, found)), numbers=any(map(has_r2, found)))
    table += [[title, *(show(run) for run in found)] for title, show in figures]
    print_table(("", *(run.name for run in found)), table)
    return 0


def _figures(classes: bool, numbers: bool) -> list[tuple[str, Any]]:
    """The rows of figures: a title, and how to show it of a run; accuracies of classes, R² of numbers."""
    from tuiml.runs.run_lines import number

    kinds = [("loss", "loss", loss)]
    kinds += [("accuracy", "accuracy", accuracy_text)] if classes else []
    kinds += [("R²", "r2", loss)] if numbers else []

    def of(line: str, title: str, part: str) -> list[tuple[str, Any]]:
        """The figures of a part of the data in one of the run's lines."""
        return [
            (f"{title} {word}", lambda run, n=f"{part}_{name}", s=show: s(number(getattr(run, line), n)))
            for word, name, show in kinds
        ]

    return [
        ("ended", lambda run: run.reason),
        ("epochs", lambda run: f"{run.epochs}/{run.planned}"),
        ("parameters", lambda run: count_text(run.parameters)),
        *of("last", "train", "train"),
        *of("last", "val", "val"),
        ("best epoch", lambda run: count_text(number(run.best, "epoch"))),
        *of("best", "best val", "val"),
        *of("end", "test", "test"),
        ("training time", lambda run: duration(run.figure("seconds"), NONE)),
        ("examples/s", lambda run: count_text(run.figure("examples_per_second"))),
    ]


COMMAND = Command(
    "compare",
    "print the settings and figures of runs side by side",
    run,
    [argument("names", metavar="RUN", nargs="+", help=A_RUN), JSON],
)
