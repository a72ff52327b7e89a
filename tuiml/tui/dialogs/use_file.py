"""Picks a file of the user's as the data of the preset being edited."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from tuiml.data.datasets import datasets
from tuiml.data.own.entries import Own
from tuiml.tui.dialogs.file_picker import FilePicker, Taken
from tuiml.tui.keys import key_of
from tuiml.tui.model.new_data import adopt

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell


class FilesRead(Message):
    """Files that validation did not wait for have been read."""


def read_ahead(shell: Shell) -> None:
    """Read the user's files that validation did not wait for, in a background thread."""
    found = shell.files.awaited()
    if found:
        threading.Thread(target=partial(_read, shell, found), daemon=True).start()


def _read(shell: Shell, found: Sequence[Own]) -> None:
    for dataset in found:
        shell.files.read(dataset)
    shell.post_message(FilesRead())


def pick_data(shell: Shell) -> None:
    """Show the file picker for data, at the current file if there is one."""
    path = shell.document.get("data.path")
    start = Path(path) if isinstance(path, str) and Path(path).is_absolute() and "\0" not in path else None
    shell.push_screen(FilePicker(start=start), partial(taken, shell))


def browse(shell: Shell, start: Path | None = None) -> None:
    """Show the file picker for data or a preset."""
    shell.push_screen(FilePicker(presets=True, start=start), partial(taken, shell))


def taken(shell: Shell, answer: Taken | None) -> None:
    """Open a preset, or make data the preset's, as one edit with all that has to change with it."""
    if answer is None:
        return
    if answer.preset is not None:
        shell.go.to_preset(answer.preset)
        return
    try:
        dataset = datasets.read(answer.table, shell.files.waiting)
    except ValueError as error:  # the file was changed or removed since it was inspected
        shell.complain(f"{answer.path.name} cannot be used any more: {str(error).splitlines()[0]}")
        return
    raw, words = adopt(shell.document.raw, answer.table or {}, dataset)
    shell.document.seal()
    shell.document.replace(raw)
    shell.document_edited()
    shell.show_screen("build")
    shell.say(f"{words}: {key_of('undo', shell.keymap)} undoes it")
