"""The parser of the command line: errors of one line with suggestions, and arguments that commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tuiml import __version__
from tuiml.backends.choice import NAMES
from tuiml.cli.output import note
from tuiml.runs import threads

Commands = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""

DESCRIPTION = """\
A terminal lab for neural networks: stack layers, train for real, see inside
while it learns.

  tuiml            opens the app where it was left
  tuiml PRESET     opens it on a preset: a name ('tuiml presets') or a TOML file
  tuiml RUN        opens it on a run ('tuiml runs'), live if it is being trained
  tuiml STUDY      opens it on a study ('tuiml studies')
  tuiml COMMAND …  does one of these, without the app ('tuiml COMMAND -h')
"""
ENVIRONMENT = """\
environment:
  TUIML_HOME   folder of runs, presets and settings
  TUIML_DATA   folders searched for data before the cache and any download
  NO_COLOR     no colours
  TUIML_DEBUG  1: a traceback with an error

exit codes: 0 done; 1 failed while running; 2 wrong usage, preset or data;
3 training diverged; 128+n ended by signal n (130: Ctrl-C), its state saved
"""


class Parser(argparse.ArgumentParser):
    """Reports errors in one line, with the nearest option."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        note(f"{self.prog}: {message} ('{self.prog} -h' tells more)")
        raise SystemExit(2)

    def refuse(self, unknown: list[str]) -> NoReturn:
        """Leave with exit code 2 and name the arguments that are not known."""
        from tuiml.registry import closest, short

        first = unknown[0]
        options = [word for action in self._actions for word in action.option_strings]
        near = closest(first.partition("=")[0], options) if first.startswith("-") else None
        if "=" in first and not near and "--set" in options:
            near = f"--set {first[:60]}"
        kind = "option" if first.startswith("-") else "argument"
        self.error(f"unknown {kind} {short(first)}" + (f"; did you mean '{near}'?" if near else ""))


def argument(*names: str, **options: Any) -> Callable[[Parser], object]:
    """An argument of a command, as ``ArgumentParser.add_argument`` takes it."""
    return lambda parser: parser.add_argument(*names, **options)


@dataclass(frozen=True)
class Command:
    """A command of ``tuiml``.

    Args:
        name: as typed.
        help: its line in the list of commands, and the start of its own help.
        run: does it; returns the exit code.
        arguments: each adds an argument to its parser.
        epilog: the end of its help.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: Sequence[Callable[[Parser], object]]
    epilog: str | None = None

    def add_to(self, commands: Commands) -> None:
        """Add its parser to those of other commands."""
        description = f"{self.help[0].upper()}{self.help[1:]}."
        parser: Parser = commands.add_parser(
            self.name, help=self.help, description=description, epilog=self.epilog
        )
        parser.set_defaults(run=self.run)
        for add in self.arguments:
            add(parser)


def top_parser() -> Parser:
    """The parser of ``tuiml`` itself, without commands."""
    parser = Parser(
        prog="tuiml",
        usage="tuiml [PRESET | RUN | STUDY] | tuiml COMMAND …",
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tuiml {__version__}")
    return parser


# -- arguments that several commands have ------------------------------------------------------------------


def json_option(text: str = "print JSON") -> Callable[[Parser], object]:
    """``--json``."""
    return argument("--json", action="store_true", help=text)


def set_option(text: str) -> Callable[[Parser], object]:
    """``--set PATH=VALUE``, any number of times."""
    return argument("--set", dest="settings", action="append", default=[], metavar="PATH=VALUE", help=text)


def threads_option(text: str) -> Callable[[Parser], object]:
    """``--threads N``."""
    return argument("--threads", type=_threads, metavar="N", help=text)


def _threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= threads.LIMIT):
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r} is not a number of threads from 1 to {threads.LIMIT}"
        )
    return int(text)


A_RUN = "a name that 'tuiml runs' lists, or a folder"
RUN = argument("name", metavar="RUN", help=A_RUN)
PRESET = argument("preset", metavar="PRESET", help="a name that 'tuiml presets' lists, or a TOML file")
BACKEND = argument("--backend", choices=NAMES, default="auto", help="what computes (default: auto)")
OWN_BACKEND = argument("--backend", choices=NAMES, help="what computes (default: the run's own)")
QUIET = argument("--quiet", action="store_true", help="no progress")
JSON = json_option()
