"""``tuiml replay``: trains a run anew from its folder and compares the bits."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from typing import TYPE_CHECKING

from tuiml.cli import notices
from tuiml.cli.output import note, say
from tuiml.cli.parser import QUIET, RUN, Command, argument, json_option
from tuiml.runs import threads
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.training.events import Event, Replayed


def run(chosen: argparse.Namespace) -> int:
    """Replay a run; returns 0 if the weights are the same to the bit, 1 if not."""
    from tuiml.runs import library

    path, asked = library.find(chosen.name), notices.wanted(chosen)
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.cli.follow import follow
    from tuiml.cli.progress import choose
    from tuiml.runs.replay import replay
    from tuiml.training.events import Replayed
    from tuiml.training.run_control import RunControl

    control, show = RunControl(rewindable=False), choose(json=chosen.json, quiet=chosen.quiet)
    found: list[Replayed] = []

    def events() -> Generator[Event]:
        for event in replay(path, name=chosen.run_name, control=control, live=show.live):
            if isinstance(event, Replayed):
                found.append(event)
            yield event

    with notices.TerminalNotices(asked, show) as telling:
        telling.title(f"tuiml replay {path.name}")
        code = follow(events(), control, show)
        if not found or code >= 128:  # it was stopped: that says nothing
            telling.tell("stopped", path.name, str(path), "the replay was stopped")
            return code
        new = str(path.with_name(found[0].replay))
        telling.tell("completed", found[0].replay, new, verdict(found[0]))
    if not chosen.json:
        say(verdict(found[0]))
    for text in found[0].differs:
        note(f"tuiml: differs: {text}")
    return 0 if found[0].same else 1


def verdict(found: Replayed) -> str:
    """Whether a run came to the same bits, in one line."""
    changes = f"{found.changes} manual change{'' if found.changes == 1 else 's'}"
    word = "same weights, bit for bit" if found.same else "other weights"
    return f"{plain_text(found.run)}: {word}, at step {found.step:,}, with {changes}"


COMMAND = Command(
    "replay",
    "train a run anew from its folder and compare the weights",
    run,
    [
        RUN,
        argument("--run", dest="run_name", metavar="NAME", help="name of the new run"),
        QUIET,
        *notices.OPTIONS,
        json_option("print start, epochs, end and the verdict as a JSON object a line"),
    ],
)
