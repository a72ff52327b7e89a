"""A line of text being edited: what keys do to it. Pure."""

from __future__ import annotations

import re

from rich.cells import cell_len

_WORD_BACK = re.compile(r"\w*\W*$")
_WORD_ON = re.compile(r"^\W*\w*")


class LineEdit:
    """Text and a caret (a position between characters).

    Args:
        text: what to start from; the caret is at its end.
        limit: the most characters it takes.
        selected: the whole text is, until the first key: what is typed then replaces it.
    """

    def __init__(self, text: str = "", limit: int = 200, *, selected: bool = False) -> None:
        self.text = text
        self.selected = selected
        self.caret = len(text)
        self.limit = limit

    def insert(self, text: str) -> None:
        """Put printable characters at the caret, as many as still fit; the others are left out."""
        self._let_go(erase=True)
        new = "".join(c for c in text if c.isprintable())[: max(0, self.limit - len(self.text))]
        self.text = self.text[: self.caret] + new + self.text[self.caret :]
        self.caret += len(new)

    def takes(self, key: str, character: str | None) -> bool:
        """Whether :meth:`key` would do something with the key."""
        return key in _KEYS or _printable(character)

    def key(self, key: str, character: str | None) -> bool:
        """Do what a key does; whether it is one of this line's keys."""
        if key in _KEYS:
            if not self._let_go(erase=key in _ERASING):
                _KEYS[key](self)
            return True
        if _printable(character):
            self.insert(character or "")
            return True
        return False

    def _let_go(self, erase: bool) -> bool:
        """End the selection of the whole text; whether that erased it."""
        erase, self.selected = erase and self.selected, False
        if erase:
            self._cut(0, len(self.text))
        return erase

    def window(self, width: int) -> tuple[str, int]:
        """As much of the text as ``width`` cells show, around the caret, and the caret's character in it."""
        first = 0
        while first < self.caret and cell_len(self.text[first : self.caret]) >= width:
            first += 1
        last = len(self.text)
        while last > self.caret and cell_len(self.text[first:last]) > width:
            last -= 1
        return self.text[first:last], self.caret - first

    def _left(self) -> None:
        self.caret = max(0, self.caret - 1)

    def _right(self) -> None:
        self.caret = min(len(self.text), self.caret + 1)

    def _home(self) -> None:
        self.caret = 0

    def _end(self) -> None:
        self.caret = len(self.text)

    def _word_left(self) -> None:
        self.caret -= self._back()

    def _word_right(self) -> None:
        self.caret += self._on()

    def _backspace(self) -> None:
        self._cut(self.caret - 1, self.caret)

    def _delete(self) -> None:
        self._cut(self.caret, self.caret + 1)

    def _backspace_word(self) -> None:
        self._cut(self.caret - self._back(), self.caret)

    def _delete_word(self) -> None:
        self._cut(self.caret, self.caret + self._on())

    def _to_start(self) -> None:
        self._cut(0, self.caret)

    def _to_end(self) -> None:
        self._cut(self.caret, len(self.text))

    def _cut(self, first: int, last: int) -> None:
        first, last = max(0, first), min(len(self.text), last)
        self.text = self.text[:first] + self.text[last:]
        self.caret = first

    def _back(self) -> int:
        found = _WORD_BACK.search(self.text[: self.caret])
        return len(found.group()) if found else 0

    def _on(self) -> int:
        found = _WORD_ON.search(self.text[self.caret :])
        return len(found.group()) if found else 0


def _printable(character: str | None) -> bool:
    return character is not None and len(character) == 1 and character.isprintable()


# those of Textual's Input
_KEYS = {
    "left": LineEdit._left,
    "right": LineEdit._right,
    "home": LineEdit._home,
    "ctrl+a": LineEdit._home,
    "end": LineEdit._end,
    "ctrl+e": LineEdit._end,
    "ctrl+left": LineEdit._word_left,
    "ctrl+right": LineEdit._word_right,
    "backspace": LineEdit._backspace,
    "delete": LineEdit._delete,
    "ctrl+d": LineEdit._delete,
    "ctrl+w": LineEdit._backspace_word,
    "ctrl+f": LineEdit._delete_word,
    "ctrl+u": LineEdit._to_start,
    "ctrl+k": LineEdit._to_end,
}
_ERASING = {"backspace", "delete", "ctrl+d", "ctrl+w", "ctrl+f", "ctrl+u", "ctrl+k"}
