"""A line of text being edited: what keys do to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.cells import cell_len


class LineEdit:
    """Text of at most ``limit`` characters with a caret; typing replaces a text that is ``selected``."""

    def __init__(self, text: str = "", limit: int = 200, *, selected: bool = False) -> None:
        self.text = text
        self.selected = selected
        self.caret = len(text)
        self.limit = limit

    def insert(self, text: str) -> None:
        """Insert printable characters at the caret, as many as fit."""
        self._deselect(erase=True)
        new = "".join(c for c in text if c.isprintable())[: max(0, self.limit - len(self.text))]
        self.text = self.text[: self.caret] + new + self.text[self.caret :]
        self.caret += len(new)

    def takes(self, key: str, character: str | None) -> bool:
        """True if :meth:`key` would do something with the key."""
        return key in _MOVES or key in _CUTS or _printable(character)

    def key(self, key: str, character: str | None) -> bool:
        """Do what a key does; False if it is none of this line's keys."""
        if key in _MOVES:
            self._deselect(erase=False)
            self.caret = max(0, min(_MOVES[key](self.text, self.caret), len(self.text)))
        elif key in _CUTS:
            if not self._deselect(erase=True):
                self._cut(*_CUTS[key](self.text, self.caret))
        elif _printable(character):
            self.insert(character or "")
        else:
            return False
        return True

    def _deselect(self, erase: bool) -> bool:
        """End the selection of the whole text; True if that erased it."""
        erase, self.selected = erase and self.selected, False
        if erase:
            self._cut(0, len(self.text))
        return erase

    def window(self, width: int) -> tuple[str, int]:
        """The part of the text around the caret that fits ``width`` cells, and the caret's position in it."""
        first = 0
        while first < self.caret and cell_len(self.text[first : self.caret]) >= width:
            first += 1
        last = len(self.text)
        while last > self.caret and cell_len(self.text[first:last]) > width:
            last -= 1
        return self.text[first:last], self.caret - first

    def _cut(self, first: int, last: int) -> None:
        first, last = max(0, first), min(len(self.text), last)
        self.text = self.text[:first] + self.text[last:]
        self.caret = first


def _printable(character: str | None) -> bool:
    return character is not None and len(character) == 1 and character.isprintable()


def _word_left(text: str, caret: int) -> int:
    found = re.search(r"\w*\W*$", text[:caret])
    return caret - len(found.group()) if found else caret


def _word_right(text: str, caret: int) -> int:
    found = re.search(r"^\W*\w*", text[caret:])
    return caret + len(found.group()) if found else caret


# the keys of Textual's Input: those that move the caret, and those that delete a range
_MOVES: dict[str, Callable[[str, int], int]] = {
    "left": lambda text, caret: caret - 1,
    "right": lambda text, caret: caret + 1,
    "home": lambda text, caret: 0,
    "end": lambda text, caret: len(text),
    "ctrl+left": _word_left,
    "ctrl+right": _word_right,
}
_MOVES |= {"ctrl+a": _MOVES["home"], "ctrl+e": _MOVES["end"]}
_CUTS: dict[str, Callable[[str, int], tuple[int, int]]] = {
    "backspace": lambda text, caret: (caret - 1, caret),
    "delete": lambda text, caret: (caret, caret + 1),
    "ctrl+w": lambda text, caret: (_word_left(text, caret), caret),
    "ctrl+f": lambda text, caret: (caret, _word_right(text, caret)),
    "ctrl+u": lambda text, caret: (0, caret),
    "ctrl+k": lambda text, caret: (caret, len(text)),
}
_CUTS["ctrl+d"] = _CUTS["delete"]
