"""Command lines that do again what the app shows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuiml.runs.folder import runs_folder
from tuiml.spec import SpecError
from tuiml.spec.edit import assign, parse
from tuiml.tui.model.document import Document, Raw

WORDS = ("name", "note")
"""Keys of a preset that change nothing of its training."""

CHOICES = ("type", "name", "path")
"""Keys of a table whose other keys belong to their value."""


def of_run(path: str) -> str:
    """The command that trains a run again, by its folder."""
    folder = Path(path)
    return shlex.join(["tuiml", "replay", folder.name if folder.parent == runs_folder() else path])


def of_preset(document: Document) -> str:
    """The command that trains a preset with the edits that are not saved; empty if no command can.

    That is so for a new preset, and where an edit removed something without a value of its own.
    """
    preset = str(document.path) if document.path else document.origin
    before, after = ({**raw, **dict.fromkeys(WORDS)} for raw in (document.saved_raw, document.raw))
    settings = [f"{path}={_text(value)}" for path, value in _differences(before, after, "")]
    if not preset or not _leads_to(before, settings, after):
        return ""
    return shlex.join(["tuiml", "train", preset, *(word for text in settings for word in ("--set", text))])


def _leads_to(before: Raw, settings: list[str], after: Raw) -> bool:
    try:
        for text in settings:
            before = assign(before, text)
    except SpecError:
        return False
    return before == after


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Paths and values that turn one document into the other, as far down as possible."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and _extends(before, after):
        for key, value in after.items():
            yield from _differences(before.get(key), value, f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    else:
        yield path, after


def _extends(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """True if a table has all keys of another one, and is of the same choice."""
    return set(before) <= set(after) and all(before.get(key) == after.get(key) for key in CHOICES)


def _text(value: Any) -> str:
    """A value as one types it after ``--set``: what is not TOML is text."""
    return value if isinstance(value, str) and parse(value) == value else _toml(value)


def _toml(value: Any) -> str:
    """A value as TOML, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else repr(value)
