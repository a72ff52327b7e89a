"""``tuiml resume``."""

from __future__ import annotations

import argparse

from tuiml.cli.parser import OWN_BACKEND, QUIET, RUN, Command, json_option, set_option, threads_option
from tuiml.runs import threads


def run(chosen: argparse.Namespace) -> int:
    """Resume a run."""
    from tuiml.runs import library

    path = library.find(chosen.name)
    threads.limit(chosen.threads)  # before numpy is imported, by what follows
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs import session
    from tuiml.training.run_control import RunControl

    control, show = RunControl(rewindable=False), choose(json=chosen.json, quiet=chosen.quiet)
    events = session.resume(
        path,
        chosen.settings,
        backend=chosen.backend,
        shards=chosen.threads,
        control=control,
        live=show.live,
    )
    return follow(events, control, show)


COMMAND = Command(
    "resume",
    "go on with a run from its newest checkpoint",
    run,
    [
        RUN,
        set_option(
            "lengthen the run (training.epochs=N), change training.learning_rate or training.early_stopping"
        ),
        OWN_BACKEND,
        threads_option("threads that a batch is split for (default: as many as before)"),
        QUIET,
        json_option("print start, epochs and end as a JSON object a line"),
    ],
)
