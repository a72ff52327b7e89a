"""Problems of a preset: where, what, and what is allowed, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from tuiml.registry import Registry, closest, options_of, short

SHAPES = {"model_type": "a table", "tuple_type": "a list of tables"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``str()`` gives ``path: message``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SpecError(ValueError):
    """A preset cannot be used: every problem it has, one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def join(parts: Iterable[str | int]) -> str:
    """``("layers", 2, "activation")`` as ``layers[2].activation``."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if part.replace("-", "_").isidentifier() else short(part)
            text += f".{word}" if text else word
    return text


def translate(details: dict[str, Any], document: Any, root: type[BaseModel], context: Any = None) -> Problem:
    """One of pydantic's errors about ``document`` as a problem."""
    location: tuple[str | int, ...] = details["loc"]
    kind, value, path = details["type"], details.get("input"), join(location)
    model, registry = _model_at(root, location[:-1], document, context)
    options = {o.name: o for o in options_of(model)} if model else {}
    option = options.get(str(location[-1])) if location else None
    if kind == "extra_forbidden":
        key = [registry.key] if registry and registry.other not in options else []
        names = [*key, *options]
        near = closest(location[-1], names)
        hint = f"did you mean '{near}'?" if near else f"known here: {', '.join(names)}"
        return Problem(join(location[:-1]), f"{short(location[-1])} is not a key here; {hint}")
    if kind == "missing":
        return Problem(path, "is missing")
    if kind in ("choice", "no_name", "plain"):
        return Problem(path, details["msg"])
    if kind in SHAPES:
        return Problem(path, f"{short(value)} is not {SHAPES[kind]}")
    if kind == "too_long":
        return Problem(path, f"has more than {details['ctx']['max_length']} entries")
    if option and option.kind in ("int", "float", "bool", "words"):
        return Problem(path, f"{short(value)} is not allowed; give {option.allowed()}")
    return Problem(path, f"{short(value)} is not allowed: {details['msg'][:1].lower()}{details['msg'][1:]}")


def _model_at(
    root: type[BaseModel], location: Sequence[str | int], document: Any, context: Any
) -> tuple[type[BaseModel] | None, Registry[Any] | None]:
    """The model whose option a location names, found by following the document's own names."""
    model: type[BaseModel] | None = root
    registry: Registry[Any] | None = None
    for part in location:
        document = _get(document, part)
        if not isinstance(part, int):
            option = next((o for o in options_of(model) if o.name == part), None) if model else None
            if option is None:
                return None, None
            registry, model = option.registry, option.model
        if registry and (isinstance(part, int) or model is None):
            model = registry.entry_of(document, context)
    return model, registry


def _get(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
        return value[key]
    return None
