"""Exports of a run from the app: ``tuiml export`` in a process of its own, so that keys never wait."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from pathlib import Path

from textual.app import App

from tuiml.export import writing
from tuiml.export.formats import FORMATS, Format
from tuiml.files import home
from tuiml.runs.errors import RunError
from tuiml.spec import SpecError, dumps
from tuiml.text import plain_text
from tuiml.tui.app import clipboard
from tuiml.tui.library.screen import Library
from tuiml.tui.model import past_run
from tuiml.tui.process.child import interpreter
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick

WIDTH = 96
PRESET, EPOCHS = "clipboard: preset", "clipboard: epochs"
MOST_COPIED = 1_000_000
"""Bytes that are copied, at most: terminals drop longer texts."""


def choose(app: App[int], shell: Shell, run: Path) -> None:
    """Ask for a format and export a run."""
    orders: dict[str, tuple[Format, str]] = {}
    picks = []
    for form in FORMATS:
        for word in form.setting.words if form.setting else ("",):
            name = f"{form.name}: {word}" if word else form.name
            orders[name] = form, word
            place = plain_text(f"{_unused(form, run.name, word)}{form.suffix or '/'}")
            picks.append(Pick(name, form.help, place, form.aliases, form.help))
    picks.append(Pick(PRESET, "its preset as TOML", "to the clipboard of the terminal"))
    picks.append(
        Pick(EPOCHS, "the figures of its epochs, for a spreadsheet", "to the clipboard of the terminal")
    )

    def answered(name: str | None) -> None:
        if name == PRESET:
            _copy_preset(app, shell, run)
        elif name == EPOCHS:
            app.run_worker(_copy_epochs(app, shell, run), group="export")
        elif name is not None:
            app.run_worker(_export(app, shell, run, *orders[name]), group="export")

    title = f"Export {plain_text(run.name)}"
    app.push_screen(Chooser(title, picks, width=WIDTH), answered)


def _unused(form: Format, run: str, word: str) -> Path:
    """Where a format is written, without its ending: nothing that is there is replaced."""
    for number in itertools.count(1):
        folder = home() / "exports" / (run if number == 1 else f"{run}-{number}")
        base = folder / form.stem(run, word)
        with contextlib.suppress(RunError, OSError):
            writing.refuse_taken(base, form.endings, force=False)
            return base
    raise AssertionError  # pragma: no cover - there are always more numbers


async def _export(app: App[int], shell: Shell, run: Path, form: Format, word: str) -> None:
    base = _unused(form, run.name, word)
    shell.say(f"exporting {form.name} …")
    setting = [f"--{form.setting.name}", word] if form.setting else []
    out = ["--to", form.name, *setting, "--out", f"{base}{form.suffix}"]
    code, said, errors = await _command(str(run), *out)
    if code:
        shell.complain(f"nothing was exported: {_reason(errors)}")
        return
    notes = [line.removeprefix("tuiml: ") for line in errors[1:]]  # the first one names the checkpoint
    several = [*(Path(line).name for line in said), f"in {base.parent}"]
    text = "\n".join([*(several if len(said) > 1 else said), *notes])
    app.notify(plain_text(text, lines=True), title="Exported", markup=False, timeout=15 if notes else 8)


async def _command(*words: str) -> tuple[int, list[str], list[str]]:
    """The exit code of ``tuiml export``, and the lines of its stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(*interpreter(), "-m", "tuiml", "export", *words),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        process_group=0,  # signals of the terminal are for the app
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    try:
        out, errors = await process.communicate()
    except asyncio.CancelledError:  # the app ends
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    said, failed = (text.decode(errors="replace").splitlines() for text in (out, errors))
    return process.returncode or 0, said, failed


def _reason(errors: Sequence[str]) -> str:
    """The last line of a command's errors."""
    return plain_text(errors[-1].removeprefix("tuiml: ")) if errors else "tuiml export ended"


def _copy_preset(app: App[int], shell: Shell, run: Path) -> None:
    try:
        text = dumps(past_run.run_document(run))
    except (SpecError, OSError, TypeError, ValueError) as error:
        shell.complain(f"not copied: {error}")
    else:
        clipboard.copy(app, text, f"the preset of {run.name}, {len(text.splitlines())} lines")


async def _copy_epochs(app: App[int], shell: Shell, run: Path) -> None:
    code, lines, errors = await _command(str(run), "--to", "csv", "--out", "-")
    if code:
        shell.complain(f"not copied: {_reason(errors)}")
        return
    text = "".join(line.replace(",", "\t") + "\n" for line in lines)  # numbers and names have no comma
    if len(text) > MOST_COPIED:
        shell.complain(f"not copied: {len(lines):,} lines are too many; export csv: epochs")
    else:
        clipboard.copy(app, text, f"{len(lines) - 1:,} epochs of {run.name}")


def exported(shell: Shell, library: Library) -> Path | None:
    """The run that is exported: the one on Train, or the one selected in the Library."""
    if shell.screen_name == "train" and shell.model.path:
        return Path(shell.model.path)
    item = library.item if shell.screen_name == "library" else None
    return item.path if item is not None and item.run is not None else None
