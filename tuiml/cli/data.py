"""``tuiml data``: list, fetch, check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, print_table, whole
from tuiml.cli.parser import Commands, add_json, command

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_FILES = 100
"""Of a folder that are looked at."""


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(commands, "data", list_data, "list, fetch and check data sets")
    inner = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = command(inner, "list", list_data, "list the data sets and where they lie")
    fetching = command(inner, "fetch", fetch, "download a data set that is not here yet")
    fetching.add_argument("name", metavar="NAME", help="such as mnist")
    checking = command(inner, "check", check, "say what tuiml makes of a file, or of a folder's files")
    checking.add_argument("path", metavar="PATH", type=Path, help="an IDX file, gzipped or not, or a folder")
    for each in (listing, fetching, checking):
        add_json(each)


def list_data(chosen: argparse.Namespace) -> int:
    """``tuiml data list``."""
    from tuiml.data import catalog

    rows = catalog.where()
    if chosen.json:
        print_json([vars(row) for row in rows])
        return 0
    header = ("name", "kind", "shape", "classes", "examples", "here", "where")
    table = [
        [
            row.name,
            row.kind,
            "×".join(map(str, row.shape)),
            str(row.classes) if row.classes else "–",
            whole(row.examples),
            "yes" if row.here else "no",
            row.where,
        ]
        for row in rows
    ]
    print_table(header, table, right=("classes", "examples"))
    return 0


def fetch(chosen: argparse.Namespace) -> int:
    """``tuiml data fetch``."""
    from tuiml.data import catalog

    paths = catalog.fetch(chosen.name, _telling())
    if chosen.json:
        print_json([str(path) for path in paths])
        return 0
    for path in paths:
        print(path)
    if not paths:
        note(f"'{chosen.name}' needs no download: it comes with tuiml, or is generated")
    return 0


def _telling() -> Callable[[str, int, int], None]:
    """Says what is downloaded: a line a file, or on a terminal a line that is redrawn."""
    from tuiml.cli import progress
    from tuiml.training import Loading

    show = progress.Bar() if sys.stderr.isatty() else progress.Plain()

    def tell(name: str, done: int, total: int) -> None:
        show.draw(Loading(name, done, total))
        if done == total:
            show.close()

    return tell


# -- check ------------------------------------------------------------------------------------------------


def check(chosen: argparse.Namespace) -> int:
    """``tuiml data check``."""
    from tuiml.data.errors import DataError

    path: Path = chosen.path
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and "idx" in p.name)[:MOST_FILES]
        if not files:
            raise DataError(f"{path} holds no IDX files (such as train-images-idx3-ubyte.gz)")
    else:
        files = [path]
    rows = [_examine(file) for file in files]
    if chosen.json:
        print_json(rows)
    else:
        for row in rows:
            (note if row["problem"] else print)(_sentence(row))
    return 2 if any(row["problem"] for row in rows) else 0


def _examine(path: Path) -> dict[str, Any]:
    """A file as plain data: what it holds, which known file it is, or what is wrong with it."""
    from tuiml.data import idx
    from tuiml.data.errors import DataError

    row: dict[str, Any] = {"path": str(path), "shape": None, "low": None, "high": None, "known": None}
    try:
        values = idx.read(path)
    except DataError as error:
        return row | {"problem": str(error)}
    row |= {"shape": list(values.shape), "low": int(values.min()), "high": int(values.max())}
    if values.ndim == 1:
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
    kind = f"examples of {'×'.join(map(str, each))} bytes" if each else "labels"
    known = f"; {row['known']}, undamaged" if row["known"] else "; not a file that tuiml knows"
    text = f"{plain_text(row['path'])}: {whole(count)} {kind}, values {row['low']} to {row['high']}{known}"
    if row.get("counts") and len(row["counts"]) <= 32:
        text += f"; of each label {', '.join(map(str, row['counts']))}"
    return text
