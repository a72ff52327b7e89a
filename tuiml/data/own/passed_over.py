"""What is passed over in a folder: counted by its kind, and said with an example of each."""

from __future__ import annotations

from tuiml.text import plain_text

HIDDEN = "hidden files"
LEFT_OVER = "unfinished downloads, copies, files of the system"
_ENDINGS = (".part", ".partial", ".crdownload", ".download", ".tmp", ".bak", ".swp", "~")
_SYSTEM = ("thumbs.db", "desktop.ini", "icon\r")


def left_over(name: str) -> str:
    """The kind of a file that no program meant as data, by its name; empty: it may be data."""
    if name.startswith("."):
        return HIDDEN
    lower = name.lower()
    return LEFT_OVER if lower.endswith(_ENDINGS) or lower in _SYSTEM else ""


class PassedOver:
    """Counts of what is not read, each kind with the name of its first."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, str]] = {}

    def add(self, kind: str, name: str) -> None:
        count, first = self._kinds.get(kind, (0, name))
        self._kinds[kind] = count + 1, first

    def notes(self) -> tuple[str, ...]:
        """One line about all of it; none where nothing was passed over."""
        if not self._kinds:
            return ()
        some = (f"{kind} ({n:,}, such as {plain_text(name)[:60]})" for kind, (n, name) in self._kinds.items())
        return ("passed over: " + "; ".join(some),)
