"""What a field of the form offers to a study: its values, and where they are set. Knows no widgets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuiml.nn.activations import activations
from tuiml.nn.initializers import initializers
from tuiml.nn.layers import layers
from tuiml.registry import Registry, options_of, short, value_text
from tuiml.spec import SpecError, check
from tuiml.spec.edit import parse as read_value
from tuiml.spec.edit import put
from tuiml.text import plain_text
from tuiml.tui.model.document import Document
from tuiml.tui.model.document_paths import with_names
from tuiml.tui.model.marks import SEED, Marks, for_all, word
from tuiml.tui.widgets.fields import FILE, NUMBERS, YES, Field, Section, parse

RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Factors of the ladder of a rate."""
SEEDS = 5
MANY = 12
"""A whole number from which its ladder has steps of a half; below it, of one."""


@dataclass(frozen=True)
class Offer:
    """A value that a field can be varied over."""

    value: Any
    name: str
    """Safe to show."""
    formula: str = ""
    ticked: bool = True
    problem: str = ""
    """Why the preset cannot be trained with it."""


@dataclass(frozen=True)
class Scope:
    """Where values are set: in one layer, or in all that have the setting."""

    path: str
    words: str
    offers: tuple[Offer, ...]


def marked_path(field: Field) -> str:
    """The path that ``--set`` takes for a field: that of a choice's name where it is a table."""
    if field.registry is not None and (field.path in ("data", "pretraining") or field.path.endswith("]")):
        return f"{field.path}.{field.registry.key}"
    return field.path


def can_vary(field: Field | None) -> bool:
    """True if a study may vary a field: not the name, the note, or what is unknown."""
    return field is not None and field.kind not in ("note", "unknown") and field.path not in ("", "name")


def scopes(field: Field, document: Document) -> list[Scope]:
    """The scopes of a field, all layers first where several have the setting."""
    path = marked_path(field)
    paths = [(path, "")]
    together = for_all(path)
    count = _holders(path, document)
    if together != path and count > 1 and not path.endswith(".type"):
        layer = path.partition("[")[2].partition("]")[0]
        paths = [(together, "all layers at once"), (path, f"layer {layer} alone")]
    found = [Scope(at, words, tuple(_offers(field, at, document))) for at, words in paths]
    # the units of the output layer are given: there, all at once cannot be trained
    return sorted(found, key=lambda scope: all(offer.problem for offer in scope.offers))


def _holders(path: str, document: Document) -> int:
    """How many layers have the setting at a path."""
    key = path.partition("].")[2].partition(".")[0]
    kinds = (layers.entry_of(layer) for layer in document.raw.get("layers") or ())
    return sum(kind is not None and key in {option.name for option in options_of(kind)} for kind in kinds)


def _offers(field: Field, path: str, document: Document) -> Iterator[Offer]:
    """The marked values, then the others that are known, each once."""
    marked = document.marks.values(path)
    offered: list[Any] = []
    for value in (*_known(field, document), *marked):
        if value not in offered:
            offered.append(value)
    for value in offered:
        found = offer(field, path, value, document)
        ticked = value in marked if marked else not found.problem
        yield replace(found, ticked=ticked)


def offer(field: Field, path: str, value: Any, document: Document) -> Offer:
    """A value with its name, its formula, and what the preset has against it."""
    name = value_name(value)
    pick = next((pick for pick in field.picks if pick.name == name), None)
    return Offer(value, name, pick.formula if pick else "", problem=problem_of(document, field, path, value))


def problem_of(document: Document, field: Field, path: str, value: Any) -> str:
    """Why a preset cannot be trained with a value at a path, as a study sets it; empty: it can."""
    try:
        changed = put(with_names(document.raw, field.names), path, value)
    except SpecError as error:
        return plain_text(str(error.problems[0]))
    problems = check(changed, document.files)[1]
    known = {str(problem) for problem in document.problems}
    return next((plain_text(p.message) for p in problems if str(p) not in known), "")


def _known(field: Field, document: Document) -> Iterator[Any]:
    """What the registry knows, or a ladder around the present number."""
    now = document.get(field.path)
    if field.path == SEED:
        first = now if isinstance(now, int) else 0
        yield from range(first, first + SEEDS)
    elif field.registry is not None:
        yield from _entries(field, field.registry, now)
    elif field.kind == "bool":
        yield from (False, True)
    elif field.picks:
        yield from (pick.name for pick in field.picks)
    elif field.kind in NUMBERS:
        value = parse(field, field.text or field.placeholder)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield from ladder(field, value)


def _entries(field: Field, registry: Registry[Any], now: Any) -> Iterator[Any]:
    """The document's own value, then the others by name; several initial values where one has variants."""
    named = field.path in ("data", "pretraining") or field.path.endswith("]")
    own = now if now is not None and not named else None
    if own is None and field.picked:
        own = field.picked
    yield own
    name = own.get(registry.key) if isinstance(own, dict) else own
    for entry in registry:
        if entry.name == FILE or (registry is activations and getattr(entry, "output_only", False)):
            continue
        if registry is initializers:
            yield from (registry.write(entry.model_validate(options)) for options in entry.tries)
        elif entry.name != name:
            yield entry.name


def ladder(field: Field, value: float) -> list[float]:
    """Values around a number: factors for a rate, steps for units, a few tenths for a fraction."""
    if field.kind == "float":
        high = field.option.high if field.option else None
        if high is not None and high <= 1:
            return [x for x in (round(value + step / 10, 6) for step in range(-4, 5, 2)) if 0 <= x <= high]
        if value == 0:
            return [0.0, 1e-5, 1e-4, 1e-3, 1e-2]
        return [value if factor == 1 else float(f"{value * factor:.1g}") for factor in RATES]
    whole = int(value)
    if field.path.endswith("batch_size"):
        found = [whole // 4, whole // 2, whole, whole * 2, whole * 4]
    elif whole < MANY:
        found = [whole - 1, whole, whole + 1, whole + 2]
    else:
        found = [whole // 2, whole, whole + whole // 2, whole * 2]
    return sorted({x for x in found if x > 0 or x == whole})


def typed_values(field: Field, path: str, text: str, document: Document) -> list[Offer] | str:
    """The values of a typed text, separated by commas; a text is why they cannot be taken."""
    found = []
    for part in text.split(","):
        if not part.strip():
            continue
        value = _typed(field, part.strip())
        if isinstance(value, float) and not math.isfinite(value):
            return f"{short(part.strip())} is not a finite number"
        made = offer(field, path, value, document)
        if made.problem:
            return made.problem
        found.append(made)
    return found


def _typed(field: Field, text: str) -> Any:
    if field.kind == "bool":
        return {"yes": True, "no": False}.get(text, read_value(text))
    return parse(field, text) if field.kind in NUMBERS else read_value(text)


def value_name(value: Any) -> str:
    """A value as a study's table has it, yes and no as the form has them. Safe to show."""
    return (YES if value else "no") if isinstance(value, bool) else value_text(value)


def with_marks(found: Sequence[Section], marks: Marks) -> list[Section]:
    """The sections with the marked values of each field."""
    if not marks:
        return list(found)
    return [replace(s, fields=tuple(_with_mark(f, marks) for f in s.fields)) for s in found]


def _with_mark(field: Field, marks: Marks) -> Field:
    path = marks.at(marked_path(field))
    if path is None or not can_vary(field):
        return field
    return replace(field, marked=tuple(value_name(value) for value in marks.values(path)))


def products(marks: Marks) -> str:
    """``6 × 3 = 18 runs``, each seed counted: ``6 optimizers × 3 seeds = 18 runs``."""
    counts = [f"{len(values)} {plural(path, len(values))}" for path, values in marks.varied.items()]
    if marks.seeds:
        counts.append(f"{len(marks.seeds)} seed{'s' if len(marks.seeds) != 1 else ''}")
    runs = f"{marks.runs:,} run{'s' if marks.runs != 1 else ''}"
    if marks.tuned:
        return f"{' × '.join(counts)}, own best rates: {runs} or more"
    return f"{' × '.join(counts)} = {runs}"


def plural(path: str, count: int) -> str:
    """The word of a path for a number of values: ``6 optimizers``, ``4 units``."""
    last = word(path)
    if count == 1 or last.endswith("s"):
        return last
    return f"{last[:-1]}ies" if last.endswith("y") and last[-2:-1] not in "aeiou" else f"{last}s"
