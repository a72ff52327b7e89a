"""``tuiml train``."""

from __future__ import annotations

import argparse
from typing import Any

from tuiml.cli import notices
from tuiml.cli.parser import (
    BACKEND,
    PRESET,
    QUIET,
    Command,
    argument,
    json_option,
    set_option,
    threads_option,
)
from tuiml.runs import threads


def run(chosen: argparse.Namespace) -> int:
    """Train a preset into a new run."""
    threads.limit(chosen.threads)  # before numpy is imported, by what follows
    from tuiml.cli.preset_argument import read_preset

    asked = notices.wanted(chosen)
    preset = read_preset(chosen.preset, chosen.settings, quiet=chosen.quiet or chosen.json)
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs import session
    from tuiml.training.run_control import RunControl

    control, show = RunControl(rewindable=False), choose(json=chosen.json, quiet=chosen.quiet)
    events = session.run(
        preset, name=chosen.run_name, backend=chosen.backend, control=control, live=show.live
    )

    def document() -> dict[str, Any]:
        return preset.document() | {"data": preset.data}  # which need not be read again

    return follow(events, control, show, notices.Notices(asked, document, show))


COMMAND = Command(
    "train",
    "train a preset without the app",
    run,
    [
        PRESET,
        set_option("change the preset: training.epochs=5, layers[*].initializer=he_normal"),
        argument("--run", dest="run_name", metavar="NAME", help="name of the run"),
        threads_option("threads that a batch is split for"),
        BACKEND,
        QUIET,
        *notices.OPTIONS,
        json_option("print start, epochs and end as a JSON object a line"),
    ],
)
