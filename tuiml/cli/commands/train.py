"""``tuiml train``."""

from __future__ import annotations

import argparse

from tuiml.cli.parser import Command, Parser, add_backend, add_json, add_preset
from tuiml.runs import threads


def add_arguments(parser: Parser) -> None:
    """PRESET and the options of its run."""
    add_preset(parser, "change the preset: training.epochs=5, layers[*].initializer=he_normal")
    parser.add_argument("--run", dest="run_name", metavar="NAME", help="name of the run")
    parser.add_argument("--threads", type=_threads, metavar="N", help="threads that a batch is split for")
    add_backend(parser)
    add_json(parser, "print start, epochs and end as a JSON object a line")


def _threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= threads.LIMIT):
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r} is not a number of threads from 1 to {threads.LIMIT}"
        )
    return int(text)


def run(chosen: argparse.Namespace) -> int:
    """Train a preset into a new run."""
    threads.limit(chosen.threads)  # before numpy is imported, by what follows
    from tuiml.cli.preset_argument import read_preset

    preset = read_preset(chosen.preset, chosen.settings)
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs import session
    from tuiml.training import RunControl

    control, show = RunControl(), choose(json=chosen.json, quiet=chosen.quiet)
    events = session.run(
        preset, name=chosen.run_name, backend=chosen.backend, control=control, live=show.live
    )
    return follow(events, control, show)


COMMAND = Command("train", "train a preset without the app", run, add_arguments)
