"""The tags of a run: words of the user's in a small file of its folder, one a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tuiml.files import read_regular, write_whole
from tuiml.text import plain_text

TAGS = "tags.txt"
MOST = 20
LONGEST = 40
_BYTES = 8192


def read_tags(path: Path) -> tuple[str, ...]:
    """The tags in a run's folder, safe to show; none where they cannot be read."""
    try:
        text = read_regular(path / TAGS, _BYTES).decode(errors="replace")
    except OSError:
        return ()
    return parse(text.splitlines())


def parse(words: Iterable[str]) -> tuple[str, ...]:
    """Words as tags: without ``#`` and spaces, each once."""
    found = ("-".join(plain_text(word).strip().lstrip("#").split())[:LONGEST] for word in words)
    return tuple(dict.fromkeys(filter(None, found)))[:MOST]


def write_tags(path: Path, tags: Iterable[str]) -> None:
    """Write the tags of a run whole; without any, their file is removed.

    Raises:
        OSError: they cannot be written; they are as they were.
    """
    kept = parse(tags)
    if kept:
        write_whole(path / TAGS, "".join(f"{tag}\n" for tag in kept), parents=False)
    else:
        (path / TAGS).unlink(missing_ok=True)
