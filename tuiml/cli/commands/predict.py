"""``tuiml predict``: answers of a run's network for new rows, arrays or images."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import finite, note, say
from tuiml.cli.parser import BACKEND, RUN, Command, argument, json_option
from tuiml.runs import threads
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.own.new_examples import NewExamples
    from tuiml.runs.predictor import Answers, Predictor, Which

STDIN = "-"
DIGITS = 6
"""Of a probability."""
CHECKPOINT = argument(
    "--checkpoint",
    choices=("newest", "best"),
    default="newest",
    help="the weights: of the newest checkpoint, or of the best epoch's (default: newest)",
)


def run(chosen: argparse.Namespace) -> int:
    """Print the predictions for the examples of a file."""
    from tuiml.runs import library
    from tuiml.runs.watched import refuse_watched

    path = library.find(chosen.name)
    refuse_watched(path)
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.data.own import location

    with standard_input(chosen.file) as word:
        file = location.resolve(word)
        with opened_run(path, chosen.checkpoint, chosen.backend) as predictor:
            examples = predictor.read(file)
            answers = predictor.answer(examples)
    note(f"tuiml: {predictor.said}")
    for text in examples.notes:
        note(f"tuiml: {text}")
    text = _json_lines(examples, answers) if chosen.json else _csv(examples, answers)
    say(text.rstrip("\n"), lines=True)
    return 0


@contextlib.contextmanager
def opened_run(path: Path, which: Which, backend: str = "auto") -> Iterator[Predictor]:
    """The network of a run; a terminal shows how far a download is.

    Raises:
        SystemExit: it was stopped by a signal, which was said.
    """
    from tuiml.cli.signals import Stopping
    from tuiml.runs.errors import Cancelled
    from tuiml.runs.predictor import open_run
    from tuiml.training.run_control import RunControl

    control = RunControl(rewindable=False)
    with Stopping(control) as stopping:
        try:
            predictor = _opened(open_run(path, which=which, backend=backend, control=control))
        except Cancelled as error:
            if stopping.number is None:
                raise
            note(f"tuiml: {error}")
            raise SystemExit(128 + stopping.number) from None
    with contextlib.closing(predictor):
        yield predictor


def _opened(events: Generator[Any, None, Predictor]) -> Predictor:
    from tuiml.cli.progress import Show, on_stderr

    show = on_stderr() if sys.stderr.isatty() else Show()
    try:
        while True:
            try:
                show.report(next(events))
            except StopIteration as done:
                found: Predictor = done.value
                return found
    finally:
        show.close()


@contextlib.contextmanager
def standard_input(word: str) -> Iterator[str]:
    """The path of a file; for ``-`` what comes from standard input, as a file."""
    from tuiml.data.own.facts import MOST_BYTES, Wrong

    if word != STDIN:
        yield word
        return
    with tempfile.TemporaryDirectory(prefix="tuiml-") as folder:
        path, size = Path(folder) / "standard input", 0
        with path.open("wb") as file:
            while block := sys.stdin.buffer.read(1 << 20):
                size += len(block)
                if size > MOST_BYTES:
                    raise Wrong("path", f"standard input has more than {MOST_BYTES:,} bytes")
                file.write(block)
        if not size:
            raise Wrong("path", "standard input is empty: give rows of a table (CSV)")
        yield str(path)


def _figures(answers: Answers) -> list[list[float]]:
    """The numbers with the digits that are meant: float32 has seven."""
    digits = DIGITS + answers.regression
    return [[float(f"{value:.{digits}g}") for value in row] for row in answers.values.tolist()]


def _csv(examples: NewExamples, answers: Answers) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    predicted = answers.predicted()
    names = [plain_text(name) for name in answers.columns]
    writer.writerow([examples.kind, *(["prediction"] if predicted else []), *names])
    for at, (name, row) in enumerate(zip(examples.names, _figures(answers), strict=True)):
        texts = ["" if finite(value) is None else f"{value:.{DIGITS + 1}g}" for value in row]
        writer.writerow([name, *([plain_text(predicted[at])] if predicted else []), *texts])
    return out.getvalue()


def _json_lines(examples: NewExamples, answers: Answers) -> str:
    predicted = answers.predicted()
    lines = []
    for at, (name, row) in enumerate(zip(examples.names, _figures(answers), strict=True)):
        values = dict(zip(answers.columns, finite(row), strict=True))
        found: dict[str, Any] = {examples.kind: name}
        found |= {"prediction": predicted[at], "probabilities": values} if predicted else {"outputs": values}
        lines.append(json.dumps(found, allow_nan=False))
    return "\n".join(lines)


COMMAND = Command(
    "predict",
    "print what a run's network predicts for new rows or images",
    run,
    [
        RUN,
        argument(
            "file", metavar="FILE", help="a table, NPZ or NPY file, an image or a folder; -: CSV from stdin"
        ),
        CHECKPOINT,
        BACKEND,
        json_option("print a JSON object a line"),
    ],
    epilog="Columns of a table are matched by name with those that the run was trained on, in any order. "
    "Text of stdout: the row or file, the prediction, the probability of each class; or the numbers.",
)
