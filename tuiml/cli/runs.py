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
    _note_skipped(found)
    if chosen.json:
        print_json([library.figures(run) for run in found])
    elif not found:
        note(f"there are no runs in {folder.runs_folder()}; 'tuiml train digits-quickstart' makes one")
    else:
        numbers = any(_has_r2(run) for run in found)
        r2 = ("val R²", "test R²") if numbers else ()
        header = ("run", "when", "ended", "epochs", "val loss", "val acc", "test acc", *r2, "parameters")
        print_table(header, [_row(run, numbers) for run in found], right=header[3:])
    return 0


def _note_skipped(found: list[RunSummary]) -> None:
    """Say which runs have lines that cannot be read."""
    from tuiml.runs.library import passed_over

    for run in found:
        if run.skipped:
            note(f"tuiml: run '{run.name}': {passed_over(run.skipped)}")


def _has_r2(run: RunSummary) -> bool:
    """Whether its target is numbers."""
    return any("train_r2" in (line or {}) for line in (run.last, run.best)) or "test_r2" in (run.end or {})


def _row(run: RunSummary, numbers: bool) -> list[str]:
    from tuiml.runs.library import number

    r2 = [loss(number(run.best, "val_r2")), loss(number(run.end, "test_r2"))] if numbers else []
    return [
        run.name,
        f"{datetime.fromtimestamp(run.when):%Y-%m-%d %H:%M}",
        run.reason,
        f"{run.epochs}/{run.planned}",
        loss(number(run.best, "val_loss")),
        share(number(run.best, "val_accuracy")),
        share(number(run.end, "test_accuracy")),
        *r2,
        whole(run.parameters),
    ]


# -- compare ----------------------------------------------------------------------------------------------


def compare(chosen: argparse.Namespace) -> int:
    """``tuiml compare``."""
    from tuiml.runs import library
    from tuiml.spec import SpecError
    from tuiml.spec.library import read

    found = [library.summary(library.find(word)) for word in chosen.names]
    _note_skipped(found)
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
    figures = _figures(classes=not all(map(_has_r2, found)), numbers=any(map(_has_r2, found)))
    table += [[title, *(show(run) for run in found)] for title, show in figures]
    print_table(("", *(run.name for run in found)), table)
    return 0


def _figures(classes: bool, numbers: bool) -> list[tuple[str, Any]]:
    """The rows of figures: a title, and how to show it of a run; accuracies of classes, R² of numbers."""
    from tuiml.runs.library import number

    rows: list[tuple[str, Any]] = [
        ("ended", lambda run: run.reason),
        ("epochs", lambda run: f"{run.epochs}/{run.planned}"),
        ("parameters", lambda run: whole(run.parameters)),
    ]
    kinds = [("loss", "loss", loss)]
    kinds += [("accuracy", "accuracy", share)] if classes else []
    kinds += [("R²", "r2", loss)] if numbers else []
    for part in ("train", "val"):
        for word, name, show in kinds:
            key = f"{part}_{name}"
            rows.append((f"{part} {word}", lambda run, n=key, s=show: s(number(run.last, n))))
    rows.append(("best epoch", lambda run: whole(number(run.best, "epoch"))))
    for word, name, show in kinds:
        rows.append((f"best val {word}", lambda run, n=f"val_{name}", s=show: s(number(run.best, n))))
    for word, name, show in kinds:
        rows.append((f"test {word}", lambda run, n=f"test_{name}", s=show: s(number(run.end, n))))
    rows += [
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
