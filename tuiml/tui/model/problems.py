"""Problems of a preset in words for the screen."""

from __future__ import annotations

from tuiml.spec.problems import Problem
from tuiml.text import plain_text
from tuiml.tui.model import layer_stack


def where(problem: Problem) -> str:
    """Where a problem is, in words: ``layer 2, units: ``."""
    index = layer_stack.layer_of(problem.path)
    path = problem.path if index is None else f"layer {index}{problem.path.partition(']')[2]}"
    words = path.replace(".", ", ").replace("_", " ")
    return f"{plain_text(words)}: " if words else ""
