"""``tuiml data check``: what tuiml makes of a user's file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, print_table, say
from tuiml.cli.parser import Parser
from tuiml.formatting import NONE, count_text, figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tuiml.data.file_report import Report
    from tuiml.data.own.facts import Column

WORDS = {
    "header": (("auto", "yes", "no"), "whether the first row has names"),
    "delimiter": (("auto", "comma", "semicolon", "tab", "pipe", "blank"), "what separates columns"),
    "decimal": (("auto", "point", "comma"), "decimal sign of numbers"),
    "thousands": (("auto", "none", "comma", "point", "space", "apostrophe"), "what groups their digits"),
    "predict": (("auto", "classes", "regression"), "what the label is"),
    "missing": (("refuse", "drop", "mean"), "what is done about a missing value"),
    "comment": (("auto", "none", "#", "%", "//"), "what lines that are passed over begin with"),
}
"""Options of a table that are one of some words."""
OPTIONS = ("label", "ignore", *WORDS, "missing_values", "encoding", "test", "width", "height", "grey")
MOST = 40
"""Columns and classes that are listed."""


def add_arguments(parser: Parser) -> None:
    """The file, and the options of ``[data]`` that say how it is to be read."""
    text = "a CSV, NPZ or IDX file, a folder of IDX files, or one with a folder of images for each class"
    parser.add_argument("path", metavar="PATH", type=Path, help=text)
    for name, what in (("--label", "target column, by name or number"), ("--ignore", "column left out")):
        parser.add_argument(name, action="append", metavar="COLUMN", help=f"{what}; may be repeated")
    for name, (words, what) in WORDS.items():
        shown = [word.replace("%", "%%") for word in words]
        metavar = "{" + ",".join(shown) + "}"
        parser.add_argument(f"--{name}", choices=words, metavar=metavar, help=what)
    what = "a word that stands for a missing value; may be repeated"
    parser.add_argument("--missing-values", action="append", metavar="WORD", help=what)
    parser.add_argument("--encoding", metavar="NAME", help="how the text is encoded, as windows-1252")
    parser.add_argument("--test", type=float, metavar="SHARE", help="share kept apart for the test")
    parser.add_argument("--width", type=int, metavar="N", help="pixels across of every image")
    parser.add_argument("--height", type=int, metavar="N", help="pixels down of every image")
    parser.add_argument("--grey", action="store_true", default=None, help="images in grey")


def check(chosen: argparse.Namespace) -> int:
    """The command; 2 where the file cannot be used."""
    from tuiml.cli.progress import Bar, loading_on
    from tuiml.data import file_report

    files = [_examine(file) for file in _idx_files(chosen.path)]
    found: Report | None = None
    if not (len(files) == 1 and not files[0]["problem"] and len(files[0]["shape"]) == 1):
        options = {name: getattr(chosen, name) for name in OPTIONS}
        progress = loading_on(Bar()) if sys.stderr.isatty() else None
        found = file_report.look(chosen.path, deep=True, progress=progress, **options)
    if chosen.json:
        print_json((found.to_json() if found else {}) | ({"files": files} if files else {}))
    else:
        for row in files:
            (note if row["problem"] else say)(_sentence(row))
        if found is not None:
            _print(found)
    bad = any(row["problem"] for row in files) or (found is not None and not found.usable)
    return 2 if bad else 0


# -- a report ---------------------------------------------------------------------------------------------


def _print(found: Report) -> None:
    """A report for reading; problems go to stderr."""
    if found.kind:
        shape = "×".join(map(str, found.shape))
        say(f"{found.path}: {found.kind}")
        parts = f"{count_text(found.examples)} examples, {count_text(found.test)} of them the test part"
        say(f"{parts}; {shape} input{'s' * (found.shape != (1,))} each")
        say(_target(found))
    if not found.usable and found.rows:
        width = min(12, len(found.rows[0]))
        header, *rows = ((*row, *[""] * width)[:width] for row in found.rows)
        print_table(header, rows)
        say()
    elif found.format == "csv" and found.columns:
        say()
        _print_columns(found.columns)
    if found.warnings:
        say()
        for text in found.warnings:
            say(f"note: {text}")
    for text in found.problems:
        note(text)
    if found.usable and found.table is not None:
        from tuiml.spec import toml

        say(f"\nin a preset:\n\n{toml.dumps({'data': found.table}).rstrip()}", lines=True)


def _target(found: Report) -> str:
    if found.target == "regression":
        names = ", ".join(found.target_names[:MOST])
        return "target: " + (f"regression of {names}" if names else "regression")
    pairs = zip(found.classes[:MOST], found.counts[:MOST], strict=False)
    some = "; ".join(f"{name}: {count_text(count)}" for name, count in pairs)
    more = "; …" if len(found.classes) > MOST else ""
    return f"target: one of {count_text(len(found.classes))} classes ({some}{more})"


def _print_columns(columns: Sequence[Column]) -> None:
    header = ("column", "kind", "min", "max", "mean", "values", "missing")
    rows = [
        [
            column.name,
            column.kind,
            *(NONE if value is None else figure(value) for value in (column.low, column.high, column.mean)),
            NONE if column.values is None else count_text(column.values),
            count_text(column.missing),
        ]
        for column in columns[:MOST]
    ]
    print_table(header, rows, right=header[2:])
    if len(columns) > MOST:
        say(f"… {count_text(len(columns))} columns in all")


# -- IDX files by themselves ------------------------------------------------------------------------------


def _idx_files(path: Path) -> list[Path]:
    """The IDX files that a path means: itself, or those of a folder."""
    from tuiml.data.own.entries import Idx
    from tuiml.data.own.idx_files import files_in
    from tuiml.data.own.reading import format_of

    if path.is_dir():
        return files_in(path)
    return [path] if path.exists() and format_of(path.absolute()) == Idx.name else []


def _examine(path: Path) -> dict[str, Any]:
    """A file as plain data: what it holds, which known file it is, or what is wrong with it."""
    from tuiml.data import idx
    from tuiml.data.errors import DataError

    row: dict[str, Any] = {"path": str(path), "shape": None, "low": None, "high": None, "known": None}
    try:
        values = idx.read_any(path)
    except DataError as error:
        return row | {"problem": str(error)}
    low, high = values.min().item(), values.max().item()
    row |= {"shape": list(values.shape), "type": values.dtype.name, "low": low, "high": high}
    if values.ndim == 1 and values.dtype.name == "uint8":
        import numpy as np

        row["counts"] = np.bincount(values).tolist()
    return row | {"known": _known(values), "problem": None}


def _known(values: NDArray[Any]) -> str | None:
    """The file of a known data set that these values are, by their hash."""
    import hashlib

    from tuiml.data.sources import FASHION, MNIST

    dimensions = b"".join(n.to_bytes(4, "big") for n in values.shape)
    digest = hashlib.sha256(bytes([0, 0, 8, values.ndim]) + dimensions + values.tobytes()).hexdigest()
    for origin in (MNIST, FASHION):
        for source in origin.sources:
            if source.sha256 == digest:
                return f"{source.file} of {origin.name}"
    return None


def _sentence(row: dict[str, Any]) -> str:
    from tuiml.text import plain_text

    if row["problem"]:
        return str(row["problem"])
    count, *each = row["shape"]
    kind = (
        f"examples of {'×'.join(map(str, each))} {'bytes' if row['type'] == 'uint8' else row['type']}"
        if each
        else "labels"
    )
    known = f"; {row['known']}, undamaged" if row["known"] else "; not a file that tuiml knows"
    text = (
        f"{plain_text(row['path'])}: {count_text(count)} {kind}, values {row['low']} to {row['high']}{known}"
    )
    if row.get("counts") and len(row["counts"]) <= 32:
        text += f"; of each label {', '.join(map(str, row['counts']))}"
    return text
