"""``tuiml resume``."""

from __future__ import annotations

import argparse

from tuiml.cli.parser import Command, Parser, add_backend, add_json, add_run, add_settings
from tuiml.runs import threads


def add_arguments(parser: Parser) -> None:
    """RUN and what may change."""
    add_run(parser)
    text = "lengthen the run (training.epochs=N), change training.learning_rate or training.early_stopping"
    add_settings(parser, text)
    add_backend(parser)
    add_json(parser, "print start, epochs and end as a JSON object a line")


def run(chosen: argparse.Namespace) -> int:
    """Resume a run."""
    from tuiml.runs import library

    path = library.find(chosen.name)
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs import session
    from tuiml.training import RunControl

    control, show = RunControl(), choose(json=chosen.json, quiet=chosen.quiet)
    events = session.resume(path, chosen.settings, backend=chosen.backend, control=control, live=show.live)
    return follow(events, control, show)


COMMAND = Command("resume", "go on with a run from its newest checkpoint", run, add_arguments)
