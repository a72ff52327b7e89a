"""Reads and writes values of a document by the parts of a path."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tuiml.registry import Registry, options_of
from tuiml.spec.edit import split

Raw = dict[str, Any]
TABLES = ("layers", "training")
"""Tables that a name alone cannot replace, unlike choices."""


def follow(value: Any, parts: Sequence[str]) -> Any:
    """The value at a path, or ``None``."""
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def put(raw: Raw, parts: Sequence[str], value: Any) -> None:
    """Set the value at a path; missing tables along it are created."""
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
    """Remove the value at a path; a choice that is left without options becomes its name."""
    holder = follow(raw, parts[:-1])
    if isinstance(holder, dict):
        holder.pop(parts[-1], None)
        if list(holder) == ["name"] and len(parts) > 2:
            put(raw, parts[:-1], holder["name"])


def name(raw: Raw, names: Mapping[str, str]) -> None:
    """Set choices to the entries in ``names``, by path, where the document leaves them out."""
    for path, entry in names.items():
        if follow(raw, split(path)) is None:
            put(raw, split(path), entry)


def with_names(raw: Raw, names: Mapping[str, str]) -> Raw:
    """A document with the choices in ``names``, by path, where it leaves them out."""
    missing = {path: entry for path, entry in names.items() if follow(raw, split(path)) is None}
    if not missing:
        return raw
    found = copy.deepcopy(raw)
    name(found, missing)
    return found


def chosen(before: Any, name: str, registry: Registry[Any], path: str) -> Any:
    """The value for the entry ``name`` at ``path``, with the options of the old value that it also has."""
    # the data, pretraining and each layer are always tables
    table = path in ("data", "pretraining") or (path.startswith("layers[") and path.endswith("]"))
    known = {option.name for option in options_of(registry[name])} if name in registry else set()
    old = before if isinstance(before, dict) else {}
    kept = {key: copy.deepcopy(value) for key, value in old.items() if key in known}
    return {registry.key: name, **kept} if kept or table else name
