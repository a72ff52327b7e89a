"""Saving the document being edited to its file, or under another name."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tuiml.spec import SpecError, dumps, loads
from tuiml.spec.library import save as write_preset
from tuiml.text import plain_text
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.preset_files import preset_path
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog


def save(shell: Shell) -> None:
    """Write the document to its file; one that has none is given a name first."""
    document = shell.document
    if document.path is None:
        save_as(shell)
    elif _write(shell, document, document.raw, document.path):
        shell.say(f"saved {document.path.name}")


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
