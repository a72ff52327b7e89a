"""argparse with errors of one line and suggestions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from tuiml import __version__
from tuiml.cli.output import note

Commands = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""

DESCRIPTION = """\
A terminal lab for neural networks: stack layers, train for real, see inside while it learns.

  tuiml                  opens the app where it was left
  tuiml PRESET           opens it on a preset: a name ('tuiml presets' lists them) or a TOML file
  tuiml RUN              opens it on a run ('tuiml runs'); one that another process trains is followed live
  tuiml COMMAND …        does one of the commands below without the app ('tuiml COMMAND -h')
"""
ENVIRONMENT = """\
environment:
  TUIML_HOME   folder of runs, presets and settings
  TUIML_DATA   folders searched for data before the cache and before any download
  NO_COLOR     no colours
  TUIML_DEBUG  1: a traceback with an error

exit codes: 0 done; 1 failed while running; 2 wrong usage, preset or data; 3 training diverged;
128+n ended by signal n (130: Ctrl-C), the state saved first
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest option."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2."""
        note(f"{self.prog}: {message} ('{self.prog} -h' tells more)")
        raise SystemExit(2)

    def refuse(self, unknown: list[str]) -> NoReturn:
        """Leave, naming the arguments that are not known."""
        from tuiml.registry import closest, short

        first = unknown[0]
        options = [word for action in self._actions for word in action.option_strings]
        near = closest(first.partition("=")[0], options) if first.startswith("-") else None
        kind = "option" if first.startswith("-") else "argument"
        self.error(f"unknown {kind} {short(first)}" + (f"; did you mean '{near}'?" if near else ""))


def top_parser() -> Parser:
    """The parser of ``tuiml`` itself, its commands still to be added."""
    parser = Parser(
        prog="tuiml",
        usage="tuiml [PRESET | RUN] | tuiml COMMAND …",
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tuiml {__version__}")
    return parser


def command(commands: Commands, name: str, run: Callable[[argparse.Namespace], int], text: str) -> Parser:
    """Add a command: ``text`` is its line in the list, and the start of its help."""
    parser: Parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run)
    return parser


def add_json(parser: Parser, text: str = "print JSON") -> None:
    """``--json``, as every command that prints has it."""
    parser.add_argument("--json", action="store_true", help=text)


def add_settings(parser: Parser, text: str) -> None:
    """``--set PATH=VALUE``, any number of times."""
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="PATH=VALUE", help=text
    )
