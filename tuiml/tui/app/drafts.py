"""Keeping what the user made: saving under a name, unsaved edits of presets left open, the app's settings."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tuiml.spec import SpecError, dumps, loads
from tuiml.spec.library import PresetFile, bundled, own, own_folder, save, slug
from tuiml.text import plain_text
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.settings import MOST_DRAFTS, Draft, Settings
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog

if TYPE_CHECKING:
    from tuiml.tui.app.app import TuimlApp

MOST_OPENABLE = 200


class Drafts:
    """Saves the app's document; holds the unsaved ones that were left for another.

    A preset that is left with unsaved edits is not asked about: opened again, it has them still.
    """

    def __init__(self, app: TuimlApp, remembered: Settings) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._over = False
        self._made = self._written = 0
        self._told = False
        self._drawn_up: list[tuple[Left, Draft | None]] = []
        self.trouble = ""
        """Why edits cannot be kept, while they cannot."""
        found = (settings.document_of(draft) for draft in remembered.drafts)
        self._drafts = {key(d): d for d in found if d and d.dirty}

    # -- opening -------------------------------------------------------------------------------------------

    def put_away(self, document: Document) -> None:
        """Keep a document with unsaved edits for when it is opened again; at most a few of them."""
        if document.dirty:
            self._drafts.pop(key(document), None)
            self._drafts[key(document)] = document
            while len(self._drafts) > MOST_DRAFTS:
                del self._drafts[next(iter(self._drafts))]

    def take(self, document: Document) -> Document:
        """The document, or the one with unsaved edits that was put away for the same file."""
        return self._drafts.pop(key(document), document) if document.path or document.origin else document

    def openable(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Names of what can be opened, and how: unsaved new presets, own ones, bundled ones."""
        for document in list(self._drafts.values()):
            if not document.path and not document.origin:
                yield f"{document.name} (new, not saved)", partial(self._app.show_document, document)
        files: list[PresetFile] = []
        for listed in (own, bundled):
            with contextlib.suppress(OSError):
                files += listed()
        for file in files[:MOST_OPENABLE]:
            yield file.name, partial(self._open, file)

    def _open(self, file: PresetFile) -> None:
        try:
            raw = file.document()
        except SpecError as error:
            self._app.complain(f"{file.name}: {error.problems[0]}")
            return
        path = None if file.bundled else file.path
        self._app.open_document(raw, path=path, origin=file.name if file.bundled else "")

    # -- saving --------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the document to its file; one that has none gets a name first."""
        document = self._app.document
        if document.path is None:
            self.save_as()
        elif self._write(document, document.raw, document.path):
            self._app.say(f"saved {document.path.name}")

    def save_as(self) -> None:
        """Ask for a name, then write."""
        document = self._app.document
        name = document.raw.get("name")
        dialog = NameDialog(
            "Save the preset as", name if isinstance(name, str) else "", check=_too_long, warn=_replaces
        )
        self._app.push_screen(dialog, lambda answer: self._named(document, answer))

    def _named(self, document: Document, name: str | None) -> None:
        if not name:
            return
        path = own_folder() / f"{slug(name)}.toml"
        write = partial(self._save_named, document, name, path)
        if path.exists() and path != document.path:
            question = f"Replace your preset {path.stem}?"
            detail = "It is another one than this; what it holds is lost."
            dialog = ConfirmDialog(question, detail, verb="Replace")
            self._app.push_screen(dialog, lambda yes: write() if yes else None)
        else:
            write()

    def _save_named(self, document: Document, name: str, path: Path) -> None:
        raw = document.raw | {"name": name}
        if self._write(document, raw, path):
            self._app.say(f"saved as {path.stem}")

    def _write(self, document: Document, raw: Raw, path: Path) -> bool:
        try:
            loads(dumps(raw))  # what cannot be read again is not worth writing
            save(raw, path)
        except SpecError as error:
            self._app.complain(f"not saved: {error}")
            return False
        except (TypeError, ValueError) as error:
            self._app.complain(f"not saved: TOML cannot hold the preset: {error}")
            return False
        except OSError as error:
            self._app.complain(f"{path}: {error.strerror or error}; nothing was saved")
            return False
        if raw is not document.raw:
            document.seal()
            document.set("name", raw["name"])
        document.saved(path)
        self._app.document_edited()
        return True

    # -- the settings --------------------------------------------------------------------------------------

    def snapshot(self, here: Settings) -> SavedState:
        """Where the app is, with the document and all that were put away; cheap."""
        documents = [Left.of(d) for d in (self._app.document, *self._drafts.values())]
        self._made += 1
        return SavedState(self._made, here, documents)

    def remember(self, found: SavedState, *, last: bool = False) -> None:
        """Write a snapshot down; from any thread. One older than what was written is passed over, and after
        the ``last`` one all others.

        A disk that refuses does not keep anyone from going on: :attr:`trouble` says so, the app once.
        """
        with self._lock:
            if self._over or found.number < self._written:
                return
            self._over, self._written = last, found.number
            try:
                settings.save(self._with_drafts(found))
            except OSError as error:
                reason = error.strerror or str(error)
                self.trouble = f"your edits cannot be kept: {settings.state_path()}: {reason}"
            else:
                self.trouble, self._told = "", False
                return
            if not last and not self._told:
                self._told = True
                self._app.call_later(self._app.complain, self.trouble)

    def _with_drafts(self, found: SavedState) -> Settings:
        """As the file holds it. Only what was edited since the last time is put into words anew."""
        before = {id(left.raw): (left, draft) for left, draft in self._drawn_up}
        self._drawn_up = []
        for left in found.documents:
            known, draft = before.get(id(left.raw), (None, None))
            self._drawn_up.append((left, draft if known == left else left.draft()))
        first, *others = (draft for _, draft in self._drawn_up)
        return replace(found.here, document=first, drafts=[d for d in others if d])


@dataclass(frozen=True)
class Left:
    """A document at one moment: its tables are never changed in place."""

    raw: Raw
    path: str
    origin: str
    dirty: bool

    @classmethod
    def of(cls, document: Document) -> Left:
        return cls(document.raw, str(document.path or ""), document.origin, document.dirty)

    def draft(self) -> Draft | None:
        """How it is kept; ``None`` if TOML cannot hold it."""
        return settings.draft_of(self.raw, self.path, self.origin, self.dirty)


@dataclass(frozen=True)
class SavedState:
    """What is to be written down: of two, the one with the higher number is the newer."""

    number: int
    here: Settings
    documents: list[Left]
    """The open one, then those that were put away."""


def key(document: Document) -> str:
    """What tells a document from others that were opened."""
    if document.path:
        return f"file {document.path.absolute()}"
    return f"bundled {document.origin}" if document.origin else f"new {document.name}"


def _too_long(name: str) -> str | None:
    return "at most 80 characters" if len(name) > 80 else None


def _replaces(name: str) -> str | None:
    path = own_folder() / f"{slug(name)}.toml"
    return f"you have a preset of that name ({plain_text(path.stem)})" if path.exists() else None
