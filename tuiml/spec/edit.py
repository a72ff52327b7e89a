"""Changing a document by dotted paths: ``training.epochs=5``, ``layers[*].initializer=he_normal``."""

from __future__ import annotations

import copy
import re
from typing import Any

from tuiml.data.datasets import datasets
from tuiml.nn.layers import ActivationLayer, Dense, layers
from tuiml.nn.pretraining import pretrainings
from tuiml.registry import closest, options_of, short
from tuiml.spec import toml
from tuiml.spec.problems import Problem, SpecError

_PART = re.compile(r"\.?([A-Za-z_][\w-]*|\d+|\*)|\[(\d+|\*)\]")
_SHORT_NUMBER = re.compile(r"[+-]?(\.\d+|\d+\.)(e[+-]?\d+)?", re.IGNORECASE)
"""``.01`` and ``1.``: TOML refuses what one types."""
SECTIONS = ("version", "name", "note", "data", "layers", "pretraining", "training")


def assign(document: dict[str, Any], setting: str) -> dict[str, Any]:
    """A copy of the document with one ``PATH=VALUE`` applied.

    VALUE is TOML (``0.01``, ``true``, ``{ name = "sgd", momentum = 0.9 }``); anything else is text.

    Raises:
        SpecError: the path leads nowhere; the values themselves are checked with the whole preset.
    """
    path, found, text = setting.partition("=")
    if not found or not path.strip():
        raise SpecError([Problem("--set", f"{short(setting)} is not PATH=VALUE")])
    return put(document, path.strip(), parse(text.strip()))


def put(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the document with a value at a path.

    Raises:
        SpecError: the path leads nowhere.
    """
    document = copy.deepcopy(document)
    parts = split(path)
    if parts[0] == "data" and parts[1:] in ([datasets.key], [datasets.other]):
        _rename_data(document, parts[1])
    _put(document, parts, value, path)
    return document


def _rename_data(document: dict[str, Any], key: str) -> None:
    """Make way for a data set of another name, or for a file in place of one: it has either."""
    data = document.get("data")
    given = {datasets.key, datasets.other} - {key}
    if isinstance(data, dict) and given & set(data):
        document["data"] = {}  # sizes and options were those of the other


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
    if "\n" in text:
        return text
    try:
        return toml.parse(f"value = {text}")["value"]
    except toml.ParseError:
        return float(text) if _SHORT_NUMBER.fullmatch(text) else text


def _put(target: Any, parts: list[str], value: Any, path: str) -> None:
    head, rest = parts[0], parts[1:]
    if isinstance(target, list):
        for index in _indices(target, head, rest, path):
            if not rest:
                target[index] = copy.deepcopy(value)  # one a layer, or the next edit would change them all
                continue
            if isinstance(target[index], str):  # as below
                target[index] = {layers.key: target[index]}
            if not isinstance(target[index], dict):
                raise SpecError([Problem("--set", f"{path}: {short(target[index])} is not a layer")])
            _put(target[index], rest, value, path)
        return
    if not rest:
        target[head] = copy.deepcopy(value)
        return
    inner = target.get(head)
    if isinstance(inner, str):  # "sgd" becomes { name = "sgd" }, so that an option can join it
        inner = {pretrainings.key if head == "pretraining" else "name": inner}
    elif inner is None and target.get("type") is None and head == "pretraining":
        inner = {pretrainings.key: pretrainings.names()[0]}  # an option of it means that there is some
    elif inner is None and target.get("type") is None and head in ("data", "training"):
        inner = {}
    if not isinstance(inner, dict | list):
        near = closest(head, [*target, *SECTIONS])
        hint = f"; did you mean '{near}'?" if near and near != head else ""
        raise SpecError([Problem("--set", f"{path}: there is no '{short(head)[1:-1]}' to set{hint}")])
    target[head] = inner
    _put(inner, rest, value, path)


def _indices(target: list[Any], word: str, rest: list[str], path: str) -> list[int]:
    """The places of a list that a word of a path means: a number, or ``*`` for all that have the next key.

    The activation of the output layer belongs to the loss: ``*`` leaves it as it is.
    """
    if word == "*":
        found = [i for i, layer in enumerate(target) if not rest or rest[0] in _keys(layer)]
        if rest and rest[0] == "activation":
            found = [i for i in found if i < _output(target)] or found
        if not found:
            near = closest(rest[0], {key for layer in target for key in _keys(layer)}) if rest else None
            hint = f"; did you mean '{near}'?" if near else ""
            raise SpecError([Problem("--set", f"{path}: no layer has the key{hint}")])
        return found
    if not word.isdigit() or len(word) > 9 or int(word) >= len(target):
        known = f"they count from 0 to {len(target) - 1}" if target else "there is none"
        raise SpecError([Problem("--set", f"{short(path)[1:-1]}: there is no layer {word[:9]}; {known}")])
    return [int(word)]


def _output(stack: list[Any]) -> int:
    """Where the output layer begins: the last dense layer, with nothing but activations after it."""
    for index in reversed(range(len(stack))):
        if _kind(stack[index]) == Dense.name:
            return index
        if _kind(stack[index]) != ActivationLayer.name:
            break
    return len(stack)


def _kind(layer: Any) -> Any:
    return layer.get(layers.key) if isinstance(layer, dict) else layer


def _keys(layer: Any) -> list[str]:
    kind = _kind(layer)
    known = options_of(layers[kind]) if isinstance(kind, str) and kind in layers else ()
    return [layers.key, *(option.name for option in known)]
