"""``tuiml resume``."""

from __future__ import annotations

import argparse
from typing import Any

from tuiml.cli import notices
from tuiml.cli.parser import OWN_BACKEND, QUIET, RUN, Command, json_option, set_option, threads_option
from tuiml.runs import threads


def run(chosen: argparse.Namespace) -> int:
    """Resume a run."""
    from tuiml.runs import library

    path = library.find(chosen.name)
    threads.limit(chosen.threads)  # before numpy is imported, by what follows
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs import checkpoint_recovery, session
    from tuiml.training.run_control import RunControl

    control, show = RunControl(rewindable=False), choose(json=chosen.json, quiet=chosen.quiet)
    events = session.resume(
        path, chosen.settings, backend=chosen.backend, shards=chosen.threads, control=control, live=show.live
    )

    def document() -> dict[str, Any]:
        return checkpoint_recovery.preset_document(path)[0]

    return follow(events, control, show, notices.Notices(notices.wanted(chosen), document, show))


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
        *notices.OPTIONS,
        json_option("print start, epochs and end as a JSON object a line"),
    ],
)
