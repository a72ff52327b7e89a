"""Output of commands: data to stdout, messages to stderr, without control characters."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sys
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from tuiml.text import plain_text

LEAST_ROOM, LEAST_COLUMN, LEAST_PROSE = 20, 8, 16
"""Cells of a line, of a column that is cut, and of one that is wrapped."""


def note(text: str) -> None:
    """Print a message to stderr; ignored if the terminal is gone."""
    with contextlib.suppress(OSError, ValueError):
        print(plain_text(text), file=sys.stderr, flush=True)


def say(text: object = "", *, lines: bool = False) -> None:
    """Print to stdout, like everything that commands print; ``lines``: the line breaks in it are meant.

    Raises:
        OSError: stdout takes nothing any more.
    """
    print(plain_text(str(text), lines=lines), flush=True)


def print_json(value: Any) -> None:
    """Plain data as JSON, indented; numbers that are not finite are ``null``."""
    say(json.dumps(finite(value), indent=2, allow_nan=False), lines=True)


def drop_output() -> None:
    """The reader is gone: discard what is left in the buffers."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def finite(value: Any) -> Any:
    """The value with ``None`` for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if isinstance(value, dict):
        return {key: finite(v) for key, v in value.items()}
    return value


def room() -> int | None:
    """Columns that a line may have: those of the terminal, or ``COLUMNS``; ``None`` for a file or a pipe."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return max(LEAST_ROOM, shutil.get_terminal_size().columns)
    return None


def say_wrapped(text: str, indent: int = 0) -> None:
    """Print a text; its second and following lines are indented, where the terminal has no room for one."""
    for line in _wrapped(plain_text(text), room(), indent):
        say(line)


def _wrapped(text: str, width: int | None, indent: int) -> list[str]:
    if width is None or cells(text) <= width:
        return [text]
    lines, hanging = [], " " * indent
    while cells(text) > width:
        end = width
        while cells(text[:end]) > width:
            end -= 1
        space = text.rfind(" ", indent + 1, end + 1)
        end = space if space > 0 else end
        lines.append(text[:end])
        text = hanging + text[end:].lstrip()
    return [*lines, text]


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[str] = (),
    *,
    wrap: bool = False,
    spare: Sequence[str] = (),
) -> None:
    """Print rows under a header in aligned columns; those in ``right`` are aligned to the right.

    Where the terminal has no room for them, the widest of the others are cut, prose before names.

    Args:
        wrap: the last column is wrapped instead.
        spare: columns that are left out for the last one, in this order.
    """
    lines = [[plain_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(cells(line[i]) for line in lines) for i in range(len(header))]
    limit = room() or sum(widths) + 2 * len(widths)
    for title in spare:
        if sum(widths[:-1]) + 2 * len(widths[:-1]) + min(widths[-1], LEAST_PROSE) > limit:
            at = list(header).index(title)
            header = [*header[:at], *header[at + 1 :]]
            for line in lines:
                del line[at]
            del widths[at]
    before = sum(widths[:-1]) + 2 * len(widths[:-1])
    whole = wrap and limit - before >= LEAST_PROSE
    if not whole:
        prose = [any(" " in line[i] for line in lines) for i in range(len(header))]
        _narrow(widths, [(title not in right) + 2 * prose[i] for i, title in enumerate(header)], limit)
    for line in lines:
        parts = []
        for cell, width, title in zip(line, widths, header, strict=True):
            text = cell if whole else cut(cell, width)
            space = " " * (width - cells(text))
            parts.append(space + text if title in right else text + space)
        say_wrapped("  ".join(parts).rstrip(), before) if whole else say("  ".join(parts).rstrip())


def _narrow(widths: list[int], ranks: list[int], limit: int) -> None:
    """Make columns narrower until a line has room: of the highest rank the widest first, none of rank 0."""
    while sum(widths) + 2 * (len(widths) - 1) > limit:
        able = [at for at, width in enumerate(widths) if ranks[at] and width > LEAST_COLUMN]
        if not able:
            return
        widths[max(able, key=lambda at: (ranks[at], widths[at]))] -= 1


def cut(text: str, width: int) -> str:
    """The text in at most ``width`` cells: prose loses its end, a name its middle."""
    if cells(text) <= width:
        return text
    tail = 0 if " " in text else (width - 1) // 2
    head = text[: len(text) - tail]
    end = text[len(text) - tail :]
    while cells(head) + 1 + cells(end) > width and head:
        head = head[:-1]
    return f"{head}…{end}"


def cells(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)
