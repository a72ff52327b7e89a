"""The session: the document being edited and the drafts, saved to disk after each change."""

from __future__ import annotations

import os
import threading
import time
from asyncio import TimerHandle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from textual.app import App

from tuiml.data.own.entries import DataFiles
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document, Raw
from tuiml.tui.model.drafts import Draft, document_of, draft_of
from tuiml.tui.model.marks import Marks
from tuiml.tui.model.preset_files import default_document
from tuiml.tui.model.settings import MOST_DRAFTS, Settings
from tuiml.tui.widgets.later import later

WRITE_AFTER = 0.5
"""Seconds without another edit after which the session is written."""
LATEST = 2.0
"""Seconds after the first edit at which it is written in any case: a crash costs no more."""


class Drafts:
    """Documents with unsaved edits that are not on the screen: opening one again brings its edits back."""

    def __init__(self, remembered: list[Draft]) -> None:
        found = (document_of(draft) for draft in remembered)
        self._documents = {key(d): d for d in found if d and (d.dirty or d.marks)}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents.values()))

    def put_away(self, document: Document) -> None:
        """Keep a document if it has unsaved edits or marks; the oldest of too many is dropped."""
        if document.dirty or document.marks:
            self._documents.pop(key(document), None)
            self._documents[key(document)] = document
            while len(self._documents) > MOST_DRAFTS:
                del self._documents[next(iter(self._documents))]

    def take(self, document: Document) -> Document:
        """The draft of the same file, removed from the drafts; else ``document`` itself.

        A new preset gets another name where a draft has its name: in the session's file, and among the
        drafts, one would replace the other.
        """
        found = self._documents.get(key(document), document)
        if found is not document and not (document.path or document.origin):
            title, number = document.name, 2
            while key(document) in self._documents:
                document.name_at_first(f"{title[:70]} {number}")
                number += 1
            return document
        return self._documents.pop(key(document), document)


def key(document: Document) -> str:
    """The same for documents of the same file, bundled preset or new preset."""
    if document.path:
        return f"file {document.path.absolute()}"
    return f"bundled {document.origin}" if document.origin else f"new {document.name}"


@dataclass(frozen=True)
class DocumentState:
    """A document at one time; its tables are never changed in place."""

    raw: Raw
    path: str
    origin: str
    dirty: bool
    saved: Raw
    """As it was opened or saved."""
    marks: Marks

    @classmethod
    def of(cls, document: Document) -> DocumentState:
        path = str(document.path or "")
        return cls(document.raw, path, document.origin, document.dirty, document.saved_raw, document.marks)

    def draft(self) -> Draft | None:
        """As the settings hold it; ``None`` if TOML cannot hold it."""
        return draft_of(self.raw, self.path, self.origin, self.dirty, self.saved, self.marks)


@dataclass(frozen=True)
class SavedState:
    """A state to write; a higher number is newer."""

    number: int
    here: Settings
    documents: list[DocumentState]
    """The open one, then the drafts."""


class Session:
    """Holds the open document, and writes the session in a thread soon after each change."""

    def __init__(
        self,
        app: App[Any],
        files: DataFiles,
        complain: Callable[[str], None],
        remembered: Settings,
        document: Document | None,
        update: Callable[[Settings], Settings],
    ) -> None:
        self._app, self._files, self._complain, self._update = app, files, complain, update
        self.remembered = remembered
        self.drafts = Drafts(remembered.drafts)
        last = remembered.document and document_of(remembered.document)
        self.document = last or default_document()
        self.document.find_in(files)
        self._drafted: list[tuple[DocumentState, Draft | None]] = []
        found = self._drafts([DocumentState.of(d) for d in (self.document, *self.drafts)])
        self._mine = [draft for draft in found if draft]
        """This app's drafts when it last wrote, or as it found them."""
        self._known = [d for d in (remembered.document, *remembered.drafts) if d]
        if document:
            self.open(document)
        self.trouble = ""
        """Why the session cannot be written; empty if it can."""
        self._here = replace(remembered, trouble="")
        self._timer: TimerHandle | None = None
        self._changed_at = 0.0
        self._lock = threading.Lock()
        self._over = self._reported = False
        self._made = self._written = 0

    def open(self, document: Document) -> bool:
        """Edit another document, or the draft of the same file; whether it was such a draft."""
        self.drafts.put_away(self.document)
        self.document = self.drafts.take(document)
        self.document.find_in(self._files)
        return self.document is not document

    def marked(self, stage: str) -> SavedState:
        """What to write before something is opened that might end the app."""
        self._here = replace(self._here, opening=f"{stage} {os.getpid()}")
        return self._state()

    def unmark(self) -> None:
        """Remove the mark: what was opened has been on the screen for a while."""
        if self._here.opening and not self._over:
            self._here = replace(self._here, opening="")
            self.write_now()

    def _state(self) -> SavedState:
        self._made += 1
        documents = [DocumentState.of(d) for d in (self.document, *self.drafts)]
        return SavedState(self._made, self._here, documents)

    def snapshot(self) -> SavedState:
        """The session as it is now; cheap."""
        self._here = self._update(self._here)
        return self._state()

    def write_soon(self) -> None:
        """Write the session after the next pause."""
        now = time.monotonic()
        if self._timer is None:
            self._changed_at = now
        else:
            self._timer.cancel()
        delay = min(WRITE_AFTER, max(0.01, self._changed_at + LATEST - now))  # 0: Textual divides by it
        self._timer = later(self._app, delay, self.write_now)

    def write_now(self) -> None:
        """Write the session in a thread."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, state = None, self.snapshot()
        self._app.run_worker(lambda: self.write(state), thread=True, group="state")

    def write(self, state: SavedState, *, last: bool = False) -> None:
        """Write a state, from any thread, unless a newer or the ``last`` one was written already.

        An error of the disk goes to :attr:`trouble` and is shown once.
        """
        with self._lock:
            if self._over or state.number < self._written:
                return
            self._over, self._written = last, state.number
            drafts = self._drafts(state.documents)
            mine = [draft for draft in drafts if draft]
            here = replace(state.here, document=drafts[0], drafts=[d for d in drafts[1:] if d])
            try:
                settings.save_shared(here, self._mine, self._known)
            except OSError as error:
                reason = error.strerror or str(error)
                self.trouble = f"your edits cannot be saved: {settings.state_path()}: {reason}"
            else:
                self.trouble, self._reported, self._mine = "", False, mine
                return
            if not last and not self._reported:
                self._reported = True
                self._app.call_later(self._complain, self.trouble)

    def _drafts(self, documents: list[DocumentState]) -> list[Draft | None]:
        """The drafts of documents. Only those that were edited since the last time become TOML again."""
        before = {id(document.raw): (document, draft) for document, draft in self._drafted}
        self._drafted = []
        for document in documents:
            known, draft = before.get(id(document.raw), (None, None))
            self._drafted.append((document, draft if known == document else document.draft()))
        return [draft for _, draft in self._drafted]
