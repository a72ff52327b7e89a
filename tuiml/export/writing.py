"""Where an export is written, and writing it: nothing is replaced unasked, and each file is whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tuiml.export.formats import Files, Format
from tuiml.files import write_whole
from tuiml.registry import short
from tuiml.runs.errors import RunError
from tuiml.text import plain_text


def beginning(chosen: Format, run: str, choice: str, out: str | None) -> Path:
    """The path of what is written, without the endings of its files.

    Args:
        run: the run's name.
        choice: the word of the format's setting, where one was given.
        out: a path, or a folder that is there; ``None``: the present folder.

    Raises:
        RunError: the path has the ending of something else.
    """
    name = chosen.stem(run, choice)
    if out is None:
        return Path(name)
    path = Path(os.path.expanduser(out))
    if not chosen.suffix:
        return path
    if path.is_dir() or out.endswith(os.sep):
        return path / name
    if path.suffix == chosen.suffix:
        return path.with_suffix("")
    if path.suffix:
        raise RunError(f"--out {short(out, 200)}: what {chosen.name} writes ends in {chosen.suffix}")
    return path


def paths(base: Path, endings: list[str]) -> list[Path]:
    """The paths of files by their endings; one that begins with a slash lies in the folder ``base``."""
    return [Path(f"{base}{ending}") for ending in endings]


def refuse_taken(base: Path, endings: list[str], *, force: bool) -> None:
    """Raise RunError if something is there that may not be replaced.

    Args:
        force: files may be.
    """
    folder = any(ending.startswith("/") for ending in endings)
    if folder and not force and base.is_dir() and any(base.iterdir()):
        raise RunError(f"the folder {plain_text(str(base))} is not empty; --force writes into it")
    if folder and not base.is_dir() and os.path.lexists(base):
        raise RunError(f"{plain_text(str(base))} exists and is no folder")
    for path in paths(base, [ending for ending in endings if ending != "/"]):
        if path.is_dir():
            raise RunError(f"{plain_text(str(path))} exists and is a folder")
        if os.path.lexists(path) and not force:
            raise RunError(f"{plain_text(str(path))} exists already; --force replaces it")


def write(base: Path, files: Files, *, force: bool) -> list[Path]:
    """Write the files; their paths, the one that one opens first.

    Raises:
        RunError: something is there already.
        OSError: it cannot be written; of new files, none is left.
    """
    endings = list(files)
    refuse_taken(base, endings, force=force)
    found = paths(base, endings)
    done: list[Path] = []
    try:
        for path, data in reversed(list(zip(found, files.values(), strict=True))):  # what is opened, last
            new = not os.path.lexists(path)
            write_whole(path, data)
            done += [path] if new else []
    except OSError:
        for path in done:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return found
