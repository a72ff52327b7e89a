"""Documents with unsaved edits that are not on the screen."""

from __future__ import annotations

from collections.abc import Iterator

from tuiml.tui.model import settings
from tuiml.tui.model.document import Document
from tuiml.tui.model.settings import MOST_DRAFTS, Draft


class Drafts:
    """Holds the documents that were left for another with unsaved edits.

    The user is not asked to save them: when such a preset is opened again, its edits are still there.
    """

    def __init__(self, remembered: list[Draft]) -> None:
        found = (settings.document_of(draft) for draft in remembered)
        self._documents = {key(d): d for d in found if d and d.dirty}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents.values()))

    def put_away(self, document: Document) -> None:
        """Keep a document if it has unsaved edits; the oldest of too many is dropped."""
        if document.dirty:
            self._documents.pop(key(document), None)
            self._documents[key(document)] = document
            while len(self._documents) > MOST_DRAFTS:
                del self._documents[next(iter(self._documents))]

    def take(self, document: Document) -> Document:
        """The draft of the same file, removed from the drafts; else ``document`` itself."""
        named = document.path or document.origin
        return self._documents.pop(key(document), document) if named else document


def key(document: Document) -> str:
    """Equal for two documents of the same file, bundled preset or new preset."""
    if document.path:
        return f"file {document.path.absolute()}"
    return f"bundled {document.origin}" if document.origin else f"new {document.name}"
