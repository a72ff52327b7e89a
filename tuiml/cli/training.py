"""``tuiml train`` and ``tuiml resume``."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from tuiml.backends.choice import NAMES
from tuiml.cli.output import note
from tuiml.cli.parser import Commands, Parser, add_json, add_settings, command
from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.cli.progress import Show
    from tuiml.cli.signals import Stopping
    from tuiml.spec import Preset, Problem
    from tuiml.training import Event, RunControl


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(commands, "train", train, "train a preset without the app")
    parser.add_argument("preset", metavar="PRESET", help="a name that 'tuiml presets' lists, or a TOML file")
    add_settings(parser, "change the preset: training.epochs=5, layers[*].initializer=he_normal")
    parser.add_argument("--run", dest="run_name", metavar="NAME", help="name of the run")
    parser.add_argument("--threads", type=_count, metavar="N", help="threads that a batch is split for")
    _add_common(parser)
    parser = command(commands, "resume", resume, "go on with a run from its newest checkpoint")
    parser.add_argument("name", metavar="RUN", help="a name that 'tuiml runs' lists, or a folder")
    add_settings(
        parser,
        "lengthen the run (training.epochs=N), change training.learning_rate or training.early_stopping",
    )
    _add_common(parser)


def _add_common(parser: Parser) -> None:
    parser.add_argument("--backend", choices=NAMES, default="auto", help="what computes (default: auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    add_json(parser, "print start, epochs and end as a JSON object a line")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= threads.LIMIT):
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r} is not a number of threads from 1 to {threads.LIMIT}"
        )
    return int(text)


def train(chosen: argparse.Namespace) -> int:
    """``tuiml train``."""
    threads.limit(chosen.threads)  # before numpy is imported, by what follows
    preset = read_preset(chosen.preset, chosen.settings)
    from tuiml.runs import session
    from tuiml.training import RunControl

    control = RunControl()
    show = progress(chosen)
    return follow(
        session.run(preset, name=chosen.run_name, backend=chosen.backend, control=control, live=show.live),
        control,
        show,
    )


def resume(chosen: argparse.Namespace) -> int:
    """``tuiml resume``."""
    from tuiml.runs import library

    path = library.find(chosen.name)
    threads.limit()
    from tuiml.runs import session
    from tuiml.training import RunControl

    control = RunControl()
    show = progress(chosen)
    events = session.resume(path, chosen.settings, backend=chosen.backend, control=control, live=show.live)
    return follow(events, control, show)


def read_preset(word: str, settings: list[str]) -> Preset:
    """The preset that PRESET and ``--set`` mean.

    Raises:
        SpecError: with every problem.
    """
    from tuiml.spec import SpecError, check

    document, problems = read_document(word, settings)
    preset, found = check(document)
    if preset is None or problems:
        raise SpecError([*problems, *found])
    return preset


def read_document(word: str, settings: list[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The document that PRESET and ``--set`` mean, not validated, and the settings that lead nowhere.

    Raises:
        SpecError: there is no such preset.
    """
    from tuiml.spec import SpecError, library
    from tuiml.spec.edit import assign

    file = library.find(word)
    document = file.document()
    problems: list[Problem] = []
    if "name" not in document and file.name.isprintable():
        document["name"] = file.name[:80]
    for setting in settings:
        try:
            document = assign(document, setting)
        except SpecError as error:
            problems += error.problems
    return document, problems


def progress(chosen: argparse.Namespace) -> Show:
    from tuiml.cli.progress import choose

    return choose(json=chosen.json, quiet=chosen.quiet)


def follow(events: Generator[Event], control: RunControl, show: Show) -> int:
    """Show a run's events to the end; the exit code."""
    from tuiml.cli.signals import Stopping
    from tuiml.runs.errors import Cancelled
    from tuiml.training import End

    end: End | None = None
    with Stopping(control) as stopping, contextlib.closing(events):
        try:
            for event in events:
                end = event if isinstance(event, End) else end
                _tell(show, event, stopping)
        except Cancelled as error:
            if stopping.number is None:
                raise
            note(f"tuiml: {error}")
            return 128 + stopping.number
        finally:
            show.close()
    if end is None or show.unsaved:
        return 1
    if end.reason == "stopped":
        return 128 + stopping.number if stopping.number is not None else 1
    return 3 if end.reason == "diverged" else 0


def _tell(show: Show, event: Event, stopping: Stopping) -> None:
    """Show an event; where stdout takes nothing any more, end the run, which is saved all the same."""
    try:
        show.tell(event)
    except BrokenPipeError:
        show.silence()
        stopping.stop(signal.SIGPIPE)
    except OSError as error:
        show.silence()
        note(f"tuiml: cannot print: {error.strerror or error}; the run is stopped and saved")
        stopping.stop(None)
