"""The settings in which presets differ, as paths with values and as a few words. Reads no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tuiml.registry import value_text

Raw: TypeAlias = Mapping[str, Any]
NOT_SETTINGS = ("name", "note", "version")
_ORDER = ("framework", "model", "data", "layers", "activation", "initializer", "optimizer", "learning_rate")


def differences(documents: Sequence[Raw]) -> list[tuple[str, list[Any]]]:
    """The paths at which documents differ, with the value of each; ``None``: it is left out.

    Names and notes are no settings. A choice given by its name equals a table of that name without options.
    """
    found = _differ([{k: v for k, v in one.items() if k not in NOT_SETTINGS} for one in documents], "")
    return list(found)


def _differ(values: list[Any], path: str) -> Iterator[tuple[str, list[Any]]]:
    if all(value == values[0] for value in values):
        return
    present = [value for value in values if value is not None]
    tables = [value if isinstance(value, Mapping) else {"name": value} for value in present]
    if any(isinstance(value, Mapping) for value in present) and _same_choice(tables):
        if len(present) < len(values):
            yield path, values
            return
        for key in dict.fromkeys(key for table in tables for key in table):
            yield from _differ([table.get(key) for table in tables], f"{path}.{key}" if path else str(key))
    elif present and all(isinstance(value, list | tuple) for value in present):
        for at in range(max(map(len, present))):
            parts = [value[at] if value is not None and at < len(value) else None for value in values]
            yield from _differ(parts, f"{path}[{at}]")
    else:
        yield path, values


def _same_choice(tables: Sequence[Raw]) -> bool:
    """True unless they are choices of other names or layers of other types: those differ as a whole."""
    return all(table.get(key) == tables[0].get(key) for table in tables for key in ("name", "type"))


def described(document: Raw, base: Raw | None) -> tuple[str, ...]:
    """What differs from ``base`` in words: ``adam``, ``lr .0015``, ``he_normal``; without one, what it is."""
    changed: dict[str, list[Any]] = {}
    if base is None:
        changed = {key: value for key in _ORDER if (value := settings(document).get(key))}
    else:
        found = differences([base, document])
        for path, (_, value) in found:
            if not path.startswith("layers[") or "." in path:
                changed.setdefault(path.rpartition(".")[2], []).append(value)
        if _count(document) != _count(base):
            changed["layers"] = [_count(document)]
        elif kinds := [_at(document, path) for path, _ in found if path[-1:] == "]"]:
            changed["layers"] = kinds
    words = {key: _words(key, values) for key, values in changed.items()}
    order = sorted(words, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    return tuple(words[key] for key in order)


def _count(document: Raw) -> int:
    layers = document.get("layers")
    return len(layers) if isinstance(layers, list) else 0


def _at(document: Raw, path: str) -> Any:
    index = path[path.rindex("[") + 1 : -1]
    layers = document.get("layers")
    if not (path.startswith("layers[") and isinstance(layers, list) and index.isdigit()):
        return None
    return layers[int(index)] if int(index) < len(layers) else None


_PLAIN = (
    "framework", "model", "data", "activation", "initializer", "optimizer", "loss", "schedule", "normalize",
    "pretraining",
)  # fmt: skip
"""Settings whose value says which setting it is."""
_SHORT = {"learning_rate": "lr", "batch_size": "batch", "negative_slope": "slope"}


def _words(key: str, values: Sequence[Any]) -> str:
    texts = list(dict.fromkeys(number_text(value) for value in values))
    text = "/".join(texts[:3]) + ("…" if len(texts) > 3 else "")
    if key == "layers" and len(values) == 1 and isinstance(values[0], int):
        return f"{text} layer{'s' if values[0] != 1 else ''}"
    if key == "epochs" and values[0] is not None:
        return f"{text} epochs"
    word = _SHORT.get(key, key)
    if values == [None] or texts == ["left out"]:
        return f"default {word}"
    return text if key in _PLAIN or key == "layers" else f"{word} {text}"


def number_text(value: Any) -> str:
    """A value as lists show it: ``.0015``, ``relu``."""
    text = value_text(value)
    return text[1:] if isinstance(value, float) and text.startswith("0.") else text


def settings(document: Raw) -> dict[str, list[Any]]:
    """All values by the name of their setting and by their path: ``units``, ``layers[1].units``.

    A choice has the value of its name; ``layers`` has their number.
    """
    found: dict[str, list[Any]] = {}

    def note(path: str, value: Any) -> None:
        for key in dict.fromkeys((path, path.rpartition(".")[2])):
            found.setdefault(key.casefold(), []).append(value)

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Mapping):
            if path and "name" in value:
                note(path, value["name"])
            for key, inner in value.items():
                if key != "name":
                    walk(inner, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            note(path, len(value))
            for at, one in enumerate(value):
                walk(one, f"{path}[{at}]")
        elif isinstance(value, list | tuple):
            for one in value:
                note(path, one)
        else:
            note(path, value)

    walk({key: value for key, value in document.items() if key not in NOT_SETTINGS}, "")
    return found
