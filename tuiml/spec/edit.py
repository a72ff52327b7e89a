"""Changing a document by dotted paths: ``training.learning_rate=0.01``, ``layers[*].initializer=he_normal``."""

from __future__ import annotations

import copy
import re
import tomllib
from typing import Any

from tuiml.nn.layers import layers
from tuiml.registry import closest, options_of, short
from tuiml.spec.problems import Problem, SpecError

_PART = re.compile(r"\.?([A-Za-z_][\w-]*|\d+|\*)|\[(\d+|\*)\]")
SECTIONS = ("version", "name", "note", "data", "layers", "training")


def assign(document: dict[str, Any], setting: str) -> dict[str, Any]:
    """A copy of the document with one ``PATH=VALUE`` applied.

    VALUE is TOML (``0.01``, ``true``, ``{ name = "sgd", momentum = 0.9 }``); anything else is text.

    Raises:
        SpecError: the path leads nowhere; the values themselves are checked with the whole preset.
    """
    path, found, text = setting.partition("=")
    if not found or not path.strip():
        raise SpecError([Problem("--set", f"{short(setting)} is not PATH=VALUE")])
    document = copy.deepcopy(document)
    _put(document, split(path.strip()), parse(text.strip()), path.strip())
    return document


def split(path: str) -> list[str]:
    """``layers[*].initializer`` or ``layers.*.initializer`` as its parts.

    Raises:
        SpecError: it is not a path.
    """
    parts, at = [], 0
    while at < len(path):
        match = _PART.match(path, at)
        if not match:
            raise SpecError([Problem("--set", f"{short(path)} is not a path such as layers[1].units")])
        parts.append(match.group(1) or match.group(2))
        at = match.end()
    return parts


def parse(text: str) -> Any:
    """A value as TOML reads it, or the text itself."""
    if "\n" in text or "=" in text and not text.startswith("{"):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text


def _put(target: Any, parts: list[str], value: Any, path: str) -> None:
    head, rest = parts[0], parts[1:]
    if isinstance(target, list):
        for index in _indices(target, head, path):
            if not rest:
                target[index] = value
            elif head != "*" or _takes(target[index], rest[0]):
                _put(target[index], rest, value, path)
        return
    if not rest:
        target[head] = value
        return
    inner = target.get(head)
    if isinstance(inner, str):  # "sgd" becomes { name = "sgd" }, so that an option can join it
        inner = {"name": inner}
    elif inner is None and target.get("type") is None and head in ("data", "training"):
        inner = {}
    if not isinstance(inner, dict | list):
        near = closest(head, [*target, *SECTIONS])
        hint = f"; did you mean '{near}'?" if near and near != head else ""
        raise SpecError([Problem("--set", f"{path}: there is no '{short(head)[1:-1]}' to set{hint}")])
    target[head] = inner
    _put(inner, rest, value, path)


def _indices(target: list[Any], word: str, path: str) -> list[int]:
    if word == "*":
        return list(range(len(target)))
    if not word.isdigit() or int(word) >= len(target):
        last = len(target) - 1
        raise SpecError([Problem("--set", f"{path}: there is no layer {word}; they count from 0 to {last}")])
    return [int(word)]


def _takes(layer: Any, key: str) -> bool:
    kind = layer.get("type") if isinstance(layer, dict) else None
    return kind in layers and any(option.name == key for option in options_of(layers[kind]))
