"""``tuiml evaluate``: how good a run is, with intervals; whether another is better by more than chance."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.cli.commands.predict import CHECKPOINT, opened_run, standard_input
from tuiml.cli.output import note, print_json
from tuiml.cli.parser import BACKEND, JSON, RUN, Command, argument
from tuiml.runs import threads
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.evaluation.answers import Evaluated
    from tuiml.evaluation.report import Comparison


def run(chosen: argparse.Namespace) -> int:
    """Evaluate one run, or two on the same examples, and print the figures."""
    from tuiml.runs import library

    paths = [library.find(word) for word in (chosen.name, chosen.against) if word is not None]
    if chosen.csv is not None and (problem := _unwritable(chosen.csv)):
        note(f"tuiml: {problem}")
        return 2
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.evaluation.report import compare

    with _file(chosen.file) as file:
        first, *others = [_evaluated(path, chosen, file) for path in paths]
    comparisons = [(other, compare(first, other)) for other in others]
    _say_notes(first, *others)
    if chosen.csv is not None:
        from tuiml.files import write_whole

        write_whole(chosen.csv, _csv(first), parents=False)
    (_print_json if chosen.json else _print)(first, comparisons)
    return 0


def _print(first: Evaluated, comparisons: Sequence[tuple[Evaluated, Comparison]]) -> None:
    from tuiml.cli.evaluation_tables import print_comparison, print_figures
    from tuiml.evaluation.report import figures

    print_figures(first, figures(first))
    for other, comparison in comparisons:
        print_comparison(first, other, comparison)


def _print_json(first: Evaluated, comparisons: Sequence[tuple[Evaluated, Comparison]]) -> None:
    from tuiml.evaluation.report import evaluation_data, figures

    data = evaluation_data(first, figures(first))
    for other, comparison in comparisons:
        data["against"] = evaluation_data(other, figures(other))
        data["comparison"] = asdict(comparison)
    print_json(data)


def _unwritable(path: Path) -> str:
    """Why no file can be written there, or nothing."""
    if path.is_dir():
        return f"{path} is a folder: give the path of a file"
    return "" if path.parent.is_dir() else f"there is no folder {path.parent} for the examples"


def _say_notes(*evaluated: Evaluated) -> None:
    """What is odd about the examples, with the run's name where it is not so of the others."""
    shared = set(evaluated[0].notes).intersection(*(found.notes for found in evaluated[1:]))
    for text in evaluated[0].notes:
        if text in shared:
            note(f"tuiml: {text}")
    for found in evaluated:
        for text in found.notes:
            if text not in shared:
                note(f"tuiml: {found.run}: {text}")


@contextmanager
def _file(word: str | None) -> Iterator[Path | None]:
    """The file that is evaluated; ``None``: the run's own part."""
    from tuiml.data.own import location

    if word is None:
        yield None
        return
    with standard_input(word) as name:
        yield location.resolve(name)


def _evaluated(path: Path, chosen: argparse.Namespace, file: Path | None) -> Evaluated:
    from tuiml.evaluation.answers import of_file, of_own_part

    with opened_run(path, chosen.checkpoint, chosen.backend) as predictor:
        if file is None:
            return of_own_part(predictor, path.name)
        return of_file(predictor, path.name, file)


def _csv(found: Evaluated) -> str:
    """A row for each example: what is true, what is predicted, and the outputs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [plain_text(name) for name in found.columns]
    if found.regression:
        pairs = [word for name in columns for word in (f"{name}: target", f"{name}: prediction")]
        writer.writerow([found.kind, "loss", *pairs])
        for name, loss, targets, outputs in zip(
            found.names, found.losses.tolist(), found.labels.tolist(), found.outputs.tolist(), strict=True
        ):
            both = [f"{value:.7g}" for pair in zip(targets, outputs, strict=True) for value in pair]
            writer.writerow([name, f"{loss:.7g}", *both])
        return out.getvalue()
    writer.writerow([found.kind, "loss", "label", "prediction", *columns])
    answers = zip(found.labels.tolist(), found.predicted.tolist(), found.outputs.tolist(), strict=True)
    for name, loss, (label, prediction, outputs) in zip(
        found.names, found.losses.tolist(), answers, strict=True
    ):
        texts = [f"{value:.6g}" for value in outputs]
        writer.writerow([name, f"{loss:.7g}", columns[label], columns[prediction], *texts])
    return out.getvalue()


COMMAND = Command(
    "evaluate",
    "print how good a run is, with confidence intervals",
    run,
    [
        RUN,
        argument(
            "file",
            metavar="FILE",
            nargs="?",
            help="a table, an NPZ file or a folder of images, with labels; -: CSV from stdin "
            "(default: the run's test part)",
        ),
        argument("--against", metavar="RUN", help="a run that is compared on the same examples"),
        CHECKPOINT,
        BACKEND,
        argument("--csv", type=Path, metavar="PATH", help="write a row for each example"),
        JSON,
    ],
    epilog="Accuracy with Wilson's interval, loss, precision, recall and F1 of each class, confusion matrix, "
    "calibration; of numbers R², mean absolute and root mean squared error with bootstrap intervals. "
    "--against says whether the difference is more than chance.",
)
