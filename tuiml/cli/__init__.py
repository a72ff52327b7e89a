"""The command line. Commands import what they need when they run, so ``--help`` answers at once."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback

from tuiml.cli import commands
from tuiml.cli.output import drop_output, note
from tuiml.cli.parser import Parser, top_parser
from tuiml.files import NoHome, home
from tuiml.text import plain_text


def main(argv: list[str] | None = None) -> int:
    """Run ``tuiml`` with the arguments given (default: the process's own); the exit code."""
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal gets ? for what it lacks
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except SystemExit as leave:  # from argparse
        return leave.code if isinstance(leave.code, int) else 2
    except BrokenPipeError:
        drop_output()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        try:
            sys.stdout.flush()
        except OSError:
            drop_output()
        return _report(error)


def _open_closed() -> None:
    """Give what was closed (``>&-``) a place that takes all: a file opened later would have its number."""
    missing = False
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as the process lives
            if name == "stdout":
                missing = True
    if missing:
        note("tuiml: stdout is closed: what would be printed is lost")


def _run(arguments: list[str]) -> int:
    parser, names = top_parser(), commands.names()
    word = arguments[0] if arguments else None
    if word is None or (not word.startswith("-") and word not in names):
        return _open(parser, names, word, arguments[1:])
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog="tuiml")
    for name in [word] if word in names else names:
        commands.load(name).add_to(parsers)
    chosen, unknown = parser.parse_known_args(arguments)
    if unknown:
        used = parsers.choices.get(chosen.command)
        (used if isinstance(used, Parser) else parser).refuse(unknown)
    if chosen.command is None:
        parser.error("no command; 'tuiml -h' lists them")
    home()  # there is one: else say so, whatever the command
    code: int = chosen.run(chosen)
    return code


def _open(parser: Parser, names: list[str], word: str | None, rest: list[str]) -> int:
    """Open the app on a preset or a run; without ``word``, where it was left."""
    home()
    if word is not None:
        _check_word(names, word)
    if rest:
        parser.refuse(rest)
    from tuiml.tui import run_app

    code: int = run_app(word)
    return code


def _check_word(commands: list[str], word: str) -> None:
    """Leave with a message unless ``word`` is a preset, a run or a study."""
    from tuiml.registry import closest, short
    from tuiml.runs import library as runs
    from tuiml.runs.errors import RunError
    from tuiml.spec import SpecError, library
    from tuiml.studies import folder
    from tuiml.studies import library as studies

    try:
        library.find(word)
    except SpecError as error:
        for find in (folder.find, studies.find, runs.find):
            try:
                find(word)
                return
            except runs.AmbiguousRun:
                raise
            except (RunError, SpecError, OSError, ValueError):
                continue
        if "/" in word or word.endswith(".toml"):
            raise
        names = [preset.name for preset in (*library.bundled(), *library.own())]
        names += [study.name for study in (*studies.bundled(), *studies.own())]
        near = closest(word, [*commands, *names, *runs.names(), *(path.name for path in folder.begun())])
        hint = f"did you mean '{plain_text(near)}'?" if near else "'tuiml -h' and 'tuiml presets' list them"
        note(f"tuiml: there is no preset, run, study or command {short(word)}; {hint}")
        raise SystemExit(2) from error


def _report(error: Exception) -> int:
    """Print an error, a line for each problem; the exit code."""
    from tuiml.data.errors import DataError
    from tuiml.runs.errors import RunError
    from tuiml.spec.problems import SpecError

    if os.environ.get("TUIML_DEBUG") == "1":
        for line in traceback.format_exc().splitlines():
            note(line)
    if isinstance(error, SpecError):
        for problem in error.problems:
            note(str(problem))
        return 2
    if isinstance(error, NoHome):
        note(f"tuiml: {error.strerror}")
        return 2
    if isinstance(error, DataError | RunError):
        note(f"tuiml: {error}")
        return error.code if isinstance(error, RunError) else 2
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        note(f"tuiml: {where}{error.strerror}")
        return 1
    text = (str(error).splitlines() or [""])[0]
    note(f"tuiml: {type(error).__name__}: {text} (TUIML_DEBUG=1 shows where)")
    return 1
