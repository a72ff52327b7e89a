"""Output of commands: data to stdout, messages to stderr, without control characters."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from tuiml.text import plain_text


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


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> None:
    """Print rows under a header in aligned columns; those in ``right`` are aligned to the right."""
    lines = [[plain_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(cells(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        parts = []
        for cell, width, title in zip(line, widths, header, strict=True):
            space = " " * (width - cells(cell))
            parts.append(space + cell if title in right else cell + space)
        say("  ".join(parts).rstrip())


def cells(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)
