"""``tuiml export``: a run as weights, code, figures or a report."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from tuiml.cli.commands.predict import CHECKPOINT, opened_run
from tuiml.cli.output import drop_output, note, print_json, say
from tuiml.cli.parser import RUN, Command, Parser, argument, json_option
from tuiml.export.formats import FORMATS, Files, Format, Order, find
from tuiml.runs import threads
from tuiml.runs.errors import RunError
from tuiml.text import plain_text

STDOUT = "-"


def run(chosen: argparse.Namespace) -> int:
    """Write a run in a format."""
    from tuiml.export import writing
    from tuiml.runs import library

    path, form = library.find(chosen.name), find(chosen.to)
    choice = _choice(chosen, form)
    if chosen.data and not form.weights:
        raise RunError(f"--data is an option of formats with weights, not of {form.name}")
    if chosen.out == STDOUT and (not form.suffix or form.beside or chosen.data):
        raise RunError(f"--out -: {form.name} writes several files, which stdout cannot hold")
    base = writing.beginning(form, path.name, choice, None if chosen.out == STDOUT else chosen.out)
    if chosen.out != STDOUT:  # before the work, which may take its time
        endings = [*form.endings, *([".npz"] if chosen.data else [])]
        writing.refuse_taken(base, endings, force=chosen.force)
    threads.limit()  # before numpy is imported, by what follows
    order = Order(base.name, choice or (form.setting.words[0] if form.setting else ""))
    files = _made(path, form, order, chosen)
    if chosen.out == STDOUT:
        return _to_stdout(files)
    names = [plain_text(str(one)) for one in writing.write(base, files, force=chosen.force)]
    if chosen.json:
        print_json({"run": path.name, "format": form.name, "files": names})
    else:
        for name in names:
            say(name)
    return 0


def _made(path: Path, form: Format, order: Order, chosen: argparse.Namespace) -> Files:
    """The files, and what is to be said of them."""
    from tuiml.export.exported_run import Source

    with contextlib.ExitStack() as stack:
        source = Source(path, lambda: stack.enter_context(opened_run(path, chosen.checkpoint)))
        files = form.make(source, order)
        if chosen.data:
            from tuiml.export.program_data import examples

            files = {**files, ".npz": examples(source.trained)}
        if source.opened:
            note(f"tuiml: {source.predictor.said}")
        for text in source.notes:
            note(f"tuiml: {text}")
    return files


def _choice(chosen: argparse.Namespace, form: Format) -> str:
    """The word given for the format's setting; empty: none was."""
    own = form.setting.name if form.setting else ""
    for name in _settings():
        if getattr(chosen, name) and name != own:
            of = ", ".join(one.name for one in _settings()[name])
            raise RunError(f"--{name} is an option of {of}, not of {form.name}")
    return str(getattr(chosen, own) or "") if own else ""


def _settings() -> dict[str, list[Format]]:
    """The names of the formats' settings, with the formats that have them."""
    found: dict[str, list[Format]] = {}
    for form in FORMATS:
        if form.setting:
            found.setdefault(form.setting.name, []).append(form)
    return found


def _setting_options(parser: Parser) -> None:
    """An option for each setting of a format."""
    for name, formats in _settings().items():
        setting = formats[0].setting
        assert setting
        first, *others = setting.words
        words = ", ".join([f"{first} (default)", *others])
        text = f"{'; '.join(one.name for one in formats)}: {setting.help}: {words}"
        parser.add_argument(f"--{name}", metavar="WORD", type=_word(setting.words), help=text)


def _word(words: tuple[str, ...]) -> Callable[[str], str]:
    """Reads one of some words; the nearest is suggested for another."""

    def read(text: str) -> str:
        from tuiml.registry import closest, short

        if text not in words:
            near = closest(text, words)
            hint = f"did you mean '{near}'?" if near else f"choose from {', '.join(words)}"
            raise argparse.ArgumentTypeError(f"{short(text)} is not among them; {hint}")
        return text

    return read


def _to_stdout(files: Files) -> int:
    (data,) = files.values()
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        drop_output()
        raise
    return 0


def _epilog() -> str:
    """The formats, in a sentence each."""
    return "Formats. " + "; ".join(f"{one.name}: {one.help}" for one in FORMATS) + "."


COMMAND = Command(
    "export",
    "write a run as weights, code, figures or a report",
    run,
    [
        RUN,
        argument(
            "--to", required=True, metavar="FORMAT", help="one of: " + ", ".join(one.name for one in FORMATS)
        ),
        argument(
            "--out", metavar="PATH", help="a file or folder; -: stdout (default: here, by the run's name)"
        ),
        _setting_options,
        CHECKPOINT,
        argument("--data", action="store_true", help="with weights: also the test part, as a NumPy file"),
        argument("--force", action="store_true", help="replace what is there"),
        json_option("print the paths as JSON"),
    ],
    epilog=_epilog(),
)
