"""The state and lines of a list of choices that typed text filters. Knows no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style

from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import clean, fit

Part = tuple[str, Style]


class Picker:
    """A list of picks, those that match the filter, and the cursor."""

    def __init__(self, picks: Sequence[Pick], current: str = "") -> None:
        self.picks = tuple(picks)
        self.current = current
        self.filter = ""
        self.found = self.picks
        self.cursor = max(0, self._place(current))

    @property
    def chosen(self) -> Pick | None:
        """The pick under the cursor, ``None`` if there are no matches."""
        return self.found[self.cursor] if self.found else None

    def move(self, by: int) -> None:
        """Move the cursor; at either end it stays."""
        self.cursor = max(0, min(len(self.found) - 1, self.cursor + by))

    def type(self, text: str) -> None:
        """Add to the filter."""
        self._narrow(self.filter + "".join(c for c in text if c.isprintable())[:40])

    def rub_out(self) -> None:
        """Remove the last character of the filter."""
        self._narrow(self.filter[:-1])

    def _narrow(self, text: str) -> None:
        held = self.chosen
        self.filter = text
        words = _folded(text).split()
        ranks = {pick: rank(pick, words) for pick in self.picks}
        self.found = tuple(sorted((p for p in self.picks if ranks[p] < NO_MATCH), key=lambda p: ranks[p]))
        self.cursor = 0 if words else max(0, self._place(held.name if held else self.current))

    def _place(self, name: str) -> int:
        return next((i for i, pick in enumerate(self.found) if pick.name == name), -1)

    def window(self, height: int) -> range:
        """The range of matches that ``height`` lines show, the cursor among them."""
        first = max(0, min(self.cursor - height // 2, len(self.found) - height))
        return range(first, min(len(self.found), first + height))

    def line(self, index: int, width: int, look: Look, highlight: Style, ground: Style) -> list[Part]:
        """The line of a match: mark, name, formula."""
        pick = self.found[index]
        under = index == self.cursor
        base = ground + highlight if under else ground
        mark = f"{look.pointer()} " if under else "  "
        held = (look.glyphs.dot if pick.name == self.current else " ") + " "
        room = max(0, width - 4)
        widest = max(cell_len(p.formula) for p in self.picks)
        names = max(cell_len(p.name) for p in self.picks) + 2
        names = min(names, max(room - widest, room // 3, 16))  # few long names do not push out all the rest
        names = min(room, max(names, cell_len(pick.name) + 2))
        more = look.glyphs.more
        return [
            (mark + held, base + look.style(bold=under)),
            (fit(clean(pick.name, look), names, more), base + look.style(bold=under)),
            (fit(clean(pick.formula, look), room - names, more), base + look.style("quiet")),
        ]


NO_MATCH = 10


def rank(pick: Pick, words: Sequence[str]) -> int:
    """How well a pick matches what was typed: its name first, then its other names, then its help."""
    name, typed = _folded(pick.name), " ".join(words)
    label = name.rpartition(": ")[2]
    also = [_folded(text) for text in pick.also]
    names = " ".join((name, *also))
    found = (
        name == typed,
        label == typed,
        name.startswith(typed),
        label.startswith(typed),
        typed in also,
        _begin(words, name),
        all(word in name for word in words),
        _begin(words, _folded(pick.title)),
        _begin(words, names),
        all(word in f"{names} {_folded(pick.searched)}" for word in words),
    )
    return found.index(True) if True in found else NO_MATCH


def _begin(words: Sequence[str], text: str) -> bool:
    """True if each of the words begins a word of the text."""
    return all(any(part.startswith(word) for part in text.split()) for word in words)


def _folded(text: str) -> str:
    return text.casefold().replace("-", " ").replace("_", " ").replace(",", "")


@dataclass(frozen=True)
class Pick:
    """One choice, as the picker lists it."""

    name: str
    formula: str = ""
    advice: str = ""
    also: tuple[str, ...] = ()
    """Other names by which it is found."""
    title: str = ""
    """What it does in a few words, which are searched after its names."""
    searched: str = ""
    """Help text, which is searched after all names."""
    opens: bool = False
    """True if it opens a dialog; keys that step through the choices skip it."""
