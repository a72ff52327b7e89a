"""Reading and writing places of a document by the parts of a path. Pure; only ``put`` and ``drop`` write."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tuiml.registry import Entry, Registry, options_of
from tuiml.spec.edit import split

Raw = dict[str, Any]
TABLES = ("layers", "training")
"""What is never a choice that a name alone could stand for."""


def follow(value: Any, parts: Sequence[str]) -> Any:
    """The value at a place, ``None`` where there is none."""
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def put(raw: Raw, parts: Sequence[str], value: Any) -> None:
    """Put a value at a place; tables on the way are made where there are none."""
    target: Any = raw
    for part, after in pairwise(parts):
        inner = follow(target, [part])
        if not isinstance(inner, list if after.isdigit() else dict):
            # "sgd" becomes { name = "sgd" }, so that an option can join it
            key = "type" if part.isdigit() else "method" if part == "pretraining" else "name"
            inner = {key: inner} if isinstance(inner, str) and part not in TABLES else {}
        _place(target, part, inner)
        target = inner
    _place(target, parts[-1], value)


def _place(target: Any, part: str, value: Any) -> None:
    if isinstance(target, list):
        if part.isdigit() and int(part) < len(target):
            target[int(part)] = value
    else:
        target[part] = value


def drop(raw: Raw, parts: Sequence[str]) -> None:
    """Take away the value at a place; a choice left with its name alone is that name."""
    holder = follow(raw, parts[:-1])
    if isinstance(holder, dict):
        holder.pop(parts[-1], None)
        if list(holder) == ["name"] and len(parts) > 2:
            put(raw, parts[:-1], holder["name"])


def name(raw: Raw, names: Mapping[str, str]) -> None:
    """Write down entries that choices have by default, by their paths."""
    for path, entry in names.items():
        if follow(raw, split(path)) is None:
            put(raw, split(path), entry)


def chosen(before: Any, name: str, registry: Registry[Any], path: str) -> Any:
    """The value that picks ``name`` at ``path``, with those options of the value before that it has too."""
    known = {option.name for option in options_of(registry[name])} if name in registry else set()
    old = before if isinstance(before, dict) else {}
    kept = {key: copy.deepcopy(value) for key, value in old.items() if key in known}
    return {registry.key: name, **kept} if kept or _is_table(path) else name


def _is_table(path: str) -> bool:
    """Whether a choice is always written as a table: the data, pretraining and each layer."""
    return path in ("data", "pretraining") or (path.startswith("layers[") and path.endswith("]"))


def entry_at(value: Any, registry: Registry[Any], context: Any = None) -> type[Entry] | None:
    """The entry that a document's value names, ``None`` where it names none."""
    return registry.entry_of(value, context)
