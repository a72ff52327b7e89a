"""A rule of :mod:`tuiml.training.verdicts`, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tuiml.training.diagnosis_context import DiagnosisContext
from tuiml.training.remedies import Remedy
from tuiml.training.stack_context import StackContext


@dataclass(frozen=True)
class Finding:
    """What a rule found."""

    layers: tuple[int, ...]
    """Their places in the stack, from 0; empty: the whole network."""
    text: str
    """The numbers, after the layers: ``62 to 73 % of the outputs are saturated``."""


@dataclass(frozen=True)
class Rule:
    """One way to be in trouble."""

    name: str
    meaning: str
    """One line: what it is and why it is bad."""
    source: str
    find: Callable[[StackContext], Finding | None]
    remedy: Callable[[DiagnosisContext, Finding], Remedy]
    others: tuple[Callable[[DiagnosisContext], Remedy], ...] = ()
    """Further remedies; one without edits is none."""
    causes: tuple[str, ...] = ()
    """The names of what follows from it."""
    hides: tuple[str, ...] = ()
    """What would be misleading to name among them."""
    even_if_learned: bool = False
    """Whether it is said of a network too that has learned its data."""
    advice: str = ""
    """What helps, in words, where there is no preset to edit: in a loop of the user's own."""
