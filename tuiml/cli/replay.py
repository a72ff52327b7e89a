"""``tuiml replay``: a run done again from its folder, and whether it comes to the same bits."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from typing import TYPE_CHECKING

from tuiml.cli.output import note
from tuiml.cli.parser import Commands, add_json, command
from tuiml.cli.training import follow, progress
from tuiml.runs import threads
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.training import Event
    from tuiml.training.events import Replayed


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(commands, "replay", replay, "train a run anew from its folder and compare the weights")
    parser.add_argument("name", metavar="RUN", help="a name that 'tuiml runs' lists, or a folder")
    parser.add_argument("--run", dest="run_name", metavar="NAME", help="name of the new run")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_json(parser, "print start, epochs, end and the verdict as a JSON object a line")


def replay(chosen: argparse.Namespace) -> int:
    """``tuiml replay``: 0 where the weights are the same to the bit, 1 where they are not."""
    from tuiml.runs import library

    path = library.find(chosen.name)
    threads.limit()
    from tuiml.runs import replay
    from tuiml.training import RunControl
    from tuiml.training.events import Replayed

    control = RunControl()
    show = progress(chosen)
    found: list[Replayed] = []

    def seen() -> Generator[Event]:
        for event in replay.replay(path, name=chosen.run_name, control=control, live=show.live):
            if isinstance(event, Replayed):
                found.append(event)
            yield event

    code = follow(seen(), control, show)
    if not found or code >= 128:  # it was stopped: that says nothing
        return code
    if not chosen.json:
        print(verdict(found[0]), flush=True)
    for text in found[0].differs:
        note(f"tuiml: differs: {text}")
    return 0 if found[0].same else 1


def verdict(found: Replayed) -> str:
    """Whether a run came to the same bits, in a line."""
    changes = f"{found.changes} change" + ("" if found.changes == 1 else "s")
    word = "same weights, bit for bit" if found.same else "other weights"
    return f"{plain_text(found.run)}: {word}, at step {found.step:,}, with {changes} by hand"
