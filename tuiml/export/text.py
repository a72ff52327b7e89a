"""Python source, put together line by line."""

from __future__ import annotations

import json
import textwrap
from typing import Any

WIDTH = 100
Part = str | list[str]


def dedent(text: str) -> str:
    """Source from a string of ours, without its indentation."""
    return textwrap.dedent(text).strip("\n")


def words(text: str) -> str:
    """Text of the user's in a docstring, which nothing in it can end."""
    return text.replace("\\", "/").replace('"', "'")


def literal(value: Any) -> str:
    """A value as source, texts in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def listed(name: str, values: list[Any] | dict[Any, Any]) -> str:
    """``NAME = [...]``, one value a line where it is long."""
    line = f"{name} = {literal(values)}"
    if len(line) <= WIDTH:
        return line
    if isinstance(values, dict):
        items, (start, end) = [f"{literal(k)}: {literal(v)}" for k, v in values.items()], "{}"
    else:
        items, (start, end) = list(map(literal, values)), "[]"
    return "\n".join([f"{name} = {start}", *(f"    {item}," for item in items), end])


def lines(*parts: Part) -> list[str]:
    """Lines of source, one after the other; empty ones are left out."""
    found: list[str] = []
    for part in parts:
        found += [part] if isinstance(part, str) else part
    return [line for line in found if line]


def inside(*parts: Part) -> list[str]:
    """Lines of source, indented."""
    return [f"    {line}" for line in lines(*parts)]


def function(head: str, says: str, *parts: Part) -> str:
    """A function with its docstring."""
    return "\n".join([f"def {head}:", *inside(f'"""{says}"""', *parts)])
