"""``tuiml runs`` and ``tuiml compare``."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import duration, loss, note, print_json, print_table, share, whole
from tuiml.cli.parser import Commands, add_json, command

if TYPE_CHECKING:
    from tuiml.runs.library import RunSummary


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(commands, "runs", runs, "list the runs, the newest first")
    add_json(parser)
    parser = command(commands, "compare", compare, "print the settings and figures of runs side by side")
    parser.add_argument("names", nargs="+", metavar="RUN", help="a name that 'tuiml runs' lists, or a folder")
    add_json(parser)


def runs(chosen: argparse.Namespace) -> int:
    """``tuiml runs``."""
    from tuiml.runs import folder, library

    found = library.list_runs()
    if chosen.json:
        print_json([library.figures(run) for run in found])
    elif not found:
        note(f"there are no runs in {folder.runs_folder()}; 'tuiml train digits-quickstart' makes one")
    else:
        header = ("run", "when", "ended", "epochs", "val loss", "val acc", "test acc", "parameters")
        print_table(header, [_row(run) for run in found], right=header[3:])
    return 0


def _row(run: RunSummary) -> list[str]:
    from tuiml.runs.library import number

    return [
        run.name,
        f"{datetime.fromtimestamp(run.when):%Y-%m-%d %H:%M}",
        run.reason,
        f"{run.epochs}/{run.planned}",
        loss(number(run.best, "val_loss")),
        share(number(run.best, "val_accuracy")),
        share(number(run.end, "test_accuracy")),
        whole(run.parameters),
    ]


# -- compare ----------------------------------------------------------------------------------------------


def compare(chosen: argparse.Namespace) -> int:
    """``tuiml compare``."""
    from tuiml.runs import library
    from tuiml.spec import SpecError
    from tuiml.spec.library import read

    found = [library.summary(library.find(word)) for word in chosen.names]
    documents = []
    for run in found:
        try:
            documents.append(flat(read(run.path / "preset.toml")))
        except SpecError:
            documents.append({})
    settings = differences(documents)
    if chosen.json:
        own = [{key: values[i] for key, values in settings} for i in range(len(found))]
        print_json([library.figures(run) | {"settings": own[i]} for i, run in enumerate(found)])
        return 0
    table = [[key, *("–" if value is None else str(value) for value in values)] for key, values in settings]
    table += [[title, *(show(run) for run in found)] for title, show in _figures()]
    print_table(("", *(run.name for run in found)), table)
    return 0


def _figures() -> list[tuple[str, Any]]:
    """The rows of figures: a title, and how to show it of a run."""
    from tuiml.runs.library import number

    rows: list[tuple[str, Any]] = [
        ("ended", lambda run: run.reason),
        ("epochs", lambda run: f"{run.epochs}/{run.planned}"),
        ("parameters", lambda run: whole(run.parameters)),
    ]
    for title, name, show in (
        ("train loss", "train_loss", loss),
        ("train accuracy", "train_accuracy", share),
        ("val loss", "val_loss", loss),
        ("val accuracy", "val_accuracy", share),
    ):
        rows.append((title, lambda run, n=name, s=show: s(number(run.last, n))))
    rows.append(("best epoch", lambda run: whole(number(run.best, "epoch"))))
    for title, name, show in (
        ("best val loss", "val_loss", loss),
        ("best val accuracy", "val_accuracy", share),
    ):
        rows.append((title, lambda run, n=name, s=show: s(number(run.best, n))))
    rows += [
        ("test loss", lambda run: loss(number(run.end, "test_loss"))),
        ("test accuracy", lambda run: share(number(run.end, "test_accuracy"))),
        ("training time", lambda run: duration(run.figure("seconds"))),
        ("examples/s", lambda run: whole(run.figure("examples_per_second"))),
    ]
    return rows


def flat(document: Any, path: str = "") -> dict[str, Any]:
    """A document's values by their dotted paths: ``layers[1].units``."""
    if isinstance(document, dict):
        items = [(f"{path}.{key}" if path else str(key), value) for key, value in document.items()]
    elif isinstance(document, list):
        items = [(f"{path}[{i}]", value) for i, value in enumerate(document)]
    else:
        return {path: document}
    found: dict[str, Any] = {}
    for inner, value in items:
        found |= flat(value, inner)
    return found


def differences(documents: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """The settings that are not the same in all, with each one's value; names and notes aside."""
    keys = dict.fromkeys(key for document in documents for key in document if key not in ("name", "note"))
    rows = [(key, [document.get(key) for document in documents]) for key in keys]
    return [(key, values) for key, values in rows if any(value != values[0] for value in values)]
