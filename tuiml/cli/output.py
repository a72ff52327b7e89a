"""What a command prints: data to stdout, messages to stderr, nothing a terminal would act on."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

from tuiml.text import plain_text

NONE = "–"
"""A figure that is not there."""


def note(text: str) -> None:
    """A message, on stderr; lost in silence where the terminal is gone."""
    with contextlib.suppress(OSError, ValueError):
        print(plain_text(text), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Plain data as JSON, indented; numbers that are not finite are ``null``."""
    print(json.dumps(finite(value), indent=2, allow_nan=False))


def finite(value: Any) -> Any:
    """The value with ``None`` for every number that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if isinstance(value, dict):
        return {key: finite(v) for key, v in value.items()}
    return value


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> None:
    """Rows under their header, columns aligned, those named in ``right`` to the right."""
    lines = [[plain_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(cells(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        parts = []
        for cell, width, title in zip(line, widths, header, strict=True):
            space = " " * (width - cells(cell))
            parts.append(space + cell if title in right else cell + space)
        print("  ".join(parts).rstrip())


def cells(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def share(value: float) -> str:
    """A share of 1 in percent: ``93.1 %``."""
    return NONE if math.isnan(value) else f"{100 * value:.2f} %"


def score(accuracy: float, r2: float) -> str:
    """What stands beside a loss, in words: ``accuracy 93.1 %``, or of numbers ``R² 0.9312``."""
    return f"R² {loss(r2)}" if math.isnan(accuracy) and not math.isnan(r2) else f"accuracy {share(accuracy)}"


def figure(value: float) -> str:
    """A setting such as a learning rate, four digits: ``0.005``."""
    return NONE if math.isnan(value) else f"{value:.4g}"


def loss(value: float) -> str:
    """A loss, four places where they say something: ``0.2410``."""
    if math.isnan(value):
        return NONE
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"


def whole(value: float) -> str:
    """A count: ``31,200``."""
    return f"{value:,.0f}" if math.isfinite(value) else NONE


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    if not math.isfinite(seconds):
        return NONE
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
