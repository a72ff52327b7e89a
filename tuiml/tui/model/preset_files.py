"""Files of presets: opening by name, a new preset, copying, renaming."""

from __future__ import annotations

from pathlib import Path

from tuiml.spec import SpecError
from tuiml.spec.library import DEFAULT, find, own_folder, save, slug
from tuiml.text import plain_text
from tuiml.tui.model.catalog import Item
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.past_run import run_document

NEW: Raw = {
    "version": 1,
    "name": "untitled",
    "data": {"name": "digits"},
    "layers": [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}],
    "training": {"loss": "cross_entropy", "optimizer": "adam"},
}
"""The smallest preset that trains."""


def named(word: str) -> Document:
    """The document of a preset's name or path.

    Raises:
        SpecError: there is none, or it is not TOML.
    """
    found = find(word)
    path = None if found.bundled else found.path.absolute()
    return Document(found.document(), path=path, origin=found.name if found.bundled else "")


def default_document() -> Document:
    """The document of a first start."""
    try:
        return named(DEFAULT)
    except (SpecError, OSError):
        return Document(dict(NEW))


def preset_path(name: str) -> Path:
    """The file of the user's preset of that name."""
    return own_folder() / f"{slug(name)}.toml"


def free_name(name: str) -> str:
    """``name``, or ``name 2`` and so on: the first that is free."""
    found, number = name, 1
    while preset_path(found).exists():
        number += 1
        found = f"{name[:70]} {number}"
    return found


def duplicate(item: Item) -> Path:
    """Copy a preset, or a run's, to the user's presets as ``name copy``; returns the file.

    Raises:
        OSError, ValueError: it cannot be read or written.
    """
    document = dict(item.document or {}) if not item.run else run_document(item.path)
    name = document.get("name")
    title = plain_text(name) if isinstance(name, str) and name.strip() else item.name
    return save(document | {"name": free_name(f"{title[:70]} copy")})


def rename_preset(item: Item, name: str) -> Path:
    """Rename a preset of the user's, in its file and its file itself; returns the new file.

    Raises:
        OSError, ValueError: it cannot be written; nothing is changed then.
    """
    path = item.path.with_name(f"{slug(name)}.toml")
    if item.document is None:
        return item.path.rename(path)
    save(item.document | {"name": name}, path)
    if not path.samefile(item.path):  # as in a file system that ignores case
        item.path.unlink()
    return path


def name_taken(path: Path, name: str) -> bool:
    """True if renaming ``path`` to ``name`` would replace another preset."""
    target = path.with_name(f"{slug(name)}.toml")
    return target.exists() and not target.samefile(path)
