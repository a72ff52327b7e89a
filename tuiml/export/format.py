"""What a format is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuiml.export.source import Source

Files = dict[str, bytes]
"""What is written: by the end of a file's path, which the beginning of the name comes before."""


@dataclass(frozen=True)
class Setting:
    """What a format lets one choose: one of some words, the first one unless told otherwise."""

    name: str
    help: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """What is asked of a format."""

    stem: str
    """The name of what is written, without its ending."""
    choice: str = ""
    """The word chosen of the format's :class:`Setting`."""


@dataclass(frozen=True)
class Format:
    """A format.

    Args:
        name: as typed.
        help: one line.
        suffix: the ending of the file that one opens; empty: it is a folder.
        make: the files of a run; raises RunError for what the format cannot express.
        aliases: other names.
        setting: what can be chosen.
        tail: what its default name has behind the run's.
        weights: it needs the weights of a checkpoint, and so the data that the run was trained on.
        beside: the endings of the other files.
    """

    name: str
    help: str
    suffix: str
    make: Callable[[Source, Order], Files]
    aliases: tuple[str, ...] = ()
    setting: Setting | None = None
    tail: str = ""
    weights: bool = False
    beside: tuple[str, ...] = ()

    def stem(self, run: str, choice: str) -> str:
        """The default name without its ending; that of code can be imported."""
        stem = run + self.tail + (f"-{choice}" if choice else "")
        if self.suffix != ".py":
            return stem
        word = "".join(c if c.isalnum() else "_" for c in stem)
        return f"run_{word}" if word[:1].isdigit() else word
