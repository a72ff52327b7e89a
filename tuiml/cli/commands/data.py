"""``tuiml data``: list, fetch, check."""

from __future__ import annotations

import argparse
import sys

from tuiml.cli import data_check
from tuiml.cli.output import note, print_json, print_table, say
from tuiml.cli.parser import JSON, Command, Parser, argument
from tuiml.formatting import count_text


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
            count_text(row.examples),
            "yes" if row.here else "no",
            row.where,
        ]
        for row in rows
    ]
    print_table(header, table, right=("classes", "examples"), wrap=True)
    return 0


def fetch(chosen: argparse.Namespace) -> int:
    """``tuiml data fetch``."""
    from tuiml.cli.progress import Bar, Plain, loading_on
    from tuiml.data import catalog

    paths = catalog.fetch(chosen.name, loading_on(Bar() if sys.stderr.isatty() else Plain()))
    if chosen.json:
        print_json([str(path) for path in paths])
        return 0
    for path in paths:
        say(path)
    if not paths:
        note(f"'{chosen.name}' needs no download: it comes with tuiml, or is generated")
    return 0


ACTIONS = (
    Command("list", "list the data sets and where they lie", list_data, [JSON]),
    Command(
        "fetch",
        "download a data set that is not here yet",
        fetch,
        [argument("name", metavar="NAME", help="such as mnist"), JSON],
    ),
    Command(
        "check",
        "say what tuiml makes of your own file or folder",
        data_check.check,
        [data_check.add_arguments, JSON],
    ),
)


def _add_actions(parser: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action in ACTIONS:
        action.add_to(actions)


COMMAND = Command("data", "list, fetch and check data sets", list_data, [_add_actions])
