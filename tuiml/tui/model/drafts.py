"""Presets with unsaved edits as the file of the settings holds them, and as documents again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuiml.spec import SpecError, dumps, loads
from tuiml.spec.library import beside, bundled, read
from tuiml.tui.model.document import Document
from tuiml.tui.model.marks import EMPTY, Marks

ELSEWHERE = " (other window)"
"""Appended to the name of a preset that two apps have edited, for the edits made in the other app."""


@dataclass
class Draft:
    """A preset with its edits as text, and where it came from."""

    text: str
    path: str = ""
    origin: str = ""
    dirty: bool = False
    source: str = ""
    """Hash of the file as it was opened or saved; empty: not known."""
    marks: dict[str, Any] = field(default_factory=dict)
    """The settings that a study varies: see :meth:`Marks.table`."""


def read_draft(found: Any) -> Draft | None:
    """A draft as the file of the settings holds it; ``None`` if that is none."""
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    path, origin, dirty = found.get("path"), found.get("origin"), found.get("dirty")
    return Draft(
        found["text"],
        path if isinstance(path, str) and "\0" not in path else "",
        origin if isinstance(origin, str) else "",
        dirty is True,
        source if isinstance(source := found.get("source"), str) else "",
        Marks.of(found.get("marks")).table() if found.get("marks") else {},
    )


def key_of(draft: Draft) -> str:
    """A key that is equal for drafts of the same file, bundled preset or new preset."""
    if draft.path or draft.origin:
        return f"file {draft.path}" if draft.path else f"bundled {draft.origin}"
    return f"new {_raw(draft).get('name')}"


def as_another(draft: Draft) -> Draft:
    """The draft as a new preset with another name."""
    raw = _raw(draft)
    if not raw:
        return draft
    name = str(raw.get("name", "untitled")).removesuffix(ELSEWHERE)[:60] + ELSEWHERE
    return Draft(dumps(raw | {"name": name}), dirty=True)


def _raw(draft: Draft) -> dict[str, Any]:
    try:
        return loads(draft.text)
    except SpecError:
        return {}


def draft_of(
    raw: dict[str, Any],
    path: str = "",
    origin: str = "",
    dirty: bool = False,
    saved: dict[str, Any] | None = None,
    marks: Marks = EMPTY,
) -> Draft | None:
    """A document as a draft, ``None`` if TOML cannot hold it; ``saved`` as it was opened or saved."""
    try:
        text = dumps(raw)
        loads(text)
    except (SpecError, TypeError, ValueError):
        return None
    source = hash_of(saved, Path(path)) if path and dirty and saved is not None else ""
    return Draft(text, path, origin, dirty, source, marks.table() if marks else {})


def hash_of(raw: dict[str, Any], path: Path) -> str:
    """Of the preset that a file holds, however it is laid out."""
    try:
        text = dumps(beside(loads(dumps(raw)), path))
    except (SpecError, TypeError, ValueError):
        return "none"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def document_of(draft: Draft) -> Document | None:
    """The document of a draft, its edits as one step to undo; ``None`` if it cannot be read."""
    document = _document_of(draft)
    if document is not None and draft.marks:
        document.marks = Marks.of(draft.marks).fitting(document.raw)
    return document


def _document_of(draft: Draft) -> Document | None:
    try:
        raw = loads(draft.text)
    except SpecError:
        return None
    source = source_of(draft)
    if source is None:
        document = Document(raw)
        if draft.dirty or draft.path or draft.origin:  # its file is gone, so all of it is unsaved
            document.mark_saved({})
        return document
    document = Document(source, path=Path(draft.path) if draft.path else None, origin=draft.origin)
    if draft.dirty:
        document.replace(raw)
        document.seal()
        if draft.path and draft.source not in ("", hash_of(source, Path(draft.path))):
            document.mark_saved({})  # something else has saved the file since: it is asked before replacing
    return document


def source_of(draft: Draft) -> dict[str, Any] | None:
    """The present contents of the draft's file or bundled preset."""
    try:
        if draft.path:
            return read(Path(draft.path))
        return next((p.document() for p in bundled() if p.name == draft.origin), None)
    except (SpecError, OSError):
        return None
