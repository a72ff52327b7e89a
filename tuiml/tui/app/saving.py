"""Saving the document being edited to its file, or under another name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tuiml.spec import SpecError, dumps, loads
from tuiml.spec.library import beside, read
from tuiml.spec.library import save as write_preset
from tuiml.text import plain_text
from tuiml.tui.keys import with_keys
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.preset_files import preset_path
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog


def save(shell: Shell) -> None:
    """Write the document to its file; one that has none is given a name first."""
    document = shell.document
    if document.path is None:
        save_as(shell)
    else:
        _unless_newer(shell, document, partial(_write_again, shell, document, document.path))


def _write_again(shell: Shell, document: Document, path: Path) -> None:
    if _write(shell, document, document.raw, path):
        shell.say(f"saved {path.name}")


def _unless_newer(shell: Shell, document: Document, write: Callable[[], None]) -> None:
    """Write the document, after asking if its file is not what was opened: another app may have saved it."""
    path = document.path
    if path is None or not path.exists() or not _changed(document, path):
        write()
        return
    dialog = ConfirmDialog(
        f"Replace {plain_text(path.name)}, which has changed since you opened it?",
        with_keys(
            "Something else has saved it, perhaps another window; that is lost. "
            "{command_palette}, 'save as', keeps both.",
            shell.keymap,
        ),
        verb="Replace",
        keep="Cancel",
    )
    shell.push_screen(dialog, lambda yes: write() if yes else None)


def _changed(document: Document, path: Path) -> bool:
    """Whether the file holds something else than the document when it was opened or saved."""
    try:
        there = read(path)
    except SpecError:
        return True
    try:
        return there not in (document.saved_raw, beside(loads(dumps(document.saved_raw)), path), document.raw)
    except (SpecError, TypeError, ValueError):
        return True


def save_as(shell: Shell) -> None:
    """Ask for a name, then write."""
    document = shell.document
    name = document.raw.get("name")
    shown = name if isinstance(name, str) else ""
    dialog = NameDialog("Save the preset as", shown, check=_too_long, warn=_replaces)
    shell.push_screen(dialog, lambda answer: _named(shell, document, answer))


def _named(shell: Shell, document: Document, name: str | None) -> None:
    if not name:
        return
    path = preset_path(name)
    write = partial(_write_named, shell, document, name, path)
    if path.exists() and path != document.path:
        question = f"Replace your preset {path.stem}?"
        dialog = ConfirmDialog(question, "It is another preset; its contents are lost.", verb="Replace")
        shell.push_screen(dialog, lambda yes: write() if yes else None)
    elif path == document.path:
        _unless_newer(shell, document, write)
    else:
        write()


def _write_named(shell: Shell, document: Document, name: str, path: Path) -> None:
    if _write(shell, document, document.raw | {"name": name}, path):
        shell.say(f"saved as {path.stem}")


def _write(shell: Shell, document: Document, raw: Raw, path: Path) -> bool:
    try:
        loads(dumps(raw))  # what cannot be read again is not worth writing
        write_preset(raw, path)
    except SpecError as error:
        shell.complain(f"not saved: {error}")
        return False
    except (TypeError, ValueError) as error:
        shell.complain(f"not saved: TOML cannot hold the preset: {error}")
        return False
    except OSError as error:
        shell.complain(f"{path}: {error.strerror or error}; nothing was saved")
        return False
    if raw is not document.raw:
        document.seal()
        document.set("name", raw["name"])
    document.saved(path)
    shell.document_edited()
    return True


def _too_long(name: str) -> str | None:
    return "at most 80 characters" if len(name) > 80 else None


def _replaces(name: str) -> str | None:
    path = preset_path(name)
    return f"you have a preset of that name ({plain_text(path.stem)})" if path.exists() else None
