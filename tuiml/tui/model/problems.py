"""Where problems of a preset are, in words."""

from __future__ import annotations

import re

from tuiml.spec.problems import Problem
from tuiml.text import plain_text


def layer_of(path: str) -> int | None:
    """The index of the layer in a problem's path: 2 of ``layers[2].units``."""
    found = re.match(r"layers\[(\d{1,9})\]", path)
    return int(found.group(1)) if found else None


def where(problem: Problem) -> str:
    """Where a problem is, in words: ``layer 2, units: ``."""
    index = layer_of(problem.path)
    path = problem.path if index is None else f"layer {index}{problem.path.partition(']')[2]}"
    words = path.replace(".", ", ").replace("_", " ")
    return f"{plain_text(words)}: " if words else ""
